"""A pipeline whose input grows while its processes and its brokers are killed, frozen, restarted, added and removed, cut off and
slowed down, and disks run full: in the end its rows are those of one undisturbed process without Kafka.

    chaos.py LEADFLOW_BINARY READ_ROWS_BINARY [--seeds 1] [--first 1] [--seconds 60] [--leads 1500] [--brokers 1] [--version V]

The same seed gives the same faults at the same times, as far as a machine can. `--seconds`: of each seed. With three brokers a broker
that was killed stays away for a while, and the others go on without it. Full disks need a user who may mount; else they are left out.
"""
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import broker  # noqa: E402
import pipeline  # noqa: E402

PROCESSES_MAX = 4
DISK = "512m"  # of a state directory


class Chaos:
    def __init__(self, job, kafka, seed):
        self.job, self.kafka, self.dice = job, kafka, random.Random(seed)
        self.running, self.frozen, self.members = {}, set(), 0
        self.away = []  # Brokers that were killed.
        self.done = collections.Counter()
        self.may_mount = os.geteuid() == 0 and self.mount(job.folder / "probe")
        job.brokers_of = lambda member: kafka.over(member % PROCESSES_MAX) if isinstance(member, int) else job.brokers

    def mount(self, folder):
        folder.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], stderr=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def unmount(self):
        for folder in self.job.folder.iterdir():
            if folder.is_mount():
                subprocess.run(["umount", "-l", folder], check=True)

    def begin(self, member=None):
        if member is None:
            member, self.members = self.members, self.members + 1
            if self.may_mount:
                self.mount(self.job.folder / f"state-{member}")
        self.running[member] = self.job.start(member, "--log-format", "json")

    def victim(self):
        return self.dice.choice(sorted(self.running))

    def has_begun(self, member):
        return '"restored"' in self.job.log_of[member].read_text()

    def end(self, member, how):
        process = self.running.pop(member)
        if how == signal.SIGTERM:  # To end in order it has to commit.
            self.kafka.links.broken[member % PROCESSES_MAX] = False
        process.send_signal(signal.SIGCONT)
        self.frozen.discard(member)
        process.send_signal(how)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            self.job.complaint(f"process {member} does not end")
        if how == signal.SIGTERM and process.returncode not in (0, -signal.SIGTERM):  # it may not have got to its handler yet
            self.job.complaint(f"process {member} ended with {process.returncode} when it was asked to stop")
        return member

    def kill(self):
        self.begin(self.end(self.victim(), signal.SIGKILL))

    def kill_with_disk(self):
        member = self.end(self.victim(), signal.SIGKILL)
        for path in (self.job.folder / f"state-{member}").glob("*"):
            path.unlink() if path.is_file() else shutil.rmtree(path)
        self.begin(member)

    def kill_for_good(self):
        if len(self.running) == 1:
            return False
        return self.end(self.victim(), signal.SIGKILL)

    def restart(self):
        self.begin(self.end(self.victim(), signal.SIGTERM))

    def remove(self):
        if len(self.running) == 1:
            return False
        return self.end(self.victim(), signal.SIGTERM)

    def add(self):
        if len(self.running) == PROCESSES_MAX:
            return False
        return self.begin()

    def freeze(self):
        member = self.victim()
        self.running[member].send_signal(signal.SIGSTOP)
        self.frozen.add(member)

    def thaw(self):
        if not self.frozen:
            return False
        for member in sorted(self.frozen):
            self.running[member].send_signal(signal.SIGCONT)
        return self.frozen.clear()

    def cut_off(self):
        self.kafka.links.broken[self.victim() % PROCESSES_MAX] = True

    def slow_down(self):
        self.kafka.links.delay_s[self.victim() % PROCESSES_MAX] = self.dice.uniform(0.01, 0.2)

    def mend(self):
        self.kafka.links.mend()

    def fill_disk(self):
        """A process either does without the disk for a while, or says what is wrong and ends."""
        if not self.may_mount:
            return False
        member = self.victim()
        folder = self.job.folder / f"state-{member}"
        if not folder.is_mount():
            return False
        try:
            with open(folder / "filler", "wb", buffering=0) as filler:
                while filler.write(bytes(1 << 20)) > 0:
                    pass
        except OSError:
            pass  # It is full.
        time.sleep(self.dice.uniform(1, 5))
        process = self.running[member]
        if process.poll() is not None:
            said = self.job.log_of[member].read_text()
            if "no space left" not in said.lower():
                self.job.complaint(f"process {member} ended with {process.returncode} on a full disk, without saying why")
            self.done["ended for its disk"] += 1
        (folder / "filler").unlink()
        if process.poll() is not None:
            self.frozen.discard(member)
            self.begin(member)

    def kill_broker(self):
        if len(self.kafka.brokers) < 3:
            return self.kafka.brokers[0].restart(kill=True)
        if self.away:
            return False
        self.away.append(self.dice.choice(self.kafka.brokers))
        return self.away[0].end(kill=True)

    def bring_broker_back(self):
        if not self.away:
            return False
        return self.away.pop().resume()

    def restart_broker(self):
        self.bring_broker_back()
        self.dice.choice(self.kafka.brokers).restart(kill=False)

    def hold_broker(self):
        self.bring_broker_back()
        one = self.dice.choice(self.kafka.brokers)
        one.process.send_signal(signal.SIGSTOP)
        time.sleep(self.dice.uniform(0.5, 5))
        one.process.send_signal(signal.SIGCONT)

    def await_topics(self):
        """Topics are made while all brokers are there; with one away, there cannot be as many replicas."""
        deadline = time.monotonic() + pipeline.SECONDS_MAX
        while not self.has_begun(0):
            self.check_alive()
            if time.monotonic() > deadline:
                self.job.complaint("does not begin")
            time.sleep(0.1)

    def check_alive(self):
        for member, process in self.running.items():
            if process.poll() is not None:
                self.job.complaint(f"process {member} ended by itself with {process.returncode}")

    def run(self, seconds):
        faults = [self.kill, self.kill, self.kill_with_disk, self.kill_for_good, self.restart, self.remove, self.add, self.add,
                  self.freeze, self.freeze, self.thaw, self.thaw, self.kill_broker, self.restart_broker, self.hold_broker]
        if len(self.kafka.brokers) > 1:  # The long form.
            faults += [self.cut_off, self.mend, self.slow_down, self.mend, self.fill_disk, self.bring_broker_back]
        for _ in range(2):
            self.begin()
        self.await_topics()
        end, bag = time.monotonic() + seconds, []
        while time.monotonic() < end:
            time.sleep(self.dice.uniform(0.2, min(6, 2 * seconds / len(faults))))
            self.check_alive()
            if not bag:
                bag = self.dice.sample(faults, len(faults))
            fault = bag.pop()
            self.done[fault.__name__] += fault() is not False
        self.thaw()
        self.mend()
        self.bring_broker_back()

    def metrics(self, member):
        """Empty while it does not answer."""
        for line in self.job.log_of[member].read_text().splitlines():
            if '"listening"' in line:
                try:
                    with urllib.request.urlopen(f"http://{json.loads(line)['address']}/metrics", timeout=10) as answer:
                        return answer.read().decode()
                except OSError:
                    return ""
        return ""

    def catch_up(self):
        """Those that are left reach the end by themselves; the reader of the rows would hide it if they hang."""
        read = f'leadflow_source_read_bytes{{source="year"}} {self.job.events.stat().st_size}'
        deadline = time.monotonic() + pipeline.SECONDS_MAX
        while time.monotonic() < deadline:
            self.check_alive()
            lines = [line for member in self.running for line in self.metrics(member).splitlines()]
            waiting = [line for line in lines if line.startswith("leadflow_backlog_bytes") and not line.endswith(" 0")]
            if read in lines and not waiting:
                return
            time.sleep(0.2)
        self.job.complaint("those that are left do not reach the end of the input")

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
    job = pipeline.Job(options, growing, folder, f"chaos{seed}", kafka.variables["LEADFLOW_KAFKA"], f"engine.threads={1 + seed % 2}",
                       f"kafka.standby={'all' if seed // 2 % 2 else 'none'}")
    plain = list(job.words)
    job.words += ["--set", "sources.year.file.follow=true", "--set", "http.listen=127.0.0.1:0"]
    feeder = threading.Thread(target=feed, args=(events.read_bytes().splitlines(keepends=True), growing, options.seconds), daemon=True)
    feeder.start()
    chaos = Chaos(job, kafka, seed)
    try:
        chaos.run(options.seconds)
        feeder.join()
        chaos.catch_up()
        chaos.stop()
    finally:
        chaos.unmount()
    job.words = plain
    faults = ", ".join(f"{fault} {count}" for fault, count in sorted(chaos.done.items()))
    if not job.compare(expected, f"seed {seed}, standby {'all' if seed // 2 % 2 else 'none'}: {faults}"):
        job.complaint("other rows")


def test(options, folder, kafka):
    events, expected = pipeline.make_year(options.binary, folder, options.leads)
    print(f"{len(expected)} rows, {options.seconds:.0f} s a seed", flush=True)
    for seed in range(options.first, options.first + options.seeds):
        run_seed(options, folder, events, expected, kafka, seed)
    return 0


if __name__ == "__main__":
    sys.exit(broker.run_test(__doc__, test, ("binary", "read_rows"), link_count=PROCESSES_MAX, seeds=1, first=1, seconds=60.0, leads=1500))
