"""The alert rules are right and fire on what they are for: promtool's check and the rules' own tests.

    alerts.py FOLDER

Ends with 77 where there is no promtool (package prometheus).
"""
import json
import pathlib
import sys
import tempfile

from tools import need, run


def main():
    folder = pathlib.Path(sys.argv[1])
    dashboard = json.loads((folder / "dashboard.json").read_text(encoding="utf-8"))
    panels = [p for p in dashboard["panels"] if p["type"] != "row"]
    if len({p["id"] for p in dashboard["panels"]}) != len(dashboard["panels"]) or not all(
            t["expr"] for p in panels for t in p["targets"]):
        sys.exit("dashboard.json: ids twice, or a panel without a query")
    need("promtool")
    # Grafana's variables are none of the language: any values stand for them.
    queries = [t["expr"].replace("$__rate_interval", "5m").replace("$job", "leadflow").replace("$instance", ".*")
               for p in panels for t in p["targets"]]
    rules = {"groups": [{"name": "dashboard", "rules": [{"record": f"q{i}", "expr": q} for i, q in enumerate(queries)]}]}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(rules, file)
        file.flush()
        run("promtool", "check", "rules", file.name)
    run("promtool", "check", "rules", "alerts.yaml", cwd=folder)
    run("promtool", "test", "rules", "alerts_test.yaml", cwd=folder)
    print(f"{len(queries)} queries of the dashboard and all rules are right")


if __name__ == "__main__":
    main()
