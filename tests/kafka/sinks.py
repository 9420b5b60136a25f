#!/usr/bin/env python3
"""Rows of a pipeline on their way to others: a stock Python client, and Kafka Connect with a JDBC sink into PostgreSQL.

    tests/kafka/broker.py run -- tests/kafka/sinks.py build/release/leadflow

Not part of `make test`: it fetches 100 MB by Maven the first time (into the cache of broker.py) and needs PostgreSQL's
server programs; the Python client (package confluent-kafka) is tried if it is installed. Ends with 77 if something is
missing, 1 if what arrives is not what the files of the same run say.
"""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import broker

CONNECT = "4.3.1"
SINK = "3.6.0.Final"
DEADLINE_SECONDS = 180
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
 <groupId>leadflow</groupId><artifactId>connect-for-tests</artifactId><version>1</version><packaging>pom</packaging>
 <dependencies>
  <dependency><groupId>org.apache.kafka</groupId><artifactId>connect-runtime</artifactId><version>{0}</version></dependency>
  <dependency><groupId>org.apache.kafka</groupId><artifactId>connect-json</artifactId><version>{0}</version></dependency>
 </dependencies></project>
"""
PIPELINE = """version: 1
name: {name}
currency: {{report: EUR}}
lateness: {{allowed: 30d}}
engine: {{partitions: 4}}
kafka: {{brokers: "{brokers}", topics: {{replication: 1}}}}
sources:
  events: {{file: {{path: events.jsonl}}, format: leadflow, disorder: 30d}}
goals: {{order: {{on: order}}}}
attribution: {{models: [first_touch, linear]}}
kpis:
  visits: {{count: visit, by: [channel, campaign], window: 1d}}
  revenue: {{attributed: order, value: amount, by: [model, channel], window: 1mo}}
  rate: {{ratio: [{{count: order}}, {{count: visit}}], by: [channel], window: total}}
outputs:
  - file: {{path: "out/{{kpi}}.jsonl"}}
  - kafka: {{topic: "{{name}}.kpi.{{kpi}}", partitions: 4, emit: {{every: 100ms}}}}
  - kafka: {{topic: "{{name}}.connect.{{kpi}}", format: connect, emit: {{every: 100ms}}}}
