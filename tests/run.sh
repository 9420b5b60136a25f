#!/bin/sh
# Everything that must hold, in the order in which it fails fastest. Ends with ctest's own summary of
# each part; any failure ends it with exit code 1.
#   tests/run.sh            release and sanitizer builds
#   tests/run.sh release    only the release part
set -eu
cd "$(dirname "$0")/.."
parts="${*:-release dev}"
jobs=$(nproc)
export CTEST_OUTPUT_ON_FAILURE=1
for part in $parts; do
  echo "== $part: configure and build"
  mkdir -p build
  cmake --preset "$part" > "build/$part-configure.log" 2>&1 || { cat "build/$part-configure.log"; exit 1; }
  start=$(date +%s)
  cmake --build --preset "$part" -- -k 0 > "build/$part-build.log" 2>&1 || { tail -n 60 "build/$part-build.log"; exit 1; }
  echo "== $part: built in $(( $(date +%s) - start )) s"
  ctest --preset "$part" -j "$jobs" --no-tests=error
done
