#!/bin/sh
# Builds every fuzz target with clang and runs each for the given number of seconds.
#   tests/fuzz/run.sh [SECONDS]
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
if ! command -v clang++ >/dev/null; then
  echo "fuzzing needs clang and its runtime: apt-get install clang libclang-rt-14-dev" >&2
  exit 1
fi
cmake --preset fuzz > /dev/null
targets=$(sed -n 's/^ *leadflow_fuzz(\([a-z_0-9]*\).*/\1/p' tests/fuzz/CMakeLists.txt)
# shellcheck disable=SC2086
cmake --build --preset fuzz --target $targets > build/fuzz-build.log || { tail -n 40 build/fuzz-build.log; exit 1; }
failed=0
for target in $targets; do
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus"
  if build/fuzz/bin/"$target" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 \
      -artifact_prefix=build/fuzz/"$target"- "$corpus" > "build/fuzz/$target.log" 2>&1; then
    echo "$target: clean, $(grep -c . "build/fuzz/$target.log") lines of log, $(sed -n 's/^Done \([0-9]*\) runs.*/\1 runs/p' "build/fuzz/$target.log")"
  else
    echo "$target: FAILED, see build/fuzz/$target.log"
    tail -n 20 "build/fuzz/$target.log"
    failed=1
  fi
done
exit $failed
