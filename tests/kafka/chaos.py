"""A pipeline whose input grows while its processes and its broker are killed, frozen, restarted, added and removed: in the
end its rows are those of one undisturbed process without Kafka.

    chaos.py LEADFLOW_BINARY [--seeds 1] [--first 1] [--seconds 60] [--leads 1500] [--version V]

The same seed gives the same faults at the same times, as far as a machine can. `--seconds`: of each seed.
"""
import argparse
import collections
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import broker  # noqa: E402
import pipeline  # noqa: E402

PROCESSES_MAX = 4


class Chaos:
    def __init__(self, job, kafka, seed):
        self.job, self.kafka, self.dice = job, kafka, random.Random(seed)
        self.running, self.frozen, self.members = {}, set(), 0
        self.done = collections.Counter()

    def begin(self, member=None):
        if member is None:
            member, self.members = self.members, self.members + 1
        self.running[member] = self.job.start(member, until_end=False)

    def victim(self):
        return self.dice.choice(sorted(self.running))

    def end(self, member, how):
        process = self.running.pop(member)
        process.send_signal(signal.SIGCONT)
        self.frozen.discard(member)
        process.send_signal(how)
        process.wait(60)
        if how == signal.SIGTERM and process.returncode not in (0, -signal.SIGTERM):  # it may not have got to its handler yet
            self.job.complaint(f"process {member} ended with {process.returncode} when it was asked to stop")
        return member

    def kill(self):
        self.begin(self.end(self.victim(), signal.SIGKILL))

    def kill_with_disk(self):
        member = self.end(self.victim(), signal.SIGKILL)
        shutil.rmtree(self.job.folder / f"state-{member}", ignore_errors=True)
        self.begin(member)

    def kill_for_good(self):
        if len(self.running) > 1:
            self.end(self.victim(), signal.SIGKILL)

    def restart(self):
        self.begin(self.end(self.victim(), signal.SIGTERM))

    def remove(self):
        if len(self.running) > 1:
            self.end(self.victim(), signal.SIGTERM)

    def add(self):
        if len(self.running) < PROCESSES_MAX:
            self.begin()

    def freeze(self):
        member = self.victim()
        self.running[member].send_signal(signal.SIGSTOP)
        self.frozen.add(member)

    def thaw(self):
        for member in sorted(self.frozen):
            self.running[member].send_signal(signal.SIGCONT)
        self.frozen.clear()

    def restart_broker(self):
        self.kafka.restart(kill=self.dice.random() < 0.5)

    def hold_broker(self):
        self.kafka.process.send_signal(signal.SIGSTOP)
        time.sleep(self.dice.uniform(0.5, 5))
        self.kafka.process.send_signal(signal.SIGCONT)

    def check_alive(self):
        for member, process in self.running.items():
            if process.poll() is not None:
                self.job.complaint(f"process {member} ended by itself with {process.returncode}")

    def run(self, seconds):
        faults = [self.kill, self.kill, self.kill_with_disk, self.kill_for_good, self.restart, self.remove, self.add, self.add,
                  self.freeze, self.freeze, self.thaw, self.thaw, self.restart_broker, self.hold_broker]
        for _ in range(2):
            self.begin()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self.dice.uniform(0.2, 6))
            self.check_alive()
            fault = self.dice.choice(faults)
            self.done[fault.__name__] += 1
            fault()
        self.thaw()

    def stop(self):
        self.check_alive()
        for member in sorted(self.running):
            self.end(member, self.dice.choice([signal.SIGTERM, signal.SIGKILL]))


def feed(lines, path, seconds):
    """The input grows: a hundred pieces, the last one when the time is up; a piece may end within a line."""
    data = b"".join(lines)
    with open(path, "ab", buffering=0) as out:
        for i in range(100):
            out.write(data[len(data) * i // 100:len(data) * (i + 1) // 100])
            time.sleep(seconds / 100)


def run_seed(options, folder, events, expected, kafka, seed):
    growing = folder / f"growing-{seed}.jsonl"
    growing.touch()
    name = f"chaos{seed}"
    job = pipeline.Job(str(pathlib.Path(options.binary).resolve()), str(pipeline.ROOT / "tests/golden/year.yaml"), growing, folder, name,
                       kafka.variables["LEADFLOW_KAFKA"], f"engine.threads={1 + seed % 2}")
    service = list(job.words)
    job.words += ["--set", "sources.year.file.follow=true"]
    feeder = threading.Thread(target=feed, args=(events.read_bytes().splitlines(keepends=True), growing, options.seconds), daemon=True)
    feeder.start()
    chaos = Chaos(job, kafka, seed)
    chaos.run(options.seconds)
    feeder.join()
    chaos.stop()
    job.words = service
    different = sorted(set(job.rows().items()) ^ set(expected.items()), key=str)
    faults = ", ".join(f"{fault} {count}" for fault, count in sorted(chaos.done.items()))
    print(f"  {'DIFFERS' if different else 'equal  '} seed {seed}: {faults}" + "".join(f"\n      {d}" for d in different[:6]), flush=True)
    if different:
        job.complaint("other rows")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--leads", type=int, default=1500)
    parser.add_argument("--version", default=os.environ.get("KAFKA_VERSION") or broker.DEFAULT_VERSION)
    options = parser.parse_args()
    try:
        broker.fetch(options.version)
    except broker.Missing as missing:
        print(f"chaos.py: skipped: {missing}", file=sys.stderr)
        return broker.SKIPPED
    with tempfile.TemporaryDirectory() as folder, broker.running(options.version) as kafka:
        folder = pathlib.Path(folder)
        events, expected = pipeline.make_year(options.binary, folder, options.leads)
        print(f"{len(expected)} rows, {options.seconds:.0f} s a seed", flush=True)
        for seed in range(options.first, options.first + options.seeds):
            run_seed(options, folder, events, expected, kafka, seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
