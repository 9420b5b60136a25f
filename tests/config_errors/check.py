"""`leadflow validate` on each file of this folder shows exactly the mistakes that the file names, each in its place.

    check.py LEADFLOW_BINARY

A comment `# expect: LINE:COLUMN ID` names one, `# hidden: LINE` a line that is not shown. Looks at what people and
machines see: exit code 78, the text with its line and its caret below the first character, the same mistakes as JSON
and for GitHub, and a hint with each.
"""
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
BAD_CONFIG = 78
HIDDEN = "(not shown: it may hold a secret)"


def validate(binary, file, form):
    done = subprocess.run([binary, "validate", "--format", form, file], capture_output=True, text=True, cwd=HERE)
    if done.returncode != BAD_CONFIG:
        yield f"--format {form}: exit code {done.returncode}, not {BAD_CONFIG}"
    return done.stdout + done.stderr


def as_text(out, file, lines):
    """The places in the text; complains about a line that is not the file's, or a caret elsewhere."""
    places = []
    for at, line, column, source, margin, hint in re.findall(
            rf"^{re.escape(file)}:((\d+):(\d+)): error: .+\n +\d+ \| (.*)\n +\|( *)\^+ ?(.*)$", out, re.M):
        places.append(at)
        hidden = f"# hidden: {line}" in lines
        if source != (HIDDEN if hidden else lines[int(line) - 1]):
            yield f"text: {at} shows another line: {source}"
        if len(margin) != int(column):  # a blank behind the bar, then column - 1 more
            yield f"text: {at} has its caret below column {len(margin)}"
        if not hint:
            yield f"text: {at} has no hint"
    counted = re.search(r"^(\d+) errors? in 1 file\. Nothing was started\.$", out, re.M)
    if not counted or int(counted.group(1)) != len(places):
        yield f"text: {len(places)} mistakes shown, and the last line says: {out.splitlines()[-1:]}"
    return places


def check(binary, file):
    text = (HERE / file).read_text(encoding="utf-8")
    expected = sorted(re.findall(r"^# expect: (\d+:\d+) (\S+)$", text, re.M))
    if not expected:
        yield "names no mistake"
    out = yield from validate(binary, file, "json")
    found = sorted((f"{one['line']}:{one['column']}", one["id"]) for one in json.loads(out))
    if found != expected:
        yield f"expected {expected}\n    found {found}"
    places = [at for at, _ in expected]
    out = yield from validate(binary, file, "text")
    shown = yield from as_text(out, file, text.splitlines())
    if sorted(shown) != places:
        yield f"text: expected {places}, found {sorted(shown)}"
    out = yield from validate(binary, file, "github")
    github = [f"{line}:{column}" for line, column in re.findall(rf"^::error file={file},line=(\d+),col=(\d+)::.+$", out, re.M)]
    if sorted(github) != places:
        yield f"github: expected {places}, found {sorted(github)}"


def main():
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    wrong = 0
    files = sorted(file.name for file in HERE.glob("*.yaml"))
    for file in files:
        for message in check(binary, file):
            wrong += 1
            print(f"{file}: {message}")
    print(f"{len(files)} files, {wrong} wrong")
    sys.exit(bool(wrong) or not files)


if __name__ == "__main__":
    main()
