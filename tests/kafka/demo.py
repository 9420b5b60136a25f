"""What deploy/compose runs, on a real broker: its events, its pipeline on one process and then on two, its health check; and what a
savepoint of them goes on with under another name.

    demo.py LEADFLOW_BINARY READ_ROWS_BINARY PRODUCE_BINARY COMPOSE_FOLDER [--people 60]

Ends with 77 where PyYAML, Java or Maven is missing.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

import broker

DEADLINE_S = 180
PARTITIONS = "6"


class Demo:
    def __init__(self, options, folder, brokers):
        import yaml
        self.options, self.folder, self.brokers = options, folder, brokers
        self.compose = pathlib.Path(options.compose)
        self.services = yaml.safe_load((self.compose / "compose.yaml").read_text(encoding="utf-8"))["services"]
        self.pipeline = self.compose / "pipeline.yaml"
        self.orders, self.lots, self.processes = [], 0, []

    def produce(self):
        """Another lot of events, as the container `producer` sends them."""
        self.lots += 1
        events = subprocess.run(["sh", self.compose / "events.sh", str(self.options.people), "0", str(self.lots)], capture_output=True,
                                text=True, check=True).stdout
        self.orders += [event["amount"]["minor"] for event in map(json.loads, events.splitlines()) if event["kind"] == "order"]
        subprocess.run([self.options.produce, self.brokers, "web.events", PARTITIONS], input=events, text=True, check=True)

    def leadflow(self, number, *words):
        environment = dict(os.environ, KAFKA_BROKERS=self.brokers, STATE_DIRECTORY=str(self.folder / f"state-{number}"))
        return subprocess.Popen([self.options.binary, *words], env=environment, stdout=subprocess.DEVNULL, preexec_fn=broker.die_with_parent)

    def done(self, number, *words):
        if (code := self.leadflow(number, *words).wait(DEADLINE_S)) != 0:
            sys.exit(f"leadflow {words}: {code}")

    def start(self, number):
        port = str(broker.free_ports(1)[0])
        self.processes.append(self.leadflow(number, "run", self.pipeline, "--set", f"http.listen=127.0.0.1:{port}"))
        check = [word.replace("8080", port) for word in self.services["leadflow"]["healthcheck"]["test"][1:]]
        self.wait_for(lambda: subprocess.run(check, stderr=subprocess.DEVNULL).returncode == 0, "ready")

    def stop(self):
        for process in self.processes:
            process.terminate()
        if any(process.wait(DEADLINE_S) for process in self.processes):
            sys.exit("a process did not end in order")

    def wait_for(self, holds, what):
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            if time.monotonic() > deadline or any(process.poll() for process in self.processes):
                sys.exit(f"it is not {what}")
            time.sleep(0.2)

    def values(self, name, kpi):
        """What a subscriber of a topic of rows sees: the sum by model, if there is one."""
        done = subprocess.run([self.options.read_rows, self.brokers, "1", f"{name}.kpi.{kpi}"], capture_output=True, text=True, check=True)
        sums = {}
        for row in map(json.loads, done.stdout.splitlines()):
            cents = round(float(row["value"]) * (100 if "currency" in row else 1))
            sums[row.get("model")] = sums.get(row.get("model"), 0) + cents
        return sums

    def counted(self, name):
        booked = sum(self.orders)
        revenue = {model: booked for model in ("first_touch", "last_touch", "linear", "u_shape")}
        return (self.values(name, "orders") == {None: len(self.orders)} and self.values(name, "booked") == {None: booked} and
                self.values(name, "revenue") == revenue)


def test(options, folder, kafka):
    demo = Demo(options, folder, kafka.variables["LEADFLOW_KAFKA"])
    demo.produce()
    for number in (0, 1):
        demo.start(number)
        demo.produce()
        demo.wait_for(lambda: demo.counted("demo"), f"all counted by {number + 1} processes")
        print(f"{number + 1} processes: {len(demo.orders)} orders, {sum(demo.orders) / 100:.2f} EUR", flush=True)
    demo.stop()
    saved = folder / "savepoint"
    demo.done(0, "savepoint", "create", demo.pipeline, saved)
    demo.produce()
    demo.processes = []
    demo.done(2, "savepoint", "restore", demo.pipeline, saved, "--set", "name=again")
    demo.done(2, "run", demo.pipeline, "--set", "name=again", "--until-end", "--quiet")
    if not demo.counted("again") or demo.counted("demo"):
        sys.exit(f"restored: {demo.values('again', 'booked')} instead of {sum(demo.orders)}")
    if not (folder / "state-2/out/revenue.csv").exists():
        sys.exit("no files were written")
    print(f"restored as `again`: {len(demo.orders)} orders, {sum(demo.orders) / 100:.2f} EUR")
    return 0


if __name__ == "__main__":
    try:
        import yaml  # noqa: F401
    except ImportError:
        print("skipped: no PyYAML")
        sys.exit(broker.SKIPPED)
    sys.exit(broker.run_test(__doc__, test, ("binary", "read_rows", "produce", "compose"), people=60))
