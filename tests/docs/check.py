"""Every YAML block of the documentation must validate, and every command in it must run.

    check.py LEADFLOW_BINARY [ROOT]

The commands of a page run in order in one temporary folder that holds the page's YAML blocks as NAME.yaml and its JSON
lines as events.jsonl. Links between pages must lead to a file. A `run` without --until-end is stopped by SIGTERM once it has written its outputs. `make` lines are checked
against the targets of the Makefile only.
"""
import itertools
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

BINARY = str(pathlib.Path(sys.argv[1]).resolve())
ROOT = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).resolve().parent.parent.parent)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
FAIR = "badge,scanned_at,email,company,fair\n7,2026-03-03 10:00,ann@example.com,Works,Hannover\n"


def stop_service(process):
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
    return process.wait(timeout=20)


def run_command(words, folder):
    command = [BINARY, *words[1:]]
    service = words[1] == "run" and "--until-end" not in words
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if service:
        code = stop_service(process)
        return code, process.stdout.read()
    out, _ = process.communicate(timeout=120)
    return process.returncode, out


def check_links(page):
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in link and not (page.parent / link).exists():
            yield f"no file behind the link {link}"


def check_page(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "fair-1.csv").write_text(FAIR)
        (folder / "events.jsonl").write_text("")
        blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
        for language, text in sorted(blocks, key=lambda block: block[0] == "sh"):  # the commands read the other blocks
            if language == "json":
                (folder / "events.jsonl").write_text(text)
            elif language == "yaml":
                name = re.search(r"^name: (\S+)", text, re.M)
                file = folder / f"{name.group(1) if name else 'block'}.yaml"
                file.write_text(text)
                code, out = run_command(["leadflow", "validate", "--no-env", str(file)], folder)
                if code != 0:
                    yield f"a YAML block does not validate:\n{out}"
            elif language == "sh":
                yield from check_commands(text, folder, targets)


def check_commands(text, folder, targets):
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["make"] and words[1] not in targets:
            yield f"no target `{words[1]}` in the Makefile"
        elif words and words[0].endswith("leadflow"):
            code, out = run_command(words, folder)
            if code != 0:
                yield f"`{line}` ended with {code}:\n{out}"


def main():
    wrong = 0
    folders = ("app", "bench", "connectors", "deploy", "docs", "engine", "examples", "operators", "tests")
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(f for d in folders for f in (ROOT / d).rglob("*.md"))]
    for page in pages:
        for message in itertools.chain(check_page(page), check_links(page)):
            wrong += 1
            print(f"{page.relative_to(ROOT)}: {message}")
    print(f"{len(pages)} pages, {wrong} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
