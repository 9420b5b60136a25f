#!/usr/bin/env python3
"""Processes that start while no broker answers: a service waits and says so, a run with an end gives up.

    tests/kafka/patience.py build/release/leadflow
"""
import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import broker  # noqa: E402

SECONDS_MAX = 120
SAID = "no answer from kafka brokers"
PIPELINE = """version: 1
name: patience
engine: {{log: kafka, partitions: 2, state_dir: "${{STATE_DIR}}"}}
http: {{listen: "127.0.0.1:0"}}
kafka: {{brokers: "{brokers}", topics: {{replication: 1}}}}
sources: {{web: {{file: {{path: events.jsonl, follow: true}}, format: leadflow}}}}
kpis: {{visits: {{count: page_view, window: 1d}}}}
outputs: [{{file: {{path: "out/{{kpi}}.csv", every: 100ms}}}}]
"""
EVENT = b'{"id":"1","kind":"page_view","time":"2026-03-01T09:00:00Z","anonymous_id":"c1"}\n'


class Service:
    def __init__(self, options, folder, name, *words):
        self.log = folder / f"{name}.log"
        command = [options.binary, "run", "pipeline.yaml", "--log-format", "json", *words]
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(command, cwd=folder, env={"STATE_DIR": f"state-{name}"}, stdout=out, stderr=out,
                                            preexec_fn=broker.die_with_parent)

    def fail(self, what):
        self.process.kill()
        sys.exit(f"patience.py: {what}\n{self.log.read_text()}")

    def wait(self, what, happened):
        deadline = time.monotonic() + SECONDS_MAX
        while not happened():
            if self.process.poll() is not None:
                self.fail(f"ended with {self.process.returncode}, before it was {what}")
            if time.monotonic() > deadline:
                self.fail(f"was not {what} after {SECONDS_MAX} s")
            time.sleep(0.1)

    def ended(self, wanted):
        try:
            if self.process.wait(SECONDS_MAX) != wanted:
                self.fail(f"ended with {self.process.returncode}")
        except subprocess.TimeoutExpired:
            self.fail("does not end")

    def get(self, path):
        """The status; 0: no answer."""
        addresses = [json.loads(line)["address"] for line in self.log.read_text().splitlines() if '"listening"' in line]
        try:
            with urllib.request.urlopen(f"http://{addresses[0]}{path}", timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code
        except (OSError, IndexError):
            return 0

    def is_waiting(self):
        return any(SAID in line and '"warning"' in line for line in self.log.read_text().splitlines())


def test(options, folder, kafka):
    (folder / "pipeline.yaml").write_text(PIPELINE.format(brokers=kafka.variables["LEADFLOW_KAFKA"]))
    (folder / "events.jsonl").write_bytes(EVENT)
    kafka.brokers[0].end(kill=True)
    service = Service(options, folder, "service")
    stopped = Service(options, folder, "stopped")
    with_end = Service(options, folder, "with-end", "--until-end", "--set", "sources.web.file.follow=false")
    service.wait("waiting", service.is_waiting)
    stopped.wait("waiting", stopped.is_waiting)
    if service.get("/livez") != 200 or service.get("/readyz") != 503:
        service.fail(f"answers {service.get('/livez')} and {service.get('/readyz')} while it waits")
    with_end.ended(1)
    if SAID not in with_end.log.read_text():
        with_end.fail("does not say why it ended")
    stopped.process.terminate()
    kafka.brokers[0].resume()
    stopped.ended(0)
    rows = folder / "out/visits.csv"
    service.wait("ready", lambda: service.get("/readyz") == 200)
    service.wait("writing rows", lambda: rows.exists() and "2026-03-01" in rows.read_text())
    service.process.terminate()
    service.ended(0)
    print("a service that starts waits for the brokers; a run with an end gives up")
    return 0


if __name__ == "__main__":
    sys.exit(broker.run_test(__doc__, test))
