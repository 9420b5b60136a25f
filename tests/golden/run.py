"""One pipeline, one year of journeys, many ways to run it: all must end with the same rows.

    run.py LEADFLOW_BINARY [--leads 300] [--kills 3] [--input FILE.jsonl --pipeline FILE.yaml]

Ways: as it is; 1 and 4 partitions; 2 threads; input shuffled and duplicated; killed (-9) on the way and started again; and
`leadflow verify` after each. Rows are compared without revision, cause, updated_at, and without rows of zeros; `settled`
only where the input has the same order. The default input is the made-up year of examples/quickstart.
"""
import argparse
import csv
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LEFT_OUT = {"revision", "cause", "updated_at", "settled"}


def rows_of(out):
    rows = {}
    for file in sorted(pathlib.Path(out).glob("*.csv")):
        with open(file, encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                numbers = [row[c] for c in ("value", "numerator", "denominator") if row.get(c)]
                if any(float(n) for n in numbers):
                    key = tuple(v for c, v in row.items() if c not in LEFT_OUT)
                    rows[file.stem, key] = rows.get((file.stem, key), 0) + 1
    return rows


class Way:
    def __init__(self, binary, pipeline, folder, name):
        self.binary, self.pipeline, self.folder, self.name = binary, pipeline, pathlib.Path(folder) / name, name
        self.folder.mkdir()

    def command(self, *settings):
        sets = [word for setting in settings for word in ("--set", setting)]
        return [self.binary, "run", str(self.pipeline), "--until-end", "--quiet", *sets]

    def environment(self, events):
        return dict(os.environ, EVENTS_FILE=str(events), OUT_DIR=str(self.folder / "out"), STATE_DIR=str(self.folder / "state"))

    def run(self, events, *settings):
        done = subprocess.run(self.command(*settings), env=self.environment(events), capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{self.name}: run ended with {done.returncode}\n{done.stderr[-3000:]}")
        self.verify(events, *settings)
        return rows_of(self.folder / "out")

    def run_killed(self, events, kills, seconds, dice, *settings):
        killed = 0
        while killed < kills:
            process = subprocess.Popen(self.command(*settings), env=self.environment(events), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            try:
                process.wait(timeout=dice.uniform(0.15, 1.0) * seconds)
                break  # it was done before the kill
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
        return self.run(events, *settings), killed

    def verify(self, events, *settings):
        sets = [word for setting in settings for word in ("--set", setting)]
        done = subprocess.run([self.binary, "verify", "--pipeline", str(self.pipeline), *sets], env=self.environment(events),
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{self.name}: verify failed\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--leads", type=int, default=300)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--input")
    parser.add_argument("--pipeline", default=str(ROOT / "tests/golden/year.yaml"))
    options = parser.parse_args()
    binary = str(pathlib.Path(options.binary).resolve())
    dice = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        events = pathlib.Path(options.input) if options.input else pathlib.Path(folder) / "events.jsonl"
        if not options.input:
            subprocess.run([sys.executable, ROOT / "examples/quickstart/generate.py", events, str(options.leads)], check=True,
                           stderr=subprocess.DEVNULL)
        lines = events.read_text(encoding="utf-8").splitlines(keepends=True)
        mixed = pathlib.Path(folder) / "mixed.jsonl"
        twice = lines + [line for line in lines if dice.random() < 0.05]
        dice.shuffle(twice)
        mixed.write_text("".join(twice), encoding="utf-8")
        failed = 0

        def compare(name, rows):
            nonlocal failed
            different = sorted(set(rows.items()) ^ set(base.items()), key=str)
            failed += bool(different)
            print(f"  {'equal  ' if not different else 'DIFFERS'} {name}" + "".join(f"\n      {d}" for d in different[:6]), flush=True)

        start = time.monotonic()
        base = Way(binary, options.pipeline, folder, "plain").run(events)
        seconds = time.monotonic() - start
        print(f"{len(lines)} events, {len(base)} rows that are not zero, {seconds:.1f} s", flush=True)
        compare("1 partition", Way(binary, options.pipeline, folder, "p1").run(events, "engine.partitions=1"))
        compare("4 partitions, 2 threads", Way(binary, options.pipeline, folder, "p4").run(events, "engine.partitions=4", "engine.threads=2"))
        compare("shuffled and duplicated", Way(binary, options.pipeline, folder, "mixed").run(mixed))
        compare("shuffled, 2 threads", Way(binary, options.pipeline, folder, "mixed2").run(mixed, "engine.partitions=3", "engine.threads=2"))
        if options.kills:
            rows, killed = Way(binary, options.pipeline, folder, "killed").run_killed(
                events, options.kills, seconds, dice, "engine.commit_interval=20ms")
            compare(f"killed {killed} times", rows)
            rows, killed = Way(binary, options.pipeline, folder, "killed2").run_killed(
                events, options.kills, seconds, dice, "engine.commit_interval=20ms", "engine.partitions=4", "engine.threads=2")
            compare(f"killed {killed} times, 2 threads", rows)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
