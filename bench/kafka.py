"""The benchmark job on Apache Kafka: from a topic of events to topics of rows, exactly once.

    bench/kafka.py --events 3000000 [--dist uniform|zipf] [--threads 2] [--partitions 4] [--brokers HOST:PORT]

Fills a topic first; then one process reads it to its end, the state in its changelogs and the rows in topics and files.
Then, with the same topics: a start after a clean end, one after `kill -9` in the middle, and one with an empty state
directory. Prints seconds, events a second, CPU, peak resident size, the records that each start had to restore, and
`rows equal: yes`. Without --brokers a broker is started, with the settings that Kafka comes with.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import run as bench

ROOT = bench.ROOT
SESSION_SECONDS = 6
sys.path.insert(0, str(ROOT / "tests/kafka"))
import broker  # noqa: E402  (lies in another folder)


def make_pipeline(brokers, name, topic, work, emit=", emit: {every: 1s}", files=True):
    text = (ROOT / "bench/b2b_journeys/pipeline.yaml").read_text()
    source = next(line for line in text.splitlines() if "EVENTS_FILE" in line)
    text = text.replace(source, f"    kafka: {{topics: [{topic}]}}").replace("name: b2b-journeys", f"name: {name}")
    if not files:
        text = text[:text.index("  - file:", text.index("outputs:"))]
    text += f"""  - kafka: {{topic: "{{name}}.kpi.{{kpi}}"{emit}}}
kafka: {{brokers: "{brokers}", topics: {{replication: 1}}}}
"""
    path = work / "pipeline.yaml"
    path.write_text(text)
    return path


class Job:
    def __init__(self, options, pipeline, work):
        self.command = [ROOT / "build/release/leadflow", "run", pipeline, "--log-format", "json",
                        "--set", f"engine.threads={options.threads}", "--set", f"engine.partitions={options.partitions}",
                        "--set", f"kafka.session_timeout={SESSION_SECONDS}s"]
        self.work = work

    def environment(self, state):
        return dict(os.environ, STATE_DIR=str(self.work / state), OUT_DIR=str(self.work / "out"))

    def start(self, state, *words):
        return subprocess.Popen([*self.command, *words], env=self.environment(state), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                preexec_fn=broker.die_with_parent)

    def run(self, state):
        """To the end: (seconds, CPU seconds, peak resident MiB, records)."""
        start = time.monotonic()
        process = self.start(state, "--until-end")
        records = [json.loads(line) for line in process.stderr]
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"leadflow ended with status {os.waitstatus_to_exitcode(status)}: {records[-3:]}")
        return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, records


def restored(records):
    record = next(r for r in records if r["message"] == "restored")
    return record["records"], record["took_ms"] / 1000, record["restore_ms"] / 1000


def measure(options, brokers, events, work):
    with open(events, "rb") as lines:
        count = sum(chunk.count(b"\n") for chunk in iter(lambda: lines.read(1 << 20), b""))
    stamp = f"{int(time.time())}"
    topic, name = f"bench.events.{stamp}", f"bench-{stamp}"
    with open(events, "rb") as lines:
        subprocess.run([bench.BIN / "bench_produce", brokers, topic, "4"], stdin=lines, check=True)
    job = Job(options, make_pipeline(brokers, name, topic, work), work)
    seconds, cpu, resident, _ = job.run("state")
    print(f"{count} events ({options.dist}), {options.threads} thread(s), {options.partitions} partitions")
    print(f"  topic to rows: {seconds:.2f} s, {count / seconds:.0f} events/s, {cpu / count * 1e6:.2f} CPU s per million events, "
          f"peak resident {resident:.0f} MiB", flush=True)
    check = subprocess.run([sys.executable, ROOT / "bench/b2b_journeys/oracle.py", events, work / "out"], check=False)
    records, took, _ = restored(job.run("state")[3])
    print(f"  start after a clean end: {records} records restored, {took:.2f} s until events are handled")
    records, took, alone = restored(job.run("other")[3])
    print(f"  start with an empty state directory: {records} records restored in {alone:.2f} s, {records / max(alone, 0.001):.0f} records/s; {took:.2f} s "
          f"until events are handled, up to {SESSION_SECONDS} s of which it waits for the share of the member whose directory is not used any more")
    # Another pipeline over the same events, killed on the way.
    job = Job(options, make_pipeline(brokers, name + "-killed", topic, work), work)
    process = job.start("killed")
    time.sleep(seconds / 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    took_all, _, _, lines = job.run("killed")
    records, took, _ = restored(lines)
    print(f"  start after kill -9 halfway: {records} records restored, {took:.2f} s until events are handled, {took_all:.2f} s to the end", flush=True)
    again = subprocess.run([sys.executable, ROOT / "bench/b2b_journeys/oracle.py", events, work / "out"], check=False)
    return check.returncode or again.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--leads", type=int, default=200_000)
    parser.add_argument("--dist", default="uniform", choices=["uniform", "zipf"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--brokers", default="")
    options = parser.parse_args()
    folder = ROOT / "build/bench"
    folder.mkdir(parents=True, exist_ok=True)
    events = bench.make_input(options, folder)
    work = folder / "kafka"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    with contextlib.ExitStack() as stack:
        brokers = options.brokers or stack.enter_context(broker.running(broker.DEFAULT_VERSION, for_tests=False)).variables["LEADFLOW_KAFKA"]
        sys.exit(measure(options, brokers, events, work))


if __name__ == "__main__":
    main()
