"""Runs the leadflow binary on a pipeline made by a test and reads the rows that it wrote."""
import csv
import json
import pathlib
import subprocess
from fractions import Fraction


def write_events(path, events):
    with open(path, "w", encoding="utf-8") as out:
        for event in events:
            out.write(json.dumps(event, separators=(",", ":")) + "\n")


def run(binary, folder, pipeline, environment=None):
    """Writes `pipeline` into `folder`, runs it to the end of its input; returns {kpi: [row, ...]}."""
    folder = pathlib.Path(folder)
    (folder / "pipeline.yaml").write_text(pipeline, encoding="utf-8")
    done = subprocess.run([binary, "run", str(folder / "pipeline.yaml"), "--until-end", "--quiet"],
                          capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"leadflow run ended with {done.returncode}:\n{done.stderr}\n{pipeline}")
    return rows_of(folder / "out")


def rows_of(out):
    rows = {}
    for file in sorted(pathlib.Path(out).glob("*.csv")):
        with open(file, encoding="utf-8", newline="") as text:
            rows[file.stem] = list(csv.DictReader(text))
    return rows


def number(row, column="value"):
    return Fraction(row[column]) if row[column] else None


def total(rows, column="value", **where):
    """The sum of `column` over the rows that have these dimension values; rows without a value count 0."""
    return sum((number(row, column) or 0 for row in rows if all(row[k] == v for k, v in where.items())), Fraction(0))
