"""Runs a benchmark job from its input file to its final rows, beside a floor, and checks the rows.

    bench/run.py --job b2b-journeys --events 3000000 [--dist uniform|zipf] [--threads 1] [--partitions 1] [--runs 1]

The floor reads and parses the same file with the same mapping and does nothing else (`bench_floor`). Both run in turns.
Prints seconds, events per second and thread, CPU, peak resident size, the ratio to the floor, and `rows equal: yes`.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build/release/bin"


def measure(command, environment=None):
    """Runs `command`; returns (seconds, CPU seconds, peak resident MiB, its standard output)."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))}: ended with status {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out


def make_input(options, folder):
    events = folder / f"{options.dist}-{options.events}-{options.leads}.jsonl"
    if not events.exists():
        partial = events.with_suffix(".part")
        with open(partial, "wb") as out:
            subprocess.run([BIN / "bench_generate", "--events", str(options.events), "--leads", str(options.leads),
                            "--dist", options.dist], stdout=out, check=True)
        partial.rename(events)
    return events


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--job", default="b2b-journeys", choices=["b2b-journeys"])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--leads", type=int, default=200_000)
    parser.add_argument("--dist", default="uniform", choices=["uniform", "zipf"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=0, help="default: one per thread")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    folder = ROOT / "build/bench"
    folder.mkdir(parents=True, exist_ok=True)
    events = make_input(options, folder)
    with open(events, "rb") as lines:
        count = sum(chunk.count(b"\n") for chunk in iter(lambda: lines.read(1 << 20), b""))
    pipeline = ROOT / "bench/b2b_journeys/pipeline.yaml"
    work = folder / "run"
    environment = dict(os.environ, EVENTS_FILE=str(events), STATE_DIR=str(work / "state"), OUT_DIR=str(work / "out"))
    for run in range(options.runs):
        floor, floor_cpu, _, _ = measure([BIN / "bench_floor", pipeline], environment)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        seconds, cpu, resident, _ = measure(
            [ROOT / "build/release/leadflow", "run", pipeline, "--until-end", "--quiet", "--set", f"engine.threads={options.threads}",
             "--set", f"engine.partitions={options.partitions or options.threads}"], environment)
        print(f"run {run + 1}: {count} events ({options.dist}), {options.leads} leads, {options.threads} thread(s)")
        print(f"  leadflow: {seconds:.2f} s, {cpu:.2f} CPU s ({cpu / count * 1e6:.2f} us/event), peak resident {resident:.0f} MiB")
        print(f"  floor (read and parse only): {floor:.2f} s, {floor_cpu:.2f} CPU s; leadflow takes {seconds / floor:.2f} x the floor")
        print(f"  events/s per thread: {count / seconds / options.threads:.0f}")
    sys.stdout.flush()
    check = subprocess.run([sys.executable, ROOT / "bench/b2b_journeys/oracle.py", events, work / "out"])
    sys.exit(check.returncode)


if __name__ == "__main__":
    main()
