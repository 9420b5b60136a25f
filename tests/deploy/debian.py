"""The Debian package: what is in it, that its program runs, and what lintian says.

    debian.py BUILD_FOLDER SOURCE_FOLDER

Ends with 77 where dpkg-deb, dpkg-shlibdeps or lintian is missing.
"""
import os
import pathlib
import re
import sys
import tempfile

from tools import need, run

FILES = ["etc/leadflow/pipeline.yaml", "usr/bin/leadflow", "usr/lib/systemd/system/leadflow@.service",
         "usr/share/doc/leadflow/changelog.Debian.gz", "usr/share/doc/leadflow/changelog.gz", "usr/share/doc/leadflow/copyright", "usr/share/man/man1/leadflow.1.gz"]
# There is no archive that this goes to, so no bug that it closes and no address of an uploader.
OVERRIDDEN = "initial-upload-closes-no-bugs,bogus-mail-host,bogus-mail-host-in-debian-changelog,mail-address-loops-or-bounces"


def main():
    build, source = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
    need("dpkg-deb", "dpkg-shlibdeps", "lintian")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run("cpack", "--config", build / "CPackConfig.cmake", "-B", folder, cwd=build)
        package = next(folder.glob("*.deb"))
        run("dpkg-deb", "-x", package, folder / "root")
        root = folder / "root"
        files = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        if files != FILES:
            sys.exit(f"in the package: {files}")
        if run("dpkg-deb", "-I", package, "conffiles").split() != ["/etc/leadflow/pipeline.yaml"]:
            sys.exit("the pipeline is no conffile")
        depends = run("dpkg-deb", "-f", package, "Depends")
        for library in ("librocksdb", "librdkafka", "libc6"):
            if library not in depends:
                sys.exit(f"does not depend on {library}: {depends}")
        binary = root / "usr/bin/leadflow"
        # As the unit starts it, after the steps of the README.
        (folder / "events.jsonl").touch()
        run(binary, "run", root / "etc/leadflow/pipeline.yaml", "--until-end", "--set", f"sources.events.file.path={folder}/*.jsonl",
            "--set", "http.listen=127.0.0.1:0", environment=dict(os.environ, STATE_DIRECTORY=str(folder / "var")))
        if not list((folder / "var/out").glob("*.csv")):
            sys.exit("the first pipeline writes nothing")
        commands = re.findall(r"^  ([a-z]+)  ", run(binary, "--help").split("Subcommands:")[1], re.M)
        page = (source / "deploy/debian/leadflow.1").read_text(encoding="utf-8")
        undocumented = [c for c in commands if not re.search(rf"^\.BI?R? {c}\b", page, re.M)]
        if undocumented or not commands:
            sys.exit(f"the man page does not name {undocumented}")
        print(run("lintian", "--fail-on", "error,warning", "--suppress-tags", OVERRIDDEN, package))
        print(f"{package.name}: {package.stat().st_size} bytes")


if __name__ == "__main__":
    main()
