"""What is sent to two processes on a real broker, and how: most of the events by `leadflow load`, which is killed on its way and run
again, the rest by webhooks to both of them, each batch to the one and again to the other. A way of pipeline.py.
"""
import http.client
import json
import re
import signal
import subprocess
import time

TOKEN = "0123456789abcdef0123456789abcdef"
BATCH = 400  # Lines of a webhook.
COPIES = 8  # Of the events in the file: a load takes several transactions, and a copy counts nothing.
SOURCE = "{http: {path: /webhooks/year, verify: {tokens: {file: tokens}}}, format: leadflow, disorder: 30d}\nhttp: {listen: \"127.0.0.1:0\"}\n"


def address(job, member):
    """Where it listens, once it does."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for line in job.log_of[member].read_text().splitlines():
            if '"listening"' in line:
                return json.loads(line)["address"].split(":")
        time.sleep(0.05)
    job.complaint(f"process {member} does not listen")


def post(job, member, body):
    """Until it is taken: a process that only begins, or whose log is away for a moment, says so."""
    host, port = address(job, member)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        connection.request("POST", "/webhooks/year", body, {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status == 200:
            return
        if answer.status != 503 or not answer.getheader("Retry-After"):
            job.complaint(f"a webhook is answered {answer.status} {text}")
        time.sleep(0.1)
    job.complaint("a webhook is never taken")


def load(job, file):
    command = [job.binary, "load", job.pipeline, "year", file, *job.words]
    return subprocess.Popen(command, env=job.environment("load"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def get(job, member, path):
    host, port = address(job, member)
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return text if answer.status == 200 else ""


def wait(job, what, condition):
    deadline = time.monotonic() + 300
    while not condition():
        if time.monotonic() > deadline:
            job.complaint(what)
        time.sleep(0.1)


def read(job, members):
    """How many messages the processes have read."""
    return sum(int(count) for member in members
               for count in re.findall(r'^leadflow_messages_read_total\{source="year"\} (\d+)$', get(job, member, "/metrics"), re.M))


def read_so_far(process):
    with open(f"/proc/{process.pid}/io", encoding="utf-8") as counters:
        return int(re.search(r"rchar: (\d+)", counters.read()).group(1))


def load_killed_on_its_way(job, file, lines):
    """How many messages the second attempt sent."""
    first = load(job, file)
    size = file.stat().st_size
    while first.poll() is None and read_so_far(first) < size * 3 // 4:  # It reads ahead of what it has sent.
        time.sleep(0.001)
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = load(job, file)
    said, _ = second.communicate(timeout=300)
    sent = re.search(r"^([\d,]+) messages? sent", said)
    if second.returncode != 0 or not sent:
        job.complaint(f"load says {said}")
    count = int(sent.group(1).replace(",", ""))
    if not 0 < count < lines:
        job.complaint(f"the second load sent {count} of {lines} messages: it did not go on where the first one was")
    return count


def sent(job, processes):
    text = job.pipeline.read_text()
    source = re.search(r"^  year: \{file.*\n", text, re.M).group(0)
    job.pipeline.write_text(text.replace(source, "  year: " + SOURCE))
    (job.folder / "tokens").write_text(TOKEN + "\n")
    lines = job.events.read_text(encoding="utf-8").splitlines(keepends=True)
    by_file, by_post = lines[:len(lines) * 4 // 5], lines[len(lines) * 4 // 5:]
    file = job.folder / "most.jsonl"
    file.write_text("".join(by_file) * COPIES, encoding="utf-8")
    running = [job.start(i, "--log-format", "json") for i in range(processes)]
    wait(job, "they are not ready", lambda: all(get(job, i, "/readyz") for i in range(processes)))
    again = load_killed_on_its_way(job, file, len(by_file) * COPIES)
    for i in range(0, len(by_post), BATCH):
        body = "".join(by_post[i:i + BATCH]).encode()
        post(job, i // BATCH % processes, body)
        post(job, (i // BATCH + 1) % processes, body)
    expected = len(by_file) * COPIES + 2 * len(by_post)
    wait(job, f"not all of {expected} messages are read", lambda: read(job, range(processes)) >= expected)
    for process in running:
        process.send_signal(signal.SIGTERM)
    job.wait(running)
    return f", {again} of {len(by_file) * COPIES} messages loaded after a kill, {len(by_post)} posted twice"
