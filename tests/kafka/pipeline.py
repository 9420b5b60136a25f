"""A pipeline on a real broker: any number of processes, killed, started again, come and gone, end with the rows of one
process without Kafka.

    pipeline.py LEADFLOW_BINARY READ_ROWS_BINARY [--leads 300] [--version V]

The made-up year of tests/golden. Rows are read by a further process with an empty state directory: all it knows is what
the others left in the topics. `leadflow verify` recomputes them there. A subscriber of the topics of rows has them, too, and has seen no
number that was not the one before it and its change.
"""
import collections
import csv
import decimal
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "golden"))
import broker  # noqa: E402
import inbox  # noqa: E402
from run import ROOT, rows_of  # noqa: E402

SECONDS_MAX = 300
PARTITIONS = "6"
VOLATILE = ("revision", "updated_at", "cause")  # of a row: differ from run to run
CARRIED = "visits, open_rate, revenue, booked, revenue_share, mql_age"  # one of each kind
CHANGES = ("cards", "page_views", "order_count", "revenue")  # also sent as changes
NO_KEY = (*VOLATILE, "settled", "value", "numerator", "denominator", "delta")
OUTPUTS = f"""  - file: {{path: "${{OUT_DIR}}/{{kpi}}.jsonl", only: [{CARRIED}]}}
  - kafka: {{topic: "{{name}}.kpi.{{kpi}}", partitions: {PARTITIONS}, emit: {{every: 100ms}}, only: [{CARRIED}]}}
  - kafka: {{topic: "{{name}}.changes.{{kpi}}", partitions: {PARTITIONS}, envelope: delta, emit: {{every: 100ms}}, only: [{", ".join(CHANGES)}]}}
"""


def plain_rows(lines):
    """How often each row is there, whatever the order."""
    rows = [json.loads(line) for line in lines]
    return collections.Counter(json.dumps({k: v for k, v in row.items() if k not in VOLATILE}) for row in rows)


