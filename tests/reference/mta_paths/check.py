"""10,000 real paths of channels: first, last and linear totals must equal a direct computation.

    check.py LEADFLOW_BINARY [ROWS]      ROWS: only so many rows of the file (default: all)

A row of data.csv.gz is a path with its numbers of conversions and of journeys without one. Each becomes so many
leads with the same touches, an hour apart; a converting one orders an hour after its last touch.
"""
import collections
import csv
import gzip
import pathlib
import sys
import tempfile
from fractions import Fraction

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import leadflow_run  # noqa: E402

PIPELINE = """
version: 1
name: paths
time_zone: UTC
sources:
  paths: {file: {path: events.jsonl}, format: leadflow}
channels:
  - {name: alpha, when: 'utm.source == "alpha"'}
RULES
stages: []
goals: {order: {on: order}}
attribution: {touches: [ad_click], models: [first_touch, last_touch, linear]}
kpis:
  orders: {attributed: order, by: [model, channel], window: total}
  revenue: {attributed: order, value: amount, by: [model, channel], window: total}
  leads: {distinct: lead, of: ad_click, by: [], window: total}
"""
START = 1_700_000_000_000
HOUR = 3_600_000


def read_paths(most):
    with gzip.open(HERE / "data.csv.gz", "rt", encoding="utf-8") as text:
        for number, row in enumerate(csv.DictReader(text)):
            if number == most:
                return
            cents = round(Fraction(row["total_conversion_value"]) * 100)
            yield [c.strip() for c in row["path"].split(">")], int(row["total_conversions"]), int(row["total_null"]), cents


def split(total, weights):
    whole = sum(weights)
    parts = [divmod(total * w, whole) for w in weights]
    shares = [q for q, _ in parts]
    for i in sorted(range(len(parts)), key=lambda i: (-parts[i][1], i))[:total - sum(shares)]:
        shares[i] += 1
    return shares


def main():
    paths = list(read_paths(int(sys.argv[2]) if len(sys.argv) > 2 else -1))
    channels = sorted({c for path, *_ in paths for c in path})
    wanted, events, lead = collections.Counter(), [], 0
    for path, conversions, nulls, cents in paths:
        values = split(cents, [1] * conversions) if conversions else []
        for journey in range(conversions + nulls):
            lead += 1
            for step, channel in enumerate(path):
                events.append({"id": f"{lead}-{step:03d}", "time": START + step * HOUR, "kind": "ad_click",
                               "crm_contact_id": str(lead), "utm": {"source": channel}})
            if journey >= conversions:
                continue
            events.append({"id": f"{lead}-o", "time": START + len(path) * HOUR, "kind": "order", "crm_contact_id": str(lead),
                           "order_id": str(lead), "amount": {"minor": values[journey], "currency": "EUR"}})
            for model, weights in (("first_touch", [1] + [0] * (len(path) - 1)),
                                   ("last_touch", [0] * (len(path) - 1) + [1]), ("linear", [1] * len(path))):
                for channel, unit, cent in zip(path, split(1_000_000, weights), split(values[journey], weights)):
                    wanted["orders", model, channel] += unit
                    wanted["revenue", model, channel] += cent
    rules = "\n".join(f"  - {{name: {c}, when: 'utm.source == \"{c}\"'}}" for c in channels if c != "alpha")
    with tempfile.TemporaryDirectory() as folder:
        leadflow_run.write_events(pathlib.Path(folder) / "events.jsonl", events)
        rows = leadflow_run.run(sys.argv[1], folder, PIPELINE.replace("RULES", rules))
    have = {(kpi, row["model"], row["channel"]): int(Fraction(row["value"]) * scale)
            for kpi, scale in (("orders", 1_000_000), ("revenue", 100)) for row in rows[kpi] if Fraction(row["value"])}
    wanted = {key: value for key, value in wanted.items() if value}
    wrong = [(key, wanted.get(key), have.get(key)) for key in wanted.keys() | have.keys() if wanted.get(key) != have.get(key)]
    for key, want, got in sorted(wrong)[:10]:
        print(f"  {key}: expected {want}, found {got}")
    leads = int(rows["leads"][0]["value"])
    print(f"{len(events)} events, {lead} journeys ({leads} found), {len(wanted)} totals: {'equal' if not wrong else 'differ'}")
    sys.exit(bool(wrong) or leads != lead)


if __name__ == "__main__":
    main()
