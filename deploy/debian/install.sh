#!/bin/sh
# Installs the Debian packages that a build needs and that are missing; says so and does nothing if
# none is. Needs root (or sudo) only when something is missing.
set -eu
here=$(dirname "$0")
missing=""
for package in $(grep -v '^#' "$here/packages.txt"); do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing missing packages:$missing"
if ! command -v apt-get >/dev/null; then
  echo "this machine has no apt-get; install the packages above by hand" >&2
  exit 1
fi
run=""
if [ "$(id -u)" -ne 0 ]; then run="sudo"; fi
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -qq
# shellcheck disable=SC2086
$run apt-get install -y -qq --no-install-recommends $missing >/dev/null
