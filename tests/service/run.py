"""A service as operators see it: health, metrics, logs and signals, while it follows a file.

    run.py LEADFLOW_BINARY

Waits for each state with a long deadline; nothing is decided by how long something takes. Also compares the names of metrics
with those that docs/operations.md, the alert rules and the dashboard name.
"""
import atexit
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEADLINE_S = 120
TOKEN = "0123456789abcdef0123456789abcdef"
PIPELINE = """version: 1
name: service
http: {listen: "127.0.0.1:0"}
sources:
  web: {file: {path: events.jsonl, follow: true}, format: leadflow}
exclude:
  tests: 'form == "test"'
kpis:
  orders: {count: order, by: [channel], window: 1d}
outputs: [{file: {path: "out/{kpi}.csv", every: 100ms}}]
"""


def event(number, **fields):
    return json.dumps({"id": str(number), "kind": "order", "time": "2026-03-01T09:00:00Z", "email": "ann@example.com",
                       "order_id": f"o{number}", "amount": {"minor": 100, "currency": "EUR"}, **fields}) + "\n"


def wait(what, condition):
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    sys.exit(f"waited {DEADLINE_S} s: {what}")


class Process:
    """One run of the program in `folder`; its records are read from a file."""

    def __init__(self, binary, folder, *options):
        self.log_path = folder / "log.jsonl"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([binary, "run", "pipeline.yaml", *options], cwd=folder, stderr=log, stdout=log)
        atexit.register(self.process.kill)

    def records(self):
        return [json.loads(line) for line in self.log_path.read_text(encoding="utf-8").splitlines(keepends=True)
                if line.endswith("\n")]

    def record(self, message):
        def found():
            if self.process.poll() is not None and not any(r["message"] == message for r in self.records()):
                sys.exit(f"ended with {self.process.returncode} before `{message}`: {self.log_path.read_text()}")
            return next((r for r in self.records() if r["message"] == message), None)
        return wait(f"no record `{message}`", found)

    def get(self, path, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"http://{self.record('listening')['address']}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        status, text = self.get("/metrics")
        if status != 200:
            sys.exit(f"/metrics: {status} {text}")
        return text

    def value(self, sample):
        found = re.search("^" + re.escape(sample) + r" (\S+)$", self.metrics(), re.M)
        return float(found.group(1)) if found else None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=DEADLINE_S) != 0:
            sys.exit(f"ended with {self.process.returncode}: {self.log_path.read_text()}")


def expect(condition, what):
    if not condition:
        sys.exit(what)


def check_names(text, names_of):
    """Every name in `names_of` {where: text} is a metric, and docs name all of them."""
    families = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    known = families | {f + suffix for f in families for suffix in ("_bucket", "_sum", "_count")}
    for where, content in names_of.items():
        used = set(re.findall(r"\b(?:leadflow|process)_[a-z0-9_]+\b", content))
        expect(used <= known, f"{where} names metrics that there are not: {sorted(used - known)}")
    table = set(re.findall(r"^\| `((?:leadflow|process)_[a-z0-9_]+)`", names_of["docs/operations.md"], re.M))
    expect(table == families, f"docs/operations.md lacks {sorted(families - table)}, has too much {sorted(table - families)}")