"""
WORKER = """bootstrap.servers={brokers}
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
offset.storage.file.filename={folder}/offsets
offset.flush.interval.ms=1000
plugin.path={plugins}
connector.client.config.override.policy=All
listeners=HTTP://127.0.0.1:{port}
"""
CONNECTOR = """name=rows
connector.class=io.debezium.connector.jdbc.JdbcSinkConnector
topics={topics}
connection.url=jdbc:postgresql://127.0.0.1:{port}/postgres
connection.username=app
connection.password=app
insert.mode=upsert
primary.key.mode=record_key
delete.enabled=true
schema.evolution=basic
quote.identifiers=true
consumer.override.isolation.level=read_committed
consumer.override.auto.offset.reset=earliest
"""
LOGGING = """<Configuration><Appenders><Console name="out"><PatternLayout pattern="%d %p %m (%c)%n%throwable{short}"/></Console>
</Appenders><Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers></Configuration>
"""
PARTITIONS = 4
KPIS = ("visits", "revenue", "rate")


def write_events(path):
    dice = random.Random(3)
    with open(path, "w", encoding="utf-8") as out:
        for number in range(2000):
            lead = f"lead{dice.randrange(300)}@example.org"
            event = {"id": str(number), "kind": "page_view", "email": lead,
                     "time": f"2026-03-{dice.randrange(1, 29):02}T{dice.randrange(24):02}:{dice.randrange(60):02}:00Z",
                     "page": {"url": "https://example.org/a"}}
            if dice.random() < 0.5:
                event["utm"] = {"source": dice.choice(["google", "linkedin"]), "medium": dice.choice(["cpc", "social"]),
                                "campaign": dice.choice(["sp\u00e4t \"1\"", "b", "c"])}
            if dice.random() < 0.1:
                event = {"id": str(number), "kind": "order", "email": lead, "time": event["time"],
                         "order_id": str(number), "amount": {"minor": dice.randrange(1, 100000), "currency": "EUR"}}
            out.write(json.dumps(event) + "\n")


def file_rows(folder, kpi):
    lines = (folder / "out" / f"{kpi}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_float=str, parse_int=str) for line in lines]


def identity(row, volatile=("revision", "updated_at", "cause")):
    return tuple(sorted((name, str(value)) for name, value in row.items() if name not in volatile))


def read_topic(topic):
    """The last value of each key, as far as transactions are visible yet: that comes some milliseconds after the commit."""
    from confluent_kafka import Consumer, KafkaError, TopicPartition
    consumer = Consumer({"bootstrap.servers": os.environ["LEADFLOW_KAFKA"], "group.id": "sinks",
                         "enable.auto.commit": False, "isolation.level": "read_committed", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
    last, ended = {}, set()
    while len(ended) < PARTITIONS:
        message = consumer.poll(30)
        assert message is not None, "no answer"
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
        elif message.value() is None:
            last.pop(message.key(), None)
        else:
            last[message.key()] = json.loads(message.value(), parse_float=str, parse_int=str)
            assert dict(message.headers())["ce_specversion"] == b"1.0"
    consumer.close()
    return last.values()


def check_python_client(name, folder):
    try:
        import confluent_kafka
    except ImportError:
        print("sinks.py: confluent-kafka is not installed: its part is left out")
        return
    for kpi in KPIS:
        want = sorted(map(identity, file_rows(folder, kpi)))
        deadline = time.monotonic() + 20
        have = None
        while have != want and time.monotonic() < deadline:
            have = sorted(map(identity, read_topic(f"{name}.kpi.{kpi}")))
        if have != want:
            sys.exit(f"sinks.py: a Python client has {len(have)} rows of {kpi}, not the {len(want)} of the file; for "
                     f"example {min(set(have) ^ set(want))}")
        print(f"sinks.py: librdkafka {confluent_kafka.libversion()[0]} in Python has {len(have)} rows of {kpi}")


def fetch_connect():
    folder = broker.cache_folder(f"connect-{CONNECT}-{SINK}")
    if not (folder / "plugins").is_dir():
        maven = broker.find_program("mvn", "install Maven")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pom.xml").write_text(POM.format(CONNECT))
        artifact = f"io.debezium:debezium-connector-jdbc:{SINK}:tar.gz:plugin"
        for words in (["dependency:copy-dependencies", f"-DoutputDirectory={folder}/lib", "-DincludeScope=runtime"],
                      ["dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]):
            subprocess.run([maven, "-q", "-B", *words], cwd=folder, check=True)
        archive = next(folder.glob("debezium-connector-jdbc*.tar.gz"))
        (folder / "partial").mkdir(exist_ok=True)
        shutil.unpack_archive(archive, folder / "partial")
        (folder / "partial").rename(folder / "plugins")
    return folder


class Postgres:
    def __init__(self, folder):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        if not found:
            raise broker.Missing("PostgreSQL is not installed")
        self.bin, self.folder = found[-1], folder
        self.port, = broker.free_ports(1)
        # The server refuses to run as root.
        self.user = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] if os.getuid() == 0 else []
        folder.mkdir()
        folder.chmod(0o777)
        self.run("initdb", "-D", str(folder / "data"), "-U", "app", "--auth=trust", "--no-sync")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        self.run("pg_ctl", "-D", str(folder / "data"), "-o", options, "-l", str(folder / "log"), "-w", "start")

    def run(self, program, *words):
        subprocess.run([*self.user, str(self.bin / program), *words], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def rows(self, table):
        sql = f"select coalesce(json_agg(t), '[]') from \"{table}\" t"
        done = subprocess.run([str(self.bin / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "app", "-Atc", sql,
                               "postgres"], capture_output=True, text=True, check=False)
        return json.loads(done.stdout, parse_float=str, parse_int=str) if done.returncode == 0 else None

    def stop(self):
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")


def comparable(row):
    row = dict(row)
    for name in ("window_start", "window_end", "updated_at"):
        row.pop(name, None)
    for name in ("value", "numerator", "denominator"):
        if row.get(name) is not None:
            row[name] = round(float(row[name]), 6)
    return identity(row)


def check_sink(brokers, name, folder):
    home = fetch_connect()
    postgres = Postgres(folder / "postgres")
    port, = broker.free_ports(1)
    (folder / "worker.properties").write_text(
        WORKER.format(brokers=brokers, folder=folder, plugins=home / "plugins", port=port))
    topics = ",".join(f"{name}.connect.{kpi}" for kpi in KPIS)
    (folder / "sink.properties").write_text(CONNECTOR.format(topics=topics, port=postgres.port))
    (folder / "log4j2.xml").write_text(LOGGING)
    log = open(folder / "connect.log", "wb")
    worker = subprocess.Popen(["java", "-Xmx512m", f"-Dlog4j2.configurationFile={folder}/log4j2.xml", "-cp", f"{home}/lib/*",
                               "org.apache.kafka.connect.cli.ConnectStandalone",
                               str(folder / "worker.properties"), str(folder / "sink.properties")], stdout=log, stderr=log,
                              preexec_fn=broker.die_with_parent)
    try:
        for kpi in KPIS:
            want = sorted(comparable(row) for row in file_rows(folder, kpi))
            table = re.sub(r"[.-]", "_", f"{name}.connect.{kpi}")
            deadline = time.monotonic() + DEADLINE_SECONDS
            have = None
            while have != want and time.monotonic() < deadline and worker.poll() is None:
                time.sleep(1)
                rows = postgres.rows(table)
                have = None if rows is None else sorted(comparable(row) for row in rows)
            if have != want:
                print((folder / "connect.log").read_text(errors="replace"))
                sys.exit(f"sinks.py: table {table}: {len(have or [])} rows, not the {len(want)} of the file")
            print(f"sinks.py: PostgreSQL has {len(have)} rows of {kpi}")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
        postgres.stop()


def main():
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    brokers = os.environ["LEADFLOW_KAFKA"]
    with tempfile.TemporaryDirectory(prefix="leadflow-sinks-", ignore_cleanup_errors=True) as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        name = f"sinks{os.getpid()}"
        write_events(folder / "events.jsonl")
        (folder / "pipeline.yaml").write_text(PIPELINE.format(name=name, brokers=brokers))
        subprocess.run([binary, "run", "pipeline.yaml", "--until-end"], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        check_python_client(name, folder)
        try:
            check_sink(brokers, name, folder)
        except broker.Missing as missing:
            print(f"sinks.py: skipped: {missing}")
            sys.exit(broker.SKIPPED)


if __name__ == "__main__":
    main()
