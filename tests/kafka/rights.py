#!/usr/bin/env python3
"""The rights that `leadflow topics` prints are enough, and one that is missing is named.

    tests/kafka/rights.py build/release/leadflow

A user without rights is given what the shell form says, all but one right at first.
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import broker  # noqa: E402

PIPELINE = """version: 1
name: rights
engine: {{partitions: 2}}
kafka:
  brokers: "{brokers}"
  sasl: {{mechanism: PLAIN, username: limited, password: {{secret: "env:PASSWORD"}}}}
  topics: {{replication: 1}}
sources:
  web: {{file: {{path: events.jsonl}}, format: leadflow}}
  box: {{inbox: {{path: events.jsonl}}, format: leadflow}}
kpis:
  visits: {{count: page_view, window: 1d}}
outputs:
  - file: {{path: "out/{{kpi}}.csv"}}
  - kafka: {{topic: "{{name}}.kpi.{{kpi}}"}}
"""
EVENT = b'{"id":"1","kind":"page_view","time":"2026-03-01T09:00:00Z","anonymous_id":"c1"}\n'


def test(options, folder, kafka):
    (folder / "pipeline.yaml").write_text(PIPELINE.format(brokers=kafka.variables["LEADFLOW_KAFKA_SASL"]))
    (folder / "events.jsonl").write_bytes(EVENT)
    environment = dict(os.environ, PASSWORD="secret")

    def run(*words):
        return subprocess.run([options.binary, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=120)

    def expect_refusal(*parts):
        done = run("run", "pipeline.yaml", "--until-end", "--quiet")
        missing = [part for part in parts if part not in done.stderr]
        if done.returncode != 1 or missing:
            sys.exit(f"rights.py: ended with {done.returncode}, does not say {missing}:\n{done.stderr}")

    def grant(lines):
        subprocess.run([kafka.java, "-cp", f"{kafka.lib}/*", str(HERE / "ApplyAcls.java"), kafka.variables["LEADFLOW_KAFKA"]],
                       input="\n".join(lines), text=True, check=True, stderr=subprocess.DEVNULL)

    expect_refusal("rights.reset", "kafka.sasl")
    acls = [line for line in run("topics", "pipeline.yaml", "--format", "shell").stdout.splitlines() if line.startswith("kafka-acls.sh")]
    last = {"--group": "group `rights`", "--transactional-id": "rights-"}
    grant([line for line in acls if not any(word in line for word in last)])
    for word, named in sorted(last.items(), reverse=True):
        expect_refusal(named, "kafka.sasl")
        grant([line for line in acls if word in line])
    for command in (("load", "pipeline.yaml", "box"), ("run", "pipeline.yaml", "--until-end", "--quiet")):
        done = run(*command)
        if done.returncode != 0:
            sys.exit(f"rights.py: {command[0]} ended with {done.returncode}\n{done.stderr}")
    rows = (folder / "out/visits.csv").read_text()
    if "2026-03-01" not in rows or ",2," not in rows:  # One of each source.
        sys.exit(f"rights.py: the rows are\n{rows}")
    refused = run("reset", "pipeline.yaml", "--yes")  # It may not delete, so it does not begin.
    again = run("run", "pipeline.yaml", "--until-end", "--quiet")
    if refused.returncode != 1 or "rights.reset" not in refused.stderr or again.returncode != 0:
        sys.exit(f"rights.py: reset ended with {refused.returncode}, then run with {again.returncode}\n{refused.stderr}{again.stderr}")
    print(f"{len(acls)} rights are enough; without them it says which")
    return 0


if __name__ == "__main__":
    sys.exit(broker.run_test(__doc__, test))
