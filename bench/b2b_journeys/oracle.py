"""The b2b-journeys job in its plainest form: all events in memory, integers only, no engine.

    oracle.py EVENTS.jsonl OUT_DIR     compares the CSV files that the engine wrote with its own result

Prints `rows equal: yes` with the number of rows, or each of the first differences and exits 1.
A row of zeros and an absent row are the same.
"""
import bisect
import collections
import csv
import datetime
import fractions
import json
import pathlib
import sys

DAY = 86_400_000
LOOKBACK = 365 * DAY
MOST_TOUCHES = 500
TOUCHES = {"web_visit", "email_click", "form_submit", "fair_contact"}
SEARCH, SOCIAL = {"google", "bing", "duckduckgo"}, {"linkedin", "facebook", "xing"}
SAME_WORD = {"email", "referral", "display", "affiliate", "webinar"}


def channel_of(event):
    kind, utm = event["kind"], event.get("utm") or {}
    if kind == "fair_contact":
        return "fair"
    if kind in ("email_open", "email_click"):
        return "email"
    medium, source = utm.get("medium"), utm.get("source")
    if not medium:
        return "direct"
    if medium == "cpc":
        return "paid_search" if source in SEARCH else "paid_social" if source in SOCIAL else "display"
    if medium in ("organic", "social"):
        return {"organic": "organic_search", "social": "organic_social"}[medium]
    return medium if medium in SAME_WORD else "other"


def decay_table(hours):
    """round(2 ** (30 - r / hours)) by integers: the largest m with ((2m - 1) / 2) ** hours <= 2 ** (30 * hours - r)."""
    table = []
    for r in range(hours):
        target = 2 ** (31 * hours - r)  # (2 * exact value) ** hours
        low, high = 0, 2 ** 31
        while low < high:  # the largest m with (2m - 1) ** hours <= target
            middle = (low + high + 1) // 2
            if (2 * middle - 1) ** hours <= target:
                low = middle
            else:
                high = middle - 1
        table.append(low)
    return table


DECAY = decay_table(168)


def millis(text, days={}):
    date = text[:10]
    if date not in days:
        days[date] = datetime.date.fromisoformat(date).toordinal() - 719163
    return days[date] * DAY + int(text[11:13]) * 3_600_000 + int(text[14:16]) * 60_000 + int(text[17:19]) * 1000 + int(
        text[20:23])


def weights_of(model, moment, times):
    n = len(times)
    if model == "first_touch":
        return [1] + [0] * (n - 1)
    if model == "last_touch":
        return [0] * (n - 1) + [1]
    if model == "u_shape" and n > 2:
        return [2 * (n - 2)] + [1] * (n - 2) + [2 * (n - 2)]
    if model == "time_decay":
        hours = [(moment - time) // 3_600_000 for time in times]
        return [max(1, DECAY[h % 168] >> (h // 168)) for h in hours]
    return [1] * n


def split(total, weights):
    whole = sum(weights)
    parts = [divmod(total * weight, whole) for weight in weights]
    shares = [share for share, _ in parts]
    order = sorted(range(len(parts)), key=lambda i: (-parts[i][1], i))
    for i in order[:total - sum(shares)]:
        shares[i] += 1
    return shares


def credit(order, touches, cells):
    moment, _, _, _, _, text, cents = order
    month = text[:7] + "-01"
    for model in ("first_touch", "last_touch", "linear", "u_shape", "time_decay"):
        if not touches:
            cells["orders", month, model, "Unattributed", "(none)"] += 1_000_000
            cells["revenue", month, model, "Unattributed", "(none)"] += cents
            continue
        weights = weights_of(model, moment, [touch[0] for touch in touches])
        for kpi, total in (("orders", 1_000_000), ("revenue", cents)):
            for touch, share in zip(touches, split(total, weights)):
                cells[kpi, month, model, touch[3], touch[4]] += share


def expected(path):
    cells, leads, seen = collections.Counter(), collections.defaultdict(list), set()
    for line in open(path, encoding="utf-8"):
        event = json.loads(line)
        if (event["user_id"], event["id"]) in seen:
            continue
        seen.add((event["user_id"], event["id"]))
        kind, day = event["kind"], event["time"][:10]
        channel, campaign = channel_of(event), (event.get("utm") or {}).get("campaign") or "(none)"
        if kind == "web_visit":
            cells["visits", day, channel, campaign] += 1
        if kind in ("email_open", "email_click"):
            cells[kind + "s", day, campaign] += 1
        cents = int(fractions.Fraction(event["amount"]) * 100) if kind == "order" else 0
        leads[event["user_id"]].append((millis(event["time"]), event["id"], kind, channel, campaign, event["time"], cents))
    for journey in leads.values():
        journey.sort(key=lambda entry: entry[:2])
        made = next((entry for entry in journey if entry[2] in ("form_submit", "fair_contact")), None)
        if made:
            cells["new_leads", made[5][:10], made[3]] += 1
        touches = [entry for entry in journey if entry[2] in TOUCHES]
        times = [touch[0] for touch in touches]
        for order in (entry for entry in journey if entry[2] == "order"):
            begin, end = bisect.bisect_left(times, order[0] - LOOKBACK), bisect.bisect_right(times, order[0])
            credit(order, touches[max(begin, end - MOST_TOUCHES):end], cells)
    return {key: value for key, value in cells.items() if value}


def found(folder):
    cells = {}
    for name, digits in (("visits", 0), ("email_opens", 0), ("email_clicks", 0), ("new_leads", 0), ("orders", 6), ("revenue", 2)):
        with open(pathlib.Path(folder) / f"{name}.csv", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                value = fractions.Fraction(row["value"]) * 10 ** digits
                dimensions = [row[key] for key in ("model", "channel", "campaign") if key in row]
                if value:
                    cells[tuple([name, row["window_start"][:10], *dimensions])] = int(value)
    return cells


def main():
    want, have = expected(sys.argv[1]), found(sys.argv[2])
    differences = [(key, want.get(key), have.get(key)) for key in want.keys() | have.keys() if want.get(key) != have.get(key)]
    for key, wanted, got in sorted(differences, key=str)[:10]:
        print(f"  {key}: expected {wanted}, found {got}")
    print(f"rows equal: {'no, ' + str(len(differences)) + ' differ' if differences else 'yes'} ({len(want)} rows)")
    sys.exit(bool(differences))


if __name__ == "__main__":
    main()
