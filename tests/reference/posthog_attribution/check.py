"""Each of the 21 scenarios of vectors.json as a pipeline of its own; every asserted number must come out.

    check.py LEADFLOW_BINARY
"""
import json
import pathlib
import sys
import tempfile
from fractions import Fraction

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import leadflow_run  # noqa: E402

TOLERANCE = Fraction(1, 10_000)  # that of the scenarios' own assertions
MODELS = {"first_touch": "first_touch", "last_touch": "last_touch", "linear": "linear",
          "time_decay": "time_decay", "position_based": "u_shape"}


def asserts_value(expected):
    """Whether any row asserts money. A stage as goal has no amount, so a KPI of its value would be an error."""
    return any(what.endswith("_value") for row in expected.values() if isinstance(row, dict) for what in row)


def pipeline_of(vector):
    config = vector["config"]
    dimension = {"utm_campaign": "campaign", "channel": "channel", "referring_domain": "source"}[vector["breakdown"]]
    half_life = max(config["window_days"] * 24 // 4, 24)
    goal = "order" if config["multiple_conversions"] else "stage.customer"
    exclude = []
    if config["exclude_direct"]:
        exclude.append("""direct: 'kind == "page_view" && !has(utm.source)'""")
    if config["exclude_unattributed"]:
        exclude.append("""no_campaign: 'kind == "page_view" && !has(utm.campaign)'""")
    touch = ", ".join(sorted({"channel", dimension}))
    by = f"by: [model, {touch}], window: 1d"
    value = f"value: {{attributed: conversion, value: amount, {by}}}" if asserts_value(vector["expected"]) else ""
    return f"""
version: 1
name: scenario
time_zone: UTC
sources:
  web:
    file: {{path: events.jsonl}}
    format: json
    events:
      - kind: page_view
        when: $.kind == "page_view"
        map:
          id: $.id
          time: $.time
          user_id: $.person
          session_id: $.session
          utm.campaign: $.campaign
          utm.source: "coalesce($.source, domain($.referrer))"
          utm.medium: $.medium
          referrer: $.referrer
      - kind: order
        when: $.kind == "order"
        map: {{id: $.id, time: $.time, user_id: $.person, order_id: $.id, amount: 'money($.amount, "EUR")'}}
exclude: {{{", ".join(exclude)}}}
stages:
  - {{name: customer, phase: transaction, on: 'kind == "order"'}}
goals:
  conversion: {{on: {goal}, lookback: {config["window_days"]}d}}
attribution:
  models: [first_touch, last_touch, linear, u_shape, {{time_decay: {{half_life: {half_life}h}}}}, participation]
kpis:
  credit: {{attributed: conversion, {by}}}
  {value}
  visitors: {{distinct: lead, of: visit, by: [{touch}], window: total}}
"""


def events_of(vector):
    for i, session in enumerate(vector["sessions"]):
        referrer = session["referring_domain"]
        start = session["session_start"]
        for view in range(session["pageviews"]):
            yield {"kind": "page_view", "id": f"s{i}-{view}", "time": f"{start[:17]}{view:02d}Z", "person": session["person"],
                   "session": f"s{i}", "campaign": session["utm_campaign"], "source": session["utm_source"],
                   "medium": session["utm_medium"], "referrer": None if referrer == "$direct" else f"https://{referrer}/"}
    for i, conversion in enumerate(vector["conversions"]):
        yield {"kind": "order", "id": f"o{i}", "time": conversion["at"], "person": conversion["person"],
               "amount": f'{conversion["revenue"]:.2f}'}


class Rows:
    """The rows of one scenario, cut to its display range."""

    def __init__(self, vector, rows):
        first, last = vector["config"]["date_from"], vector["config"]["date_to"]
        self.dimension = {"utm_campaign": "campaign", "channel": "channel", "referring_domain": "source"}[vector["breakdown"]]
        self.kpis = {kpi: [r for r in table if kpi == "visitors" or first <= r["window_start"][:10] <= last]
                     for kpi, table in rows.items()}

    def of(self, kpi, name, **where):
        name = {"": "(none)", "(paid channel)": "Paid search"}.get(name, name)
        rows = [r for r in self.kpis[kpi] if r["channel"] != "Unattributed"]
        return leadflow_run.total(rows, **{self.dimension: name}, **where)

    def all(self, kpi, unattributed=None, **where):
        rows = [r for r in self.kpis[kpi] if unattributed is None or (r["channel"] == "Unattributed") == unattributed]
        return leadflow_run.total(rows, **where)


def check_row(rows, name, wanted):
    if wanted == "absent":
        yield f"{name} has credit", Fraction(0), sum((rows.of("credit", name, model=m) for m in MODELS.values()), Fraction(0))
        return
    for what, value in wanted.items():
        if what in MODELS:
            have = rows.of("credit", name, model=MODELS[what])
        elif what.removesuffix("_value") in MODELS:
            have = rows.of("value", name, model=MODELS[what.removesuffix("_value")])
        elif what == "influenced_conversions":
            have = rows.of("credit", name, model="participation")
        elif what == "influenced_value":
            have = rows.of("value", name, model="participation")
        elif what == "visitors":
            have = rows.of("visitors", name)
        elif what == "conversion_rate":
            have = rows.of("credit", name, model="participation") / rows.of("visitors", name)
        else:
            raise SystemExit(f"this check does not know `{what}`")
        yield f"{name} {what}", Fraction(value), have


def checks(rows, expected):
    for name, wanted in expected.items():
        if name == "total_conversions":
            yield name, Fraction(wanted), rows.all("credit", model="linear")
        elif name == "unattributed_conversions":
            yield name, Fraction(wanted), rows.all("credit", unattributed=True, model="linear")
        elif name == "sum_over_rows_per_model":
            for model in MODELS.values():
                yield f"{name} {model}", Fraction(wanted), rows.all("credit", model=model)
        elif name == "sum_influenced":
            yield name, Fraction(wanted), rows.all("credit", model="participation")
        elif name == "rows":
            attributed = [r for r in rows.kpis["credit"] if r["channel"] != "Unattributed" and Fraction(r["value"])]
            yield name, Fraction(wanted), Fraction(len(attributed))
        else:
            yield from check_row(rows, name, wanted)


def main():
    vectors = json.loads((HERE / "vectors.json").read_text())["vectors"]
    failed = numbers = 0
    for vector in vectors:
        with tempfile.TemporaryDirectory() as folder:
            leadflow_run.write_events(pathlib.Path(folder) / "events.jsonl", events_of(vector))
            rows = Rows(vector, leadflow_run.run(sys.argv[1], folder, pipeline_of(vector)))
        wrong = []
        for what, wanted, have in checks(rows, vector["expected"]):
            numbers += 1
            if abs(wanted - have) > TOLERANCE:
                wrong.append(f"    {what}: expected {float(wanted):.6f}, found {float(have):.6f}")
        failed += bool(wrong)
        print(f"{'differs' if wrong else 'equal  '} {vector['name']}", *wrong, sep="\n" if wrong else "")
    print(f"{len(vectors) - failed} of {len(vectors)} scenarios equal, {numbers} numbers compared")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
