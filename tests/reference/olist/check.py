"""The Olist marketing funnel (8,000 leads, 842 deals; CC BY-NC-SA, so not part of this project).

    check.py LEADFLOW_BINARY FOLDER      FOLDER holds the two CSV files, for example from Kaggle

Compares with numbers computed here from the same files: leads, deals, deals and rate per origin, median days to close.
"""
import collections
import csv
import datetime
import pathlib
import shutil
import sys
import tempfile
from fractions import Fraction

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import leadflow_run  # noqa: E402

LEADS, DEALS = "olist_marketing_qualified_leads_dataset.csv", "olist_closed_deals_dataset.csv"


def direct(folder):
    with open(folder / LEADS, encoding="utf-8", newline="") as text:
        leads = {row["mql_id"]: row for row in csv.DictReader(text)}
    with open(folder / DEALS, encoding="utf-8", newline="") as text:
        deals = list(csv.DictReader(text))
    origin = {lead: row["origin"] or "(none)" for lead, row in leads.items()}
    days = sorted((datetime.datetime.fromisoformat(d["won_date"]) -
                   datetime.datetime.fromisoformat(leads[d["mql_id"]]["first_contact_date"])).days for d in deals)
    return collections.Counter(origin.values()), collections.Counter(origin[d["mql_id"]] for d in deals), days


def main():
    source = pathlib.Path(sys.argv[2])
    leads, deals, days = direct(source)
    with tempfile.TemporaryDirectory() as folder:
        for name in (LEADS, DEALS):
            shutil.copy(source / name, folder)
        rows = leadflow_run.run(sys.argv[1], folder, (HERE / "pipeline.yaml").read_text())
    wrong = []

    def compare(what, want, have):
        if want != have:
            wrong.append(what)
        print(f"  {what}: expected {want}, found {have}{'' if want == have else '   <- differs'}")

    compare("leads", sum(leads.values()), int(leadflow_run.total(rows["leads"])))
    compare("deals won", sum(deals.values()), int(leadflow_run.total(rows["won"])))
    for origin in sorted(leads):
        rate = Fraction(deals[origin], leads[origin])
        found = [row for row in rows["win_rate"] if row["source"] == origin]
        compare(f"rate of {origin}", f"{float(rate):.6f}", found[0]["value"] if found else None)
    counted = [d for d in days if d >= 0]  # a negative duration is left out
    compare("median days to close", counted[(len(counted) - 1) // 2], int(Fraction(rows["days_to_close"][0]["p50"])))
    print(f"olist funnel: {'differs in ' + str(len(wrong)) if wrong else 'equal'}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