class Job:
    """A pipeline under a name of its own, and its processes, each with its own state directory."""

    def __init__(self, options, events, folder, name, brokers, *settings):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.events, self.name, self.brokers = events, name, brokers
        settings = (f"name={name}", f"kafka.brokers={brokers}", f"kafka.topics.replication={options.brokers}", "kafka.session_timeout=2s",
                    f"engine.partitions={PARTITIONS}", "engine.commit_interval=50ms", *settings)
        self.words = [word for setting in settings for word in ("--set", setting)]
        self.binary, self.read_rows = options.binary, options.read_rows
        self.pipeline = self.folder / "year.yaml"
        self.pipeline.write_text((ROOT / "tests/golden/year.yaml").read_text() + OUTPUTS)
        self.logs, self.log_of = [], {}
        self.brokers_of = lambda member: brokers

    def environment(self, member):
        return dict(os.environ, EVENTS_FILE=str(self.events), OUT_DIR=str(self.folder / "out"),
                    STATE_DIR=str(self.folder / f"state-{member}"))

    def start(self, member, *words):
        log = self.folder / f"log-{member}-{len(self.logs)}"
        self.logs.append(log)
        self.log_of[member] = log
        command = [self.binary, "run", self.pipeline, *(words or ["--quiet", "--until-end"]), *self.words,
                   "--set", f"kafka.brokers={self.brokers_of(member)}"]
        with open(log, "wb") as out:
            return subprocess.Popen(command, env=self.environment(member), stdout=out, stderr=out, preexec_fn=broker.die_with_parent)

    def complaint(self, what):
        for log in self.logs:
            print(f"--- {log.name}\n{log.read_text()[-1500:]}")
        sys.exit(f"{self.name}: {what}")

    def wait(self, processes, seconds=SECONDS_MAX):
        deadline = time.monotonic() + seconds
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                for one in processes:
                    one.kill()
                self.complaint("does not end")
            if process.returncode != 0:
                self.complaint(f"a process ended with {process.returncode}")

    def rows(self):
        """Of a process that begins with nothing; checked against the journeys that it finds."""
        self.wait([self.start("reader")])
        done = subprocess.run([self.binary, "verify", "--pipeline", self.pipeline, *self.words], env=self.environment("reader"),
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.complaint(f"verify failed\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return rows_of(self.folder / "out")

    def subscribed(self):
        """How the rows in the topics differ from those in the reader's files."""
        files = sorted((self.folder / "out").glob("*.jsonl"))
        topics = [f"{self.name}.kpi.{file.stem}" for file in files]
        done = subprocess.run([self.read_rows, self.brokers, PARTITIONS, *topics], capture_output=True, text=True, check=True)
        there, here = plain_rows(done.stdout.splitlines()), plain_rows(line for file in files for line in file.read_text().splitlines())
        if len(files) < 6 or sum(there.values()) < 1000:
            self.complaint("hardly a row is in the topics")
        return [*(("only in the topics", row) for row in there - here), *(("only in the files", row) for row in here - there)]

    def history(self):
        """What is wrong in all that a subscriber has seen: each number is the one before it and its change, none comes twice, the last one is
        that of the files; cards collected only grow."""
        topics = [f"{self.name}.changes.{kpi}" for kpi in CHANGES]
        done = subprocess.run([self.read_rows, self.brokers, PARTITIONS, "--all", *topics], capture_output=True, text=True, check=True)
        rows = [json.loads(line, parse_float=decimal.Decimal) for line in done.stdout.splitlines()]
        seen, wrong = {}, []
        for row in rows:
            key = tuple(str(value) for column, value in row.items() if column not in NO_KEY)
            value, revision = seen.get(key, (0, 0))
            falls = row["kpi"] == "cards" and row["value"] < value
            if row["value"] != value + row["delta"] or row["revision"] <= revision or falls:
                wrong.append(("after", value, revision, "comes", row))
            seen[key] = row["value"], row["revision"]
        final = {}
        for kpi in CHANGES:
            with open(self.folder / f"out/{kpi}.csv", encoding="utf-8", newline="") as text:
                for row in csv.DictReader(text):
                    final[tuple(value for column, value in row.items() if column not in NO_KEY)] = decimal.Decimal(row["value"])
        if len(rows) < 500:
            self.complaint(f"only {len(rows)} changes are in the topics")
        return wrong + [("in the end", key, seen.get(key), "is not", value) for key, value in final.items() if seen.get(key, (0, 0))[0] != value]

    def compare(self, expected, what):
        """Prints whether the rows are the expected ones, and returns it."""
        different = sorted(set(self.rows().items()) ^ set(expected.items()), key=str) + self.subscribed() + self.history()
        print(f"  {'DIFFERS' if different else 'equal  '} {what}" + "".join(f"\n      {d}" for d in different[:6]), flush=True)
        return not different


def plain(job, processes):
    job.wait([job.start(i) for i in range(processes)])
    return ""


def killed(job, processes):
    """Now and then one is killed and started again on its state, or on an empty one."""
    dice = random.Random(5)
    running = {i: job.start(i) for i in range(processes)}
    kills = 0
    for _ in range(4):
        time.sleep(dice.uniform(0.2, 0.8))
        victim = dice.randrange(processes)
        if any(process.poll() is not None for process in running.values()):
            break
        running[victim].send_signal(signal.SIGKILL)
        running[victim].wait()
        kills += 1
        if dice.random() < 0.3:
            shutil.rmtree(job.folder / f"state-{victim}")
        running[victim] = job.start(victim)
    job.wait(running.values())
    if kills == 0:
        job.complaint("ended before anything was killed: it needs more --leads")
    return f", {kills} kills"


def check_reset(job, expected):
    """What is computed goes only when it may, all of it, and comes again."""
    def reset(*words):
        return subprocess.run([job.binary, "reset", job.pipeline, *words, *job.words], env=job.environment(0), capture_output=True,
                              text=True, check=False)
    topics = ("events", "facts", "dead_letters", "changelog.ingest", "changelog.events", "changelog.facts", "kpi.visits")
    job.wait([job.start(0)])
    shown = reset("--outputs")
    if shown.returncode != 1 or any(f"topic {job.name}.{topic}\n" not in shown.stdout for topic in topics):
        job.complaint(f"reset shows\n{shown.stdout}{shown.stderr}")
    refusals, deadline = 0, time.monotonic() + SECONDS_MAX
    while (done := reset("--outputs", "--yes")).returncode != 0:  # The one that has ended is a member for a while.
        if "still has members: stop all processes" not in done.stderr or time.monotonic() > deadline:
            job.complaint(f"reset says\n{done.stderr}")
        refusals += 1
        time.sleep(0.2)
    if refusals == 0:
        job.complaint("reset did not mind a member")
    if (job.folder / "state-0/stores").exists():
        job.complaint("reset left the stores")
    without = job.start(0, "--until-end", "--quiet", "--set", "kafka.topics.create=false")
    without.wait(SECONDS_MAX)
    left = [topic for topic in topics if f"topic `{job.name}.{topic}` does not exist" not in job.log_of[0].read_text()]
    if without.returncode != 1 or left:
        job.complaint(f"reset left {left}")
    job.wait([job.start(0)])
    return job.compare(expected, f"reset, refused {refusals} times before")


def savepoint(job, member, *words, wanted=0, says=""):
    """`leadflow savepoint WORD FILE ...` with the state directory of a member."""
    done = subprocess.run([job.binary, "savepoint", words[0], job.pipeline, *words[1:], *job.words], env=job.environment(member),
                          capture_output=True, text=True, check=False)
    if done.returncode != wanted or says not in done.stderr:
        job.complaint(f"savepoint {words} ended with {done.returncode}\n{done.stdout}{done.stderr}")


def check_savepoint(options, events, folder, brokers, expected):
    """Two processes that died half-way through half of the input are saved; under another name all of it goes on."""
    job = Job(options, events, folder, "saved", brokers)
    whole = events.read_bytes()
    lines = whole.splitlines(keepends=True)
    events.write_bytes(b"".join(lines[:len(lines) // 2]))
    running = [job.start(i, "--until-end", "--log-format", "json") for i in range(2)]
    deadline = time.monotonic() + SECONDS_MAX
    while not all('"restored"' in job.log_of[i].read_text() for i in range(2)) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(random.Random(3).uniform(0.3, 1.0))
    for process in running:
        process.kill()
        process.wait()
    events.write_bytes(whole)
    saved = job.folder / "savepoint"
    savepoint(job, 0, "create", saved)
    under_way, kept = (sum(path.stat().st_size for path in saved.glob(files)) for files in ("[ef]*-*", "changelog.events-*"))
    savepoint(job, 3, "restore", saved, wanted=1, says="the pipeline has a state already (topic `saved.")
    equal, broken_off = True, 0
    for number, seconds in enumerate((None, 0.3, 0.6, 1.0)):
        after = Job(options, events, folder, f"restored-{number}", brokers)
        if seconds is not None:
            with subprocess.Popen([after.binary, "savepoint", "restore", after.pipeline, saved, *after.words], env=after.environment(0),
                                  stdout=subprocess.DEVNULL) as process:
                try:
                    process.wait(seconds)
                except subprocess.TimeoutExpired:
                    process.kill()
            run = after.start(0)
            run.wait(SECONDS_MAX)
            said = after.log_of[0].read_text()
            if run.returncode == 0 or "has begun and not ended" not in said:
                continue  # It had not begun, or had ended.
            broken_off += 1
            savepoint(after, 0, "restore", saved, wanted=1, says="`leadflow reset` removes what is left")
            subprocess.run([after.binary, "reset", after.pipeline, "--yes", *after.words], env=after.environment(0), check=True,
                           stdout=subprocess.DEVNULL)
        savepoint(after, 0, "restore", saved)
        after.wait([after.start(i) for i in range(2)])
        equal &= after.compare(expected, f"saved with {kept} bytes of journeys and {under_way} under way, restored" + (", broken off before" if seconds else ""))
        if broken_off:
            break
    if broken_off == 0:
        job.complaint("no restore was broken off")
    return equal


def make_year(binary, folder, leads):
    """The input, and the rows of one process without Kafka."""
    events = folder / "events.jsonl"
    subprocess.run([sys.executable, ROOT / "examples/quickstart/generate.py", events, str(leads)], check=True, stderr=subprocess.DEVNULL)
    alone = dict(os.environ, EVENTS_FILE=str(events), OUT_DIR=str(folder / "out"), STATE_DIR=str(folder / "state"))
    subprocess.run([binary, "run", str(ROOT / "tests/golden/year.yaml"), "--until-end", "--quiet"], env=alone, check=True)
    return events, rows_of(folder / "out")


def test(options, folder, kafka):
    events, expected = make_year(options.binary, folder, options.leads)
    print(f"{len(expected)} rows", flush=True)
    equal = True
    for name, way, processes, *settings in (("one", plain, 1), ("two-threads", plain, 1, "engine.threads=2"), ("two", plain, 2),
                                            ("three", plain, 3), ("killed", killed, 3), ("inbox", inbox.sent, 2)):
        start = time.monotonic()
        job = Job(options, events, folder, name, kafka.variables["LEADFLOW_KAFKA"], *settings)
        more = way(job, processes)
        took = time.monotonic() - start
        equal &= job.compare(expected, f"{name}, {processes} processes{more}, {took:.1f} s")
    job = Job(options, events, folder, "reset", kafka.variables["LEADFLOW_KAFKA"], "kafka.session_timeout=10s")
    equal &= check_reset(job, expected)
    equal &= check_savepoint(options, events, folder, kafka.variables["LEADFLOW_KAFKA"], expected)
    return not equal


if __name__ == "__main__":
    sys.exit(broker.run_test(__doc__, test, ("binary", "read_rows"), leads=300))
