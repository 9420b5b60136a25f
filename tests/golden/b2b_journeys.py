"""The benchmark job in small: uniform and Zipf, shuffled and duplicated, killed on the way; rows equal the oracle's.

    b2b_journeys.py LEADFLOW_BINARY BENCH_GENERATE [EVENTS [LEADS [KILLS]]]
"""
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY, GENERATE = (str(pathlib.Path(a).resolve()) for a in sys.argv[1:3])
EVENTS, LEADS, KILLS = (sys.argv[3:] + ["20000", "800", "4"][len(sys.argv[3:]):])
PIPELINE = ROOT / "bench/b2b_journeys/pipeline.yaml"


def run(folder, events, *settings, kills=0):
    """Runs the job; with `kills`, kills it so often at random moments first. Returns how often it was killed."""
    environment = dict(os.environ, EVENTS_FILE=str(events), STATE_DIR=str(folder / "state"), OUT_DIR=str(folder / "out"))
    command = [BINARY, "run", str(PIPELINE), "--until-end", "--quiet"] + [w for s in settings for w in ("--set", s)]
    dice, killed = random.Random(11), 0
    for _ in range(kills):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            # So early that all kills fall into the run, at whatever size.
            process.wait(timeout=dice.uniform(0.05, 1.0) * max(0.4, 1.2 * int(EVENTS) / 100_000 / kills))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"run ended with {done.returncode}: {done.stderr[-2000:]}")
    return killed


def main():
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for distribution in ("uniform", "zipf"):
            events = folder / f"{distribution}.jsonl"
            with open(events, "wb") as out:
                subprocess.run([GENERATE, "--events", EVENTS, "--leads", LEADS, "--dist", distribution], stdout=out, check=True)
            lines = events.read_bytes().splitlines(keepends=True)
            lines += random.Random(3).sample(lines, len(lines) // 50)
            random.Random(5).shuffle(lines)
            mixed = folder / f"{distribution}-mixed.jsonl"
            mixed.write_bytes(b"".join(lines))
            for name, file, settings, kills in (
                    ("plain", events, [], 0), ("4 partitions, 2 threads", events, ["engine.partitions=4", "engine.threads=2"], 0),
                    ("shuffled and duplicated", mixed, [], 0), ("killed", events, ["engine.commit_interval=30ms"], int(KILLS)),
                    ("killed, 2 threads", mixed, ["engine.partitions=4", "engine.threads=2", "engine.commit_interval=30ms"], int(KILLS))):
                work = folder / f"{distribution}-{name}".replace(" ", "-").replace(",", "")
                work.mkdir()
                killed = run(work, file, *settings, kills=kills)
                check = subprocess.run([sys.executable, "-B", str(ROOT / "bench/b2b_journeys/oracle.py"), str(file), str(work / "out")],
                                       capture_output=True, text=True)
                failed |= check.returncode != 0
                print(f"{distribution}, {name}{f', {killed} kills' if kills else ''}: {check.stdout.strip()}{check.stderr[-500:]}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
