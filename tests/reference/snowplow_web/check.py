"""Real Snowplow web events: page views, visits and users as in the tables that dbt-snowplow-web makes of them.

    check.py LEADFLOW_BINARY

Where the two differ, DIFFERENCES names the rule that makes it so; any other difference fails.
"""
import csv
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import leadflow_run  # noqa: E402

PIPELINE = """
version: 1
name: snowplow-web
time_zone: UTC
sources:
  web:
    file: {path: snowplow_web_events.csv}
    format: csv
    time_zone: UTC
    events:
      - kind: page_view
        when: $.event == "page_view"
        map: {id: $.event_id, time: parse_time($.derived_tstamp), anonymous_id: $.domain_userid, session_id: $.domain_sessionid, labels.session: $.domain_sessionid, labels.user: $.domain_userid, utm.source: $.mkt_source, utm.medium: $.mkt_medium, utm.campaign: $.mkt_campaign, referrer: $.page_referrer, page.url: $.page_url}
kpis:
  page_views: {count: page_view, by: [labels.session], window: total}
  visits: {count: visit, by: [labels.session], window: total}
  users: {distinct: lead, of: page_view, by: [labels.user], window: total}
"""


def read(name):
    with open(HERE / name, encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


# (table, session or user by its first characters, leadflow minus theirs): the rule that makes the difference.
DIFFERENCES = {}


def main():
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE / "snowplow_web_events.csv", folder)
        rows = leadflow_run.run(sys.argv[1], folder, PIPELINE)
    expected_views, expected_visits = {}, {}
    for row in read("expected_page_views.csv"):
        expected_views[row["domain_sessionid"]] = expected_views.get(row["domain_sessionid"], 0) + 1
    for row in read("expected_sessions.csv"):
        expected_visits[row["domain_sessionid"]] = expected_visits.get(row["domain_sessionid"], 0) + 1
    tables = (("page_views", "labels.session", expected_views), ("visits", "labels.session", expected_visits),
              ("users", "labels.user", {row["domain_userid"]: 1 for row in read("expected_users.csv")}))
    wrong, used = [], set()
    for kpi, column, wanted in tables:
        have = {row[column]: int(row["value"]) for row in rows[kpi]}
        print(f"{kpi}: {sum(have.values())} here, {sum(wanted.values())} there")
        for key in sorted(wanted.keys() | have.keys()):
            difference = have.get(key, 0) - wanted.get(key, 0)
            if not difference:
                continue
            rule = DIFFERENCES.get((kpi, key[:6], difference))
            used.add((kpi, key[:6], difference))
            print(f"  {kpi} of {key[:6] or '(empty)'}: {difference:+d}: {rule or 'NOT EXPLAINED'}")
            if rule is None:
                wrong.append(key)
    unused = set(DIFFERENCES) - used
    if unused:
        print(f"explained, but not there: {sorted(unused)}")
    print("differences: all explained" if not wrong and not unused else "differences: some are not explained")
    sys.exit(bool(wrong or unused))


if __name__ == "__main__":
    main()
