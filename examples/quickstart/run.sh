#!/bin/sh
# Runs the quick start with the given binary and prints its report. Everything it writes goes to OUT
# (default: examples/quickstart/out), which it empties first.
#   examples/quickstart/run.sh build/release/leadflow
set -eu
leadflow=$(realpath "$1")
cd "$(dirname "$0")"
OUT=${OUT:-$PWD/out}
export OUT
rm -rf "$OUT"
mkdir -p "$OUT"
python3 generate.py "$OUT/year.jsonl"
"$leadflow" run pipeline.yaml --until-end
# One of the made-up leads: a fair, newsletters, searches, an order.
"$leadflow" report --pipeline pipeline.yaml --lead person2609@works509.example
echo
echo "all rows: $OUT/*.csv; the pipeline: examples/quickstart/pipeline.yaml"
