"""The image is built as the Dockerfile says, and a pipeline runs in it: by hand, for it compiles everything (`make image`).

    image.py SOURCE_FOLDER [--suite trixie]

Where no registry is, the base image is made by mmdebstrap from this machine's own Debian mirror, and apt's configuration, which may be
needed to reach that, is mounted while the image is built. Needs root, buildah, podman and mmdebstrap; ends with 77 where
they are missing.
"""
import argparse
import json
import pathlib
import re
import subprocess
import tempfile
import time

from tools import expect, need, run

PIPELINE = """version: 1
name: image
engine: {state_dir: "${STATE_DIRECTORY}/state"}
sources: {events: {file: {path: /srv/events.jsonl}, format: leadflow}}
kpis: {views: {count: page_view, by: [], window: 1d}}
outputs: [{file: {path: "${STATE_DIRECTORY}/out/{kpi}.csv"}}]
"""
EVENT = '{"id":"%d","kind":"page_view","time":"2026-03-01T09:00:00Z","anonymous_id":"c%d"}\n'


class Images:
    """A store of images of its own, gone with its folder."""

    def __init__(self, folder):
        self.store = ["--root", folder / "images", "--runroot", folder / "run", "--storage-driver", "vfs"]

    def buildah(self, *words):
        return run("buildah", *self.store, *words)

    def base(self, folder, suite):
        mirror = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").split()[0]
        run("mmdebstrap", "--variant=minbase", "--include=ca-certificates", suite, folder / "base.tar", f"deb {mirror} {suite} main")
        run("podman", *self.store, "import", folder / "base.tar", "localhost/base")

    def build(self, source, base):
        command = ["buildah", *self.store, "build", "--isolation=chroot", "--pull-never", "--network=host", "--format=docker",
                   "--volume", "/etc/apt/apt.conf.d:/etc/apt/apt.conf.d:ro", "--build-arg", f"BASE={base}",
                   "-f", source / "deploy/docker/Dockerfile", "-t", "localhost/leadflow", source]
        expect(subprocess.run(command).returncode == 0, "the image cannot be built")  # It takes minutes: all of it is shown.


def check_run(images, folder):
    """As `docker run` does: by the image's own user, on a file that it cannot write."""
    config = json.loads(images.buildah("inspect", "--type=image", "localhost/leadflow"))["Docker"]["config"]
    expect(config["User"] == "10001:10001", f"the user is {config['User']}")
    container = images.buildah("from", "--pull-never", "localhost/leadflow").strip()
    (folder / "pipeline.yaml").write_text(PIPELINE, encoding="utf-8")
    (folder / "events.jsonl").write_text("".join(EVENT % (i, i) for i in range(5)), encoding="utf-8")
    for file in ("pipeline.yaml", "events.jsonl"):
        (folder / file).chmod(0o444)

    def inside(*words):
        return images.buildah("run", "--isolation=chroot", "--volume", f"{folder}/pipeline.yaml:/etc/leadflow/pipeline.yaml:ro",
                              "--volume", f"{folder}/events.jsonl:/srv/events.jsonl:ro", container, "--", *words)

    version = inside(*config["Entrypoint"], "--version").strip()
    expect(re.fullmatch(r"leadflow \d+\.\d+\.\d+.*", version), version)
    expect(inside("id", "-u").strip() == "10001", "another user")
    inside("sh", "-c", "! touch /etc/leadflow/x && ! echo x >> /etc/leadflow/pipeline.yaml && ! touch /usr/bin/x")
    inside(*config["Entrypoint"], *config["Cmd"], "--until-end")
    rows = inside("cat", "/var/lib/leadflow/out/views.csv")
    expect(rows.splitlines()[1].split(",")[4] == "5", rows)
    print(f"{version}, uid 10001\n{rows}", end="")
    sizes = json.loads(images.buildah("images", "--json"))
    print("\n".join(f"{image['names'][0]}: {image['size']}" for image in sizes if image.get("names")))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--suite", default="trixie")
    options = parser.parse_args()
    need("buildah", "podman", "mmdebstrap")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        images = Images(folder)
        for what, step in (("base image", lambda: images.base(folder, options.suite)),
                           ("image", lambda: images.build(options.source, "localhost/base")),
                           ("run", lambda: check_run(images, folder))):
            start = time.monotonic()
            step()
            print(f"{what}: {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
