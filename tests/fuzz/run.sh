#!/bin/sh
# Builds every fuzz target with clang and runs each for the given number of seconds, two at a time.
#   tests/fuzz/run.sh [SECONDS]
set -eu
cd "$(dirname "$0")/../.."
build=${FUZZ_BUILD:-build/fuzz}
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export LSAN_OPTIONS=suppressions=tests/fuzz/leaks.txt:print_suppressions=0

if [ "${1:-}" = --one ]; then
  seconds=$2 target=$3
  log=$build/$target.log
  if "$build/bin/$target" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 \
      -artifact_prefix="$build/$target-" "$build/corpus/$target" > "$log" 2>&1; then
    echo "$target: clean, $(sed -n 's/^Done \([0-9]*\) runs.*/\1 runs/p' "$log")," \
      "$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)"
    exit 0
  fi
  echo "$target: FAILED, see $log"
  tail -n 20 "$log"
  exit 1
fi

seconds=${1:-60}
if ! command -v clang++ >/dev/null; then
  echo "fuzzing needs clang and its runtime: apt-get install clang libclang-rt-14-dev" >&2
  exit 1
fi
cmake --preset fuzz -B "$build" > /dev/null
targets=$(sed -n 's/^ *leadflow_fuzz(\([a-z_0-9]*\).*/\1/p' tests/fuzz/CMakeLists.txt)
# shellcheck disable=SC2086
cmake --build "$build" --target fuzz_seeds $targets > "$build/build.log" ||
  { tail -n 40 "$build/build.log"; exit 1; }
for target in $targets; do mkdir -p "$build/corpus/$target"; done
"$build/bin/fuzz_seeds" "$build/corpus"
for file in tests/unit/pipeline/full.yaml tests/config_errors/*.yaml examples/*/pipeline.yaml; do
  cp "$file" "$build/corpus/fuzz_pipeline/$(echo "$file" | tr / -)"
done
echo "$targets" | xargs -P 2 -n 1 tests/fuzz/run.sh --one "$seconds"
