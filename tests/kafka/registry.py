#!/usr/bin/env python3
"""Rows as Protobuf, with a real schema registry (Apicurio) beside a real broker.

    tests/kafka/registry.py build/release/leadflow build/release/bin/kafka_read_protobuf

What a reader makes of the topics that knows nothing but the schemas of the registry equals the rows of the files of the same
run; what does not fit, and a registry that is not there or wants a login, is refused before anything is written.

The registry's files come from Maven Central by way of Maven, once, into the cache folder of broker.py (110 MB to fetch).
"""
import base64
import collections
import contextlib
import fcntl
import http.server
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import broker  # noqa: E402

VERSION = "3.0.9"  # The last one for Java 17.
START_SECONDS_MAX = 300
PARTITIONS = 2
BASE = "/apis/ccompat/v7"
SHIFT = 1 << 24
LOGIN = "Basic " + base64.b64encode(b"ann:hunter2").decode()
KPIS = {
    "visits": "{count: visit, by: [channel, campaign], window: 1d}",
    "views": "{count: page_view, by: [labels.plan], window: total}",
    "revenue": "{attributed: order, value: amount, by: [model, channel], window: 1mo}",
    "order_rate": "{ratio: [{count: order}, {count: visit}], by: [channel], window: total}",
    "order_days": "{quantile: [0.5, 0.125], of: {time: {from: first_touch, to: order}}, window: total, unit: d}",
}
PIPELINE = """version: 1
name: proto
currency: {{report: EUR}}
engine: {{partitions: {partitions}, commit_interval: 50ms}}
kafka:
  brokers: "{brokers}"
  topics: {{replication: 1}}
  registry: {registry}
sources:
  events: {{file: {{path: events.jsonl}}, format: leadflow, disorder: 30d}}
goals: {{order: {{on: order}}}}
attribution: {{models: [first_touch, linear]}}
kpis:
{kpis}
outputs:
  - file: {{path: "out/{{kpi}}.jsonl"}}
  - kafka: {{topic: "rows.{{kpi}}", partitions: {partitions}, format: protobuf, emit: {{every: 0s}}}}
  - kafka: {{topic: "changes.{{kpi}}", partitions: {partitions}, format: protobuf, envelope: debezium, emit: {{every: 0s}}, only: [visits]}}
  - kafka: {{topic: "deltas.{{kpi}}", partitions: {partitions}, format: protobuf, envelope: delta, emit: {{every: 0s}}, only: [visits]}}
"""


def fetch():
    """Returns the folder of the registry; fetches it if this is the first time."""
    folder = broker.cache_folder(f"apicurio-{VERSION}")
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "app").is_dir():
            maven = broker.find_program("mvn", "install Maven (Debian: maven) to fetch the schema registry for tests")
            shutil.rmtree(folder / "partial", ignore_errors=True)
            artifact = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
            done = subprocess.run([maven, "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"],
                                  cwd=folder, stdout=sys.stderr, check=False)
            if done.returncode != 0:
                sys.exit(f"registry.py: Maven could not fetch {artifact}; see its messages above")
            archive = next(folder.glob("*.tar.gz"))
            shutil.unpack_archive(archive, folder / "partial")
            archive.unlink()
            (folder / "partial").rename(folder / "app")
    return folder / "app"


