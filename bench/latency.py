"""How long a subscriber waits for the row of an event, on Apache Kafka, also when a process dies.

    bench/latency.py [--rate 8000] [--seconds 60] [--fault none|restart|failover] [--commit 200ms] [--dist uniform|zipf]
                     [--standby]

Events of the benchmark job at a rate, exactly once, rows in topics. `restart`: the process is killed (-9) halfway and started
again at once, on its state directory. `failover`: one of two processes is killed and does not come back. Prints percentiles of
what lies between sending an event and reading its committed row, before the fault and after it. `--standby`: processes keep copies of
what others hold.
"""
import argparse
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import kafka
import run as bench

sys.path.insert(0, str(bench.ROOT / "tests/kafka"))
import broker  # noqa: E402  (lies in another folder)

WARM_UP_EVENTS = 500_000


class Process:
    def __init__(self, job, state):
        self.started = time.monotonic()
        self.process = job.start(state)
        self.ready = threading.Event()
        self.records = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stderr:
            self.records.append(json.loads(line))
            if self.records[-1]["message"] == "restored":
                self.ready.set()

    def wait(self):
        if not self.ready.wait(120):
            sys.exit(f"not ready: {self.records}")
        return time.monotonic() - self.started


def percentiles(latencies):
    latencies = sorted(latencies)
    return ", ".join(f"{name} {latencies[min(len(latencies) - 1, int(len(latencies) * part))]} ms"
                     for name, part in (("p50", 0.5), ("p99", 0.99), ("max", 1)))


def warm_up(options, brokers, events, work, name):
    """Another pipeline: brokers that have just begun are slow, and need seconds to prepare for their first group."""
    with open(events, "rb") as lines:
        head = b"".join(itertools.islice(lines, WARM_UP_EVENTS))
    subprocess.run([bench.BIN / "bench_produce", brokers, f"{name}.input", str(options.partitions)], input=head, check=True)
    kafka.Job(options, kafka.make_pipeline(brokers, name, f"{name}.input", work, emit="", files=False), work).run("first")


def measure(options, brokers, events, work):
    stamp = f"{int(time.time())}"
    topic, name = f"latency.events.{stamp}", f"latency-{stamp}"
    warm_up(options, brokers, events, work, f"first-{stamp}")
    subprocess.run([bench.BIN / "bench_produce", brokers, topic, str(options.partitions)], stdin=subprocess.DEVNULL, check=True)
    job = kafka.Job(options, kafka.make_pipeline(brokers, name, topic, work, emit="", files=False), work)
    job.command += ["--set", f"engine.commit_interval={options.commit}", "--set", f"kafka.standby={'all' if options.standby else 'none'}"]
    count = 2 if options.fault == "failover" else 1
    processes = [Process(job, f"state-{i}") for i in range(count)]
    with open(events, "rb") as lines:
        probe = subprocess.Popen([bench.BIN / "bench_latency", brokers, topic, f"{name}.kpi.visits", str(options.rate), str(options.seconds)],
                                 stdin=lines, stdout=subprocess.PIPE, text=True)
    halfway = time.monotonic() + options.seconds / 2
    began = max(process.wait() for process in processes)
    print(f"{options.rate} events/s, {count} process(es) of {options.threads} thread(s), {options.partitions} partitions, "
          f"commits every {options.commit}{', copies on standby' if options.standby else ''}")
    time.sleep(max(halfway - time.monotonic(), 0))
    fault_ms = time.monotonic() * 1000
    if options.fault != "none":
        processes[0].process.send_signal(signal.SIGKILL)
        processes[0].process.wait()
        if options.fault == "restart":
            processes[0] = Process(job, "state-0")
        else:
            processes.pop(0)
    rows = [tuple(map(int, line.split())) for line in probe.communicate()[0].splitlines()]
    if probe.returncode != 0 or any(latency < 0 for _, latency in rows):
        sys.exit(f"{sum(latency < 0 for _, latency in rows)} of {len(rows)} rows did not come")
    first_row = min(map(sum, rows)) / 1000 - processes[-1].started if options.fault == "none" else None
    print(f"  events are handled {began:.2f} s after the start" + (f", the first committed row is there after {first_row:.2f} s" if first_row else ""))
    warm = rows[len(rows) // 6:]
    margin_ms = 1500  # What is sent so shortly before the fault may be caught by it.
    print(f"  before: {percentiles([latency for sent, latency in warm if sent < fault_ms - margin_ms])}")
    if options.fault == "none":
        print(f"  after:  {percentiles([latency for sent, latency in warm if sent >= fault_ms])}")
    else:
        seen = sorted(sent + latency for sent, latency in rows if sent + latency > fault_ms)
        times = [fault_ms, *seen]
        print(f"  {options.fault}: after kill -9 the longest time without a committed row of any partition is "
              f"{max(b - a for a, b in zip(times, times[1:])) / 1000:.2f} s, the longest wait for one "
              f"{max(latency for sent, latency in rows if sent > fault_ms - margin_ms) / 1000:.2f} s "
              f"(kafka.session_timeout {kafka.SESSION_SECONDS} s)")
    for one in processes:
        one.process.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(one.process.pid, 0)
        if status != 0:
            sys.exit(f"leadflow ended with status {os.waitstatus_to_exitcode(status)}: {one.records[-3:]}")
        print(f"  a process at the end: {usage.ru_utime + usage.ru_stime:.1f} CPU s, peak resident {usage.ru_maxrss / 1024:.0f} MiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=8000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--fault", default="none", choices=["none", "restart", "failover"])
    parser.add_argument("--commit", default="200ms")
    parser.add_argument("--standby", action="store_true")
    parser.add_argument("--leads", type=int, default=200_000)
    parser.add_argument("--dist", default="uniform", choices=["uniform", "zipf"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=4)
    options = parser.parse_args()
    options.events = 1_000_000
    folder = bench.ROOT / "build/bench"
    folder.mkdir(parents=True, exist_ok=True)
    events = bench.make_input(options, folder)
    work = folder / "latency"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    with broker.running(broker.DEFAULT_VERSION, for_tests=False) as cluster:
        measure(options, cluster.variables["LEADFLOW_KAFKA"], events, work)


if __name__ == "__main__":
    main()
