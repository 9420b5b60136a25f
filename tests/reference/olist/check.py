"""The Olist marketing funnel (8,000 leads, 842 deals; CC BY-NC-SA, so not part of this project).

    check.py LEADFLOW_BINARY FOLDER      FOLDER holds the two CSV files, for example from Kaggle

Compares with numbers computed here from the same files: leads, won deals, rate and revenue per origin, median days to close.
One deal was won before its lead's first contact: no touch is at or before it, so it is unattributed, origin `(none)`, and
its negative duration is left out.
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


class Direct:
    """The numbers, straight from the files."""

    def __init__(self, folder):
        with open(folder / LEADS, encoding="utf-8", newline="") as text:
            leads = {row["mql_id"]: row for row in csv.DictReader(text)}
        self.leads = collections.Counter(row["origin"] or "(none)" for row in leads.values())
        self.deals, self.revenue, self.days = collections.Counter(), collections.Counter(), []
        with open(folder / DEALS, encoding="utf-8", newline="") as text:
            for deal in csv.DictReader(text):
                lead = leads[deal["mql_id"]]
                days = (datetime.datetime.fromisoformat(deal["won_date"]) -
                        datetime.datetime.fromisoformat(lead["first_contact_date"])).days
                origin = (lead["origin"] or "(none)") if days >= 0 else "(none)"
                self.deals[origin] += 1
                self.revenue[origin] += Fraction(deal["declared_monthly_revenue"])
                if days >= 0:
                    self.days.append(days)
        self.days.sort()


def main():
    source = pathlib.Path(sys.argv[2])
    direct = Direct(source)
    with tempfile.TemporaryDirectory() as folder:
        for name in (LEADS, DEALS):
            shutil.copy(source / name, folder)
        rows = leadflow_run.run(sys.argv[1], folder, (HERE / "pipeline.yaml").read_text())
    wrong = []

    def compare(what, want, have):
        if want != have:
            wrong.append(what)
        print(f"  {what}: expected {want}, found {have}{'' if want == have else '   <- differs'}")

    compare("leads", sum(direct.leads.values()), int(leadflow_run.total(rows["leads"])))
    compare("deals won", sum(direct.deals.values()), int(leadflow_run.total(rows["won"])))
    for origin, leads in sorted(direct.leads.items()):
        found = [row["value"] for row in rows["win_rate"] if row["source"] == origin]
        compare(f"rate of {origin}", f"{direct.deals[origin] / leads:.6f}", found[0] if found else None)
        compare(f"revenue of {origin}", float(direct.revenue[origin]), float(leadflow_run.total(rows["revenue"], source=origin)))
    compare("median days to close", direct.days[(len(direct.days) - 1) // 2], int(Fraction(rows["days_to_close"][0]["p50"])))
    print(f"olist funnel: {'differs in ' + str(len(wrong)) if wrong else 'equal'}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