class Registry:
    """Apicurio, its schemas in memory."""

    def __init__(self, folder):
        java = broker.find_program("java", "install a Java runtime of version 17 or later to run the schema registry for tests")
        port, management = broker.free_ports(2)
        self.url = f"http://127.0.0.1:{port}{BASE}"
        self.log = folder / "registry.log"
        environment = dict(os.environ, QUARKUS_HTTP_HOST="127.0.0.1", QUARKUS_HTTP_PORT=str(port),
                           QUARKUS_MANAGEMENT_HOST="127.0.0.1", QUARKUS_MANAGEMENT_PORT=str(management))
        jar = fetch() / f"apicurio-registry-app-{VERSION}-runner.jar"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", jar], cwd=folder, env=environment,
                stdout=log, stderr=log, preexec_fn=broker.die_with_parent)

    def ask(self, path, body=None, method=None):
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def wait(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            with contextlib.suppress(OSError):
                self.ask("/subjects")
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(self.log.read_text(errors="replace")[-3000:] + "\nregistry.py: Apicurio does not start")
            time.sleep(0.2)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


class Front(http.server.BaseHTTPRequestHandler):
    """What stands before registries: TLS and a login. `target`: the registry's address, without its base path; `shift`: makes
    its ids those of a registry that was set up anew."""
    target, shift = "", 0

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != LOGIN:
            return self.answer(401, b"who are you?")
        request = urllib.request.Request(self.target + self.path, data or None, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                body = answer.read()
                if self.shift and b'"id":' in body:
                    body = json.dumps({"id": json.loads(body)["id"] + self.shift}).encode()
                return self.answer(answer.status, body)
        except urllib.error.HTTPError as error:
            return self.answer(error.code, error.read())

    do_GET = do_POST

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def start_front(registry, certificate, shift=0):
    handler = type("Handler", (Front,), {"target": registry.url.removesuffix(BASE), "shift": shift})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.handle_error = lambda *_: None  # Clients that do not trust it hang up.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"https://127.0.0.1:{server.server_port}{BASE}"


def events(first, last):
    for number in range(first, last):
        event = {"id": str(number), "kind": "page_view", "email": f"lead{number % 7}@example.org",
                 "time": f"2026-03-{1 + number % 27:02}T09:{number % 60:02}:00Z", "page": {"url": "https://example.org/a"},
                 "labels": {"plan": ("", "free", "späť \"1\"")[number % 3]}}
        if number % 2:
            event["utm"] = {"source": "google", "medium": ("cpc", "social")[number // 2 % 2], "campaign": "ü\"'"}
        yield event
        if number % 5 == 0:
            yield {"id": f"o{number}", "kind": "order", "email": event["email"], "time": f"2026-03-28T09:00:{number % 60:02}Z",
                   "order_id": f"o{number}", "amount": {"minor": 1000 + number, "currency": "EUR"}}


class Test:
    def __init__(self, options, folder, kafka, registry):
        self.options, self.folder, self.registry = options, folder, registry
        self.brokers = kafka.variables["LEADFLOW_KAFKA"]
        self.ca = kafka.variables["LEADFLOW_KAFKA_CA"]
        self.environment = dict(os.environ, REGISTRY_PASSWORD="hunter2")

    def write(self, registry, **changed):
        """The pipeline, with KPIs `changed`."""
        kpis = "".join(f"  {name}: {changed.get(name, text)}\n" for name, text in KPIS.items())
        (self.folder / "pipeline.yaml").write_text(PIPELINE.format(
            partitions=PARTITIONS, brokers=self.brokers, registry=registry, kpis=kpis))

    def append(self, first, last):
        with open(self.folder / "events.jsonl", "a", encoding="utf-8") as file:
            file.writelines(json.dumps(event) + "\n" for event in events(first, last))

    def leadflow(self, *words):
        return subprocess.run([self.options.binary, *words], cwd=self.folder, env=self.environment, capture_output=True, text=True,
                              timeout=600)

    def works(self, *words):
        done = self.leadflow(*words)
        if done.returncode != 0:
            sys.exit(f"registry.py: {words[0]} ended with {done.returncode}\n{done.stderr}")

    def refused(self, *parts):
        """Validate and run say all of it, and neither changes anything."""
        before = self.registry.ask("/subjects")
        for code, words in ((78, ["validate", "pipeline.yaml"]), (1, ["run", "pipeline.yaml", "--until-end", "--quiet"])):
            done = self.leadflow(*words)
            missing = [part for part in parts if part not in done.stderr]
            if done.returncode != code or missing or "hunter2" in done.stderr:
                sys.exit(f"registry.py: {words[0]} ended with {done.returncode}, does not say {missing}:\n{done.stderr}")
            print(f"{words[0]}: {done.stderr.strip().splitlines()[0]}")
        assert self.registry.ask("/subjects") == before
        self.works("validate", "--no-env", "pipeline.yaml")

    def records(self, *topics):
        """What a reader has that fetches schemas by their ids."""
        schemas = self.folder / "schemas"
        schemas.mkdir(exist_ok=True)
        for topic in topics:
            for part in ("key", "value"):
                number = self.registry.ask(f"/subjects/{topic}-{part}/versions/latest")["id"]
                for name in (number, number + SHIFT):
                    (schemas / f"{name}.proto").write_text(self.registry.ask(f"/schemas/ids/{number}")["schema"])
        done = subprocess.run([self.options.read_protobuf, schemas, self.brokers, str(PARTITIONS), *topics], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"registry.py: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def file_rows(self, kpi):
        lines = (self.folder / "out" / f"{kpi}.jsonl").read_text(encoding="utf-8").splitlines()
        return sorted(plain(json.loads(line, parse_float=str, parse_int=str)) for line in lines)

    def equal_rows(self, kpi, rows):
        """Waits for them: a transaction becomes visible some milliseconds after its commit."""
        want = self.file_rows(kpi)
        deadline = time.monotonic() + 30
        have = None
        while have != want and time.monotonic() < deadline:
            have = sorted(map(plain, rows()))
        if have != want or not want:
            sys.exit(f"registry.py: {len(have)} rows of {kpi}, not the {len(want)} of the file; for example "
                     f"{sorted(set(have) ^ set(want))[:2]}")
        return len(want)

    def check_rows(self):
        for kpi in KPIS:
            count = self.equal_rows(kpi, lambda topic=f"rows.{kpi}": last_rows(self.records(topic)).values())
            print(f"{count} rows of {kpi} by the schemas of the registry are those of the file")
        self.equal_rows("visits", lambda: (change["after"] for change in last_rows(self.records("changes.visits")).values()))
        sums = collections.Counter()
        for record in self.records("deltas.visits"):
            sums[json.dumps(record["key"])] += int(record["value"]["delta"])
        values = {key: int(row["value"]) for key, row in last_rows(self.records("rows.visits")).items()}
        assert dict(sums) == values, (sums, values)


def last_rows(records):
    """By key, without those that have a tombstone."""
    last = {}
    for record in records:
        assert record["type"] == "application/x-protobuf", record
        key = json.dumps(record["key"])
        last.pop(key, None)
        if record["value"] is not None:
            last[key] = record["value"]
    return last


def plain(row):
    """A row of a file or a message, comparable: without what differs from time to time, and without defaults."""
    row = dict(row)
    if "value_double" in row:
        assert float(row["value"]) == row.pop("value_double"), row
    items = ((name.replace(".", "_"), str(value)) for name, value in row.items()
             if name not in ("revision", "updated_at", "cause") and value not in (None, "", False))
    return tuple(sorted(items))


def check(test, registry, kafka):
    test.append(0, 100)
    plain_url = f"{{url: \"{registry.url}\"}}"
    nobody = f"http://127.0.0.1:{broker.free_ports(1)[0]}"
    test.write(f"{{url: \"{nobody}\"}}")
    test.refused(f"the schema registry {nobody}: cannot connect: Connection refused", "is it running")
    test.write(f"{{url: \"{registry.url.removesuffix(BASE)}\"}}")
    test.refused("answers 404", BASE)
    front = start_front(registry, kafka.brokers[0].directory / "broker.pem")
    test.write(f"{{url: \"{front}\", ca_file: {test.ca}}}")
    test.refused("answers 401", "`username` and `password`")
    login = "username: ann, password: {secret: \"env:REGISTRY_PASSWORD\"}"
    test.write(f"{{url: \"{front}\", {login}}}")
    test.refused("no encrypted connection", "certificate verify failed")
    assert registry.ask("/subjects") == []

    registry.ask("/config", {"compatibility": "BACKWARD"}, "PUT")
    test.write(f"{{url: \"{front}\", ca_file: {test.ca}, {login}}}")
    test.works("validate", "pipeline.yaml")
    assert registry.ask("/subjects") == []
    test.works("run", "pipeline.yaml", "--until-end", "--quiet")
    test.check_rows()
    assert len(registry.ask("/subjects")) == 2 * (len(KPIS) + 2)

    # The same again, without the front: nothing is new, and rows that change keep their keys.
    test.append(100, 130)
    test.write(plain_url)
    test.works("validate", "pipeline.yaml")
    test.works("run", "pipeline.yaml", "--until-end", "--quiet")
    test.check_rows()

    # With other ids all rows are there again, with other keys.
    anew = start_front(registry, kafka.brokers[0].directory / "broker.pem", SHIFT)
    test.write(f"{{url: \"{anew}\", ca_file: {test.ca}, {login}}}")
    test.works("run", "pipeline.yaml", "--until-end", "--quiet")
    again = lambda: (record for record in test.records("rows.visits") if record["key_schema"] > SHIFT)
    test.equal_rows("visits", lambda: last_rows(again()).values())

    test.write(plain_url, order_rate="{count: order, by: [channel], window: total}")
    test.refused("refuses the schema for the subject `rows.order_rate-value`", "NONE")
    test.write(plain_url, visits="{count: visit, by: [channel], window: 1d}")
    test.refused("the subject `rows.visits-key` has the schema of other keys", "would never be replaced")
    registry.stop()
    print("registry.py: all good")


def main():
    with tempfile.TemporaryDirectory(prefix="leadflow-registry-", ignore_cleanup_errors=True) as folder:
        try:
            registry = Registry(pathlib.Path(folder))  # It takes its time, so it starts beside the broker.
        except broker.Missing as missing:
            print(f"registry.py: skipped: {missing}", file=sys.stderr)
            return broker.SKIPPED

        def test(options, work, kafka):
            registry.wait()
            return check(Test(options, work, kafka, registry), registry, kafka)

        try:
            return broker.run_test(__doc__, test, programs=("binary", "read_protobuf"))
        finally:
            registry.stop()


if __name__ == "__main__":
    sys.exit(main())
