"""Real Snowplow web events: page views, visits, engaged time and users as in the tables that dbt-snowplow-web makes of them.

    check.py LEADFLOW_BINARY

The mapping takes over what are choices of the mapping: a page view's id is its page_view_id, its time the device's (the same
in each copy that a tracker sends again), one without id or more than 3 days on its way counts as none. Where the two still
differ, DIFFERENCES names the rule of leadflow that makes it so; any other difference fails, and so does one that is gone.
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
        when: >-
          $.event == "page_view" && $.contexts_com_snowplowanalytics_snowplow_web_page_1_0_0 != '[{"id":null}]'
          && parse_time($.dvce_sent_tstamp) - parse_time($.dvce_created_tstamp) <= 3d
        map:
          id: hash($.contexts_com_snowplowanalytics_snowplow_web_page_1_0_0)
          time: parse_time($.dvce_created_tstamp)
          anonymous_id: coalesce($.domain_userid, $.network_userid)
          user_id: $.user_id
          session_id: $.domain_sessionid
          labels.session: $.domain_sessionid
          labels.cookie: $.domain_userid
          utm.source: $.mkt_source
          utm.medium: $.mkt_medium
          utm.campaign: $.mkt_campaign
          referrer: $.page_referrer
          page.url: $.page_url
      - kind: page_ping
        when: $.event == "page_ping"
        map:
          id: $.event_id
          time: parse_time($.dvce_created_tstamp)
          anonymous_id: coalesce($.domain_userid, $.network_userid)
          user_id: $.user_id
          session_id: $.domain_sessionid
# One cookie comes back after eight months and is one user there, too.
journey: {anonymous_ttl: 365d}
kpis:
  page_views: {count: page_view, by: [labels.session], window: total}
  visits: {count: visit, by: [labels.session, source, medium, campaign], window: total}
  engaged_time: {sum: visit.engaged_time, by: [labels.session], window: total, unit: s}
  users: {distinct: lead, of: page_view, where: has(labels.cookie), by: [], window: total}
  cookies: {distinct: lead, of: page_view, where: has(labels.cookie), by: [labels.cookie], window: total}
"""

LONG = "visits: an event more than 24 h after the first of its session begins a new visit; there, a session is one, and its " \
       "events after the third day are left out"
PING = "visits: pings alone make no visit"
NEWEST = "visits: a ping belongs to the newest page view of its device, also of an earlier session"
ONE_LEAD = "leads: the user id makes the three cookies one lead, whose page views keep their own labels; there, a session " \
           "has the cookie of its first event"
# (table, session or cookie, leadflow minus theirs): the rule.
DIFFERENCES = {
    ("page_views", "2bfc2c..bd35", 2): LONG,
    ("page_views", "d21c00..b12d", 1): LONG,
    ("visits", "2bfc2c..bd35", 3): LONG,
    ("visits", "d21c00..b12d", 1): LONG,
    ("visits", "540b6c..3af5", 2): "visits: a visit is of one device and at most 24 h long; here three cookies on three days",
    ("visits", "0b0c7b..140d", -1): PING,
    ("visits", "0b0c7b..140e", -1): PING,
    ("visits", "0b5d42..fce8", -1): PING,
    ("engaged_time", "0b0c7b..140c", 20): NEWEST,
    ("engaged_time", "0b0c7b..140d", -5): NEWEST,
    ("engaged_time", "0b0c7b..140e", -5): NEWEST,
    ("engaged_time", "4d34b5..d7ae", 5): NEWEST,
    ("engaged_time", "0b5d42..fce8", -5): NEWEST,
    ("cookies", "1f72f3..537f", 1): ONE_LEAD,
    ("cookies", "2e340e..bf17", 1): ONE_LEAD,
    ("campaigns", ("2bfc2c..bd35", "", "", ""), 1): LONG,
}


def read(name):
    with open(HERE / name, encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def short(key):
    return f"{key[:6]}..{key[-4:]}" if len(key) > 20 else key


def table(rows, key, value=lambda row: 1):
    """The sum of `value` over the rows of each key."""
    sums = {}
    for row in rows:
        sums[key(row)] = sums.get(key(row), 0) + value(row)
    return sums


def campaign(row, *columns):
    return tuple(row[column] if row[column] not in ("", "(none)") else "" for column in columns)


def tables(rows):
    """(name, what leadflow counts, what the reference counts), each {key: number}."""
    value = lambda row: int(float(row["value"] or 0))  # noqa: E731
    session, theirs = lambda row: row["labels.session"], lambda row: row["domain_sessionid"]  # noqa: E731
    sessions, users = read("expected_sessions.csv"), read("expected_users.csv")
    yield "page_views", table(rows["page_views"], session, value), table(read("expected_page_views.csv"), theirs)
    yield "visits", table(rows["visits"], session, value), table(sessions, theirs)
    yield "engaged_time", table(rows["engaged_time"], session, value), table(sessions, theirs, lambda r: int(r["engaged_time_in_s"]))
    yield "users", {"all": value(rows["users"][0])}, {"all": len(users)}
    yield "cookies", table(rows["cookies"], lambda row: row["labels.cookie"], value), table(users, lambda r: r["domain_userid"])
    # The campaign of each session that is there on both sides, as 1 per (session, source, medium, campaign).
    both = {row["domain_sessionid"] for row in sessions} & {row["labels.session"] for row in rows["visits"]}
    yield ("campaigns",
           {(session(r), *campaign(r, "source", "medium", "campaign")): 1 for r in rows["visits"] if session(r) in both},
           {(theirs(r), *campaign(r, "mkt_source", "mkt_medium", "mkt_campaign")): 1 for r in sessions if theirs(r) in both})


def main():
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE / "snowplow_web_events.csv", folder)
        rows = leadflow_run.run(sys.argv[1], folder, PIPELINE)
    wrong, used = 0, set()
    for name, have, wanted in tables(rows):
        print(f"{name}: {sum(have.values())} here, {sum(wanted.values())} there")
        for key in sorted(wanted.keys() | have.keys()):
            difference = have.get(key, 0) - wanted.get(key, 0)
            if not difference:
                continue
            shown = short(key) if isinstance(key, str) else (short(key[0]), *key[1:])
            rule = DIFFERENCES.get((name, shown, difference))
            used.add((name, shown, difference))
            wrong += rule is None
            print(f"  {name} of {shown}: {difference:+d}: {rule or 'NOT EXPLAINED'}")
    unused = set(DIFFERENCES) - used
    if unused:
        print(f"explained, but not there: {sorted(unused)}")
    print("differences: all explained" if not wrong and not unused else "differences: some are not explained")
    sys.exit(bool(wrong or unused))


if __name__ == "__main__":
    main()