def serve_and_stop(binary, folder):
    events = folder / "events.jsonl"
    events.write_text(event(1) + event(2) + event(2) + '{"id": "x", "secret ann": 1}\n' + event(3, form="test"), encoding="utf-8")
    service = Process(binary, folder)
    wait("not ready", lambda: service.get("/readyz") == (200, "ready\n"))
    expect(service.get("/livez")[0] == 200 and service.get("/startupz")[0] == 200, "ready, but not alive or not started")
    wait("messages are not counted", lambda: service.value('leadflow_messages_read_total{source="web"}') == 5)
    wait("the rest is not counted", lambda: service.value("leadflow_duplicates_total"))
    expect(service.value('leadflow_excluded_events_total{rule="tests"}') == 1, "the excluded event is not counted")
    expect('leadflow_dead_letters_total{source="web",reason=' in service.metrics(), "the dead letter is not counted")
    for what in ("ann@example.com", "secret ann"):
        expect(what not in service.metrics() and what not in service.log_path.read_text(), f"`{what}` is shown")
    expect(service.value("leadflow_commit_seconds_count") >= 1, "no commit is counted")
    expect(service.value("leadflow_restored") == 1, "not restored")
    expect(service.value("process_resident_memory_bytes") > 1 << 20, "no memory")
    with open(events, "a", encoding="utf-8") as more:
        more.write(event(4))
    wait("what is appended is not read", lambda: service.value('leadflow_messages_read_total{source="web"}') == 6)
    wait("lag does not go back to 0", lambda: service.value('leadflow_source_lag_bytes{source="web"}') == 0)
    text = service.metrics()
    service.stop()
    messages = [r["message"] for r in service.records() if r["message"] not in ("progress", "restoring")]  # those come by the clock
    expect(messages == ["starting", "listening", "restored", "stopping", "stopped"], f"records: {messages}")
    expect(all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", r["ts"]) and r["level"] == "info"
               for r in service.records()), f"records: {service.records()}")
    rows = (folder / "out/orders.csv").read_text(encoding="utf-8")
    expect(rows.count("\n") == 2 and ",3," in rows, f"the rows of the last commit: {rows}")
    return text


def count_from_zero_again(binary, folder):
    service = Process(binary, folder)
    wait("not ready again", lambda: service.get("/readyz")[0] == 200)
    expect(not service.value('leadflow_messages_read_total{source="web"}'), "counters go on from the run before")
    service.stop()


def tokens(binary, folder):
    (folder / "tokens").write_text(f"# Prometheus\n{TOKEN}\n", encoding="utf-8")
    (folder / "pipeline.yaml").write_text(PIPELINE.replace('"127.0.0.1:0"}', '"0.0.0.0:0", tokens: {file: tokens}}'), encoding="utf-8")
    service = Process(binary, folder)
    wait("not ready with tokens", lambda: service.get("/readyz")[0] == 200)
    expect(service.get("/metrics")[0] == 401, "/metrics without a token")
    expect(service.get("/metrics", "x" * 32)[0] == 401, "/metrics with a wrong token")
    expect(service.get("/metrics", TOKEN)[0] == 200, "/metrics with a token")
    expect(TOKEN not in service.log_path.read_text(), "the token is logged")
    service.stop()
    (folder / "tokens").write_text("short\n", encoding="utf-8")
    failed = Process(binary, folder)
    expect(failed.process.wait(timeout=DEADLINE_S) == 1, "tokens that are too short are taken")
    expect(failed.records()[-1]["level"] == "error" and "short" not in failed.log_path.read_text(), failed.log_path.read_text())


def a_port_that_is_taken(binary, folder):
    (folder / "pipeline.yaml").write_text(PIPELINE, encoding="utf-8")
    first = Process(binary, folder)
    address = first.record("listening")["address"]
    other = folder / "other"
    other.mkdir()
    (other / "pipeline.yaml").write_text(PIPELINE.replace("127.0.0.1:0", address), encoding="utf-8")
    shutil.copy(folder / "events.jsonl", other)
    second = Process(binary, other)
    expect(second.process.wait(timeout=DEADLINE_S) == 1, "two listen on one port")
    error = second.records()[-1]["error"]
    expect("http.listen" in error and address.split(":")[1] in error, f"the error names no address: {error}")
    wait("the first is not ready", lambda: first.get("/readyz")[0] == 200)
    first.stop()


def main():
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        (folder / "pipeline.yaml").write_text(PIPELINE, encoding="utf-8")
        text = serve_and_stop(binary, folder)
        count_from_zero_again(binary, folder)
        tokens(binary, folder)
        a_port_that_is_taken(binary, folder)
    files = ["docs/operations.md"] + [p.relative_to(ROOT).as_posix() for p in ROOT.glob("deploy/monitoring/*.[yj]*")]
    check_names(text, {file: (ROOT / file).read_text(encoding="utf-8") for file in files})
    print(f"{len(re.findall('^# TYPE', text, re.M))} metrics, health, logs and signals as they should be")


if __name__ == "__main__":
    main()
