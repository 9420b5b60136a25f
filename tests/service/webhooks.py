"""Webhooks, `leadflow load` and `leadflow top` with the embedded log: what was answered 200 is in the rows, whatever happens then.

    webhooks.py LEADFLOW_BINARY
"""
import base64
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from run import DEADLINE_S, TOKEN, Process, event, expect, wait

KEY = "a key that nobody knows"
PAYLOADS = pathlib.Path(__file__).resolve().parent.parent / "reference/payloads"
PIPELINE = """version: 1
name: hooks
currency: {report: USD}
http: {listen: "127.0.0.1:0"}
sources:
  shop:
    http: {path: /webhooks/shop, verify: {hmac_sha256: {header: X-Shopify-Hmac-Sha256, key: {secret: "env:SHOP_KEY"}}}}
    format: shopify
  crm: {http: {path: /webhooks/crm, verify: {tokens: {file: tokens}}}, format: leadflow}
  open: {http: {path: /webhooks/open}, format: leadflow}
  fair:
    inbox: {path: "fair-*.csv"}
    format: csv
    time_zone: UTC
    events:
      - {kind: card_collected, map: {id: $.badge, time: parse_time($.at), email: $.email, fair: $.fair}}
kpis:
  orders: {count: order, window: total}
  money: {sum: order.amount, window: total}
  cards: {count: card_collected, by: [fair], window: total}
outputs: [{file: {path: "out/{kpi}.csv", every: 100ms}}]
"""


class Hooks(Process):
    def post(self, path, body, headers=None, method="POST"):
        """The status; 0: the connection broke."""
        host, port = self.record("listening")["address"].split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=DEADLINE_S)
        try:
            connection.request(method, path, body=body, headers={"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def post_signed(self, body, key=KEY):
        signature = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()
        return self.post("/webhooks/shop", body, {"X-Shopify-Hmac-Sha256": signature})

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def start(binary, folder):
    service = Hooks(binary, folder)
    wait("not ready", lambda: service.get("/readyz")[0] == 200)
    return service


def total(folder, kpi):
    """Of all rows; 0 if there are none."""
    file = folder / f"out/{kpi}.csv"
    if not file.exists():
        return 0
    rows = [line.split(",") for line in file.read_text(encoding="utf-8").splitlines()]
    return sum(float(row[rows[0].index("value")]) for row in rows[1:])


def order(number, amount="10.00"):
    return {"id": number, "email": f"p{number}@example.com", "created_at": "2026-03-02T10:00:00Z", "updated_at": "2026-03-02T10:00:00Z",
            "total_price": amount, "currency": "USD", "financial_status": "paid", "test": False}


def refusals(service):
    body = json.dumps(order(1)).encode()
    expect(service.post_signed(body, "another key") == 401, "a wrong signature is taken")
    expect(service.post("/webhooks/shop", body) == 401, "no signature is taken")
    token = {"Authorization": f"Bearer {TOKEN}"}
    expect(service.post("/webhooks/crm", b"{}") == 401, "no token is taken")
    expect(service.post("/webhooks/crm", b"{}", {"Authorization": f"Bearer {TOKEN}x"}) == 401, "a wrong token is taken")
    expect(service.post("/webhooks/nowhere", body) == 404, "an unknown path is no 404")
    expect(service.post("/metrics", body) == 405, "a POST to /metrics is no 405")
    expect(service.post("/webhooks/open", None, method="GET") == 405, "a GET of a webhook is no 405")
    expect(service.post("/webhooks/open", None, method="DELETE") == 405, "a DELETE is no 405")
    expect(service.post("/webhooks/open", b"x" * ((1 << 20) + 1)) == 413, "more than 1 MiB is taken, or not answered")
    expect(service.post("/webhooks/open", b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}) == 415, "a form is taken")
    expect(service.post("/webhooks/open", b"x", {"Content-Encoding": "gzip"}) == 415, "gzip is taken")
    expect(service.post("/webhooks/crm", b"", token) == 200, "a ping is refused")


def nothing_is_lost(binary, folder):
    service = start(binary, folder)
    refusals(service)
    expect(service.post_signed(json.dumps(order(1)).encode()) == 200, "an order is not taken")
    service.kill()
    service = start(binary, folder)
    wait("the order is lost", lambda: total(folder, "orders") == 1)
    expect(service.post_signed(json.dumps(order(1)).encode()) == 200, "an order is not taken again")
    batch = json.dumps([order(2), order(3, "0.50")]).encode()
    expect(service.post_signed(batch) == 200, "a list is not taken")
    basic = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    body = (event(4) + event(5) + '{"id": "x"}\n').encode()
    expect(service.post("/webhooks/crm", body, {"Authorization": f"Basic {basic}"}) == 200, "events are not taken")
    expect(service.post("/webhooks/shop", b"", {}) == 401, "nothing needs no signature")
    wait("orders are lost, or counted twice", lambda: total(folder, "orders") == 5)
    wait("the bad event is no dead letter", lambda: 'leadflow_dead_letters_total{source="crm"' in service.metrics())
    metrics = service.metrics()
    for sample in ('{source="shop",status="200"} 2', '{source="shop",status="401"} 1', '{source="crm",status="200"} 1'):
        expect(f"leadflow_webhook_requests_total{sample}\n" in metrics, f"not counted: {sample}")
    log = service.log_path.read_text(encoding="utf-8")
    expect(KEY not in log + metrics and TOKEN not in log + metrics, "a secret is shown")
    service.stop()
    return 5


def many_at_once(binary, folder, orders):
    """Killed while eight senders post: all that was answered 200 is there, and nothing twice when the rest comes again."""
    service = start(binary, folder)
    bodies = [json.dumps(order(100 + i)).encode() for i in range(400)]
    taken = 0
    with concurrent.futures.ThreadPoolExecutor(8) as senders:
        answers = [senders.submit(service.post_signed, body) for body in bodies]
        wait("nothing is taken", lambda: sum(a.done() and a.result() == 200 for a in answers) >= 100)
        service.kill()
        statuses = [answer.result() for answer in answers]
        taken = statuses.count(200)
    service = start(binary, folder)
    wait(f"{taken} were taken, {total(folder, 'orders') - orders} are there", lambda: total(folder, "orders") >= orders + taken)
    with concurrent.futures.ThreadPoolExecutor(8) as senders:
        again = list(senders.map(service.post_signed, bodies))
    expect(again == [200] * len(bodies), f"answers: {set(again)}")
    wait("not all are there once", lambda: total(folder, "orders") == orders + len(bodies))
    service.stop()
    return orders + len(bodies), taken


def leadflow(binary, folder, *words, code=0, stdin=None):
    done = subprocess.run([binary, *words], cwd=folder, capture_output=True, text=True, check=False, input=stdin)
    expect(done.returncode == code, f"leadflow {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def loaded(binary, folder):
    head = "badge,at,email,fair\n"
    rows = [f"{i},2026-03-03 10:00,c{i}@example.com,{'Hannover' if i % 3 else 'Wien'}\n" for i in range(3000)]
    (folder / "fair-1.csv").write_text(head + "".join(rows[:2000]), encoding="utf-8")
    (folder / "fair-2.csv").write_text(head + "".join(rows[1900:2500]), encoding="utf-8")
    expect("2,600 messages sent" in leadflow(binary, folder, "load", "pipeline.yaml", "fair"), "not all is sent")
    expect("nothing new sent" in leadflow(binary, folder, "load", "pipeline.yaml", "fair"), "it is sent again")
    with open(folder / "fair-2.csv", "a", encoding="utf-8") as more:
        more.write("".join(rows[2500:2600]))
    expect("100 messages sent" in leadflow(binary, folder, "load", "pipeline.yaml", "fair", "fair-2.csv"), "what was added is not sent")
    expect("401 messages sent" in leadflow(binary, folder, "load", "pipeline.yaml", "fair", "-", stdin=head + "".join(rows[2599:])),
           "standard input is not sent")
    (folder / "fair-1.csv").write_text(head.upper(), encoding="utf-8")
    expect("is not the file any more" in leadflow(binary, folder, "load", "pipeline.yaml", "fair", code=1), "another file is taken")
    for words, said in ((("fare",), "no source `fare`"), (("fair", "none.csv"), "no file"), (("crm",), "which files?")):
        expect(said in leadflow(binary, folder, "load", "pipeline.yaml", *words, code=1), f"{words}: not said: {said}")
    leadflow(binary, folder, "run", "pipeline.yaml", "--until-end", "--quiet")
    expect(total(folder, "cards") == 3000, f"cards: {total(folder, 'cards')}")


def computed_anew(binary, folder, orders):
    said = leadflow(binary, folder, "reset", "pipeline.yaml", "--yes")
    expect("Kept, and read again by the next run:" in said and "/inbox\n" in said, f"reset says: {said}")
    (folder / "out/orders.csv").unlink()
    leadflow(binary, folder, "run", "pipeline.yaml", "--until-end", "--quiet")
    expect(total(folder, "orders") == orders and total(folder, "cards") == 3000, "the inbox is not read again")
    leadflow(binary, folder, "verify", "--pipeline", "pipeline.yaml")


def seen_from_above(binary, folder):
    service = start(binary, folder)
    url = f"http://{service.record('listening')['address']}"
    running = leadflow(binary, folder, "load", "pipeline.yaml", "fair", "fair-2.csv", code=1)
    expect(str(service.process.pid) in running, f"not said who holds the inbox: {running}")
    table = leadflow(binary, folder, "top", "--once", "--url", url, "--url", "http://127.0.0.1:1")
    lines = table.splitlines()
    expect(lines[0].split()[:2] == ["PROCESS", "STATE"] and lines[1].split()[1] == "serving", f"top says:\n{table}")
    expect("127.0.0.1:1 does not answer" in table, f"top says:\n{table}")
    service.stop()
    said = leadflow(binary, folder, "top", "--once", "--url", url, code=1)
    expect("does not answer" in said and "is it running" in said, f"top says: {said}")
    expect("names no address and port" in leadflow(binary, folder, "top", "pipeline.yaml", code=1), "port 0 is asked")


def samples_of_senders(binary, folder):
    """Real bodies, through the door."""
    (folder / "pipeline.yaml").write_text(PIPELINE.split("  shop:")[0] + "".join(
        f"  {f}: {{http: {{path: /{f}}}, format: {f}}}\n" for f in ("shopify", "woocommerce", "sendgrid", "segment", "hubspot")), encoding="utf-8")
    service = start(binary, folder)
    count = 0
    for form in ("shopify", "woocommerce", "sendgrid", "segment", "hubspot"):
        for file in sorted((PAYLOADS / form).glob("*.json")):
            expect(service.post(f"/{form}", file.read_bytes()) == 200, f"{file} is not taken")
            count += 1
        wait(f"nothing of {form} is read", lambda f=form: service.value(f'leadflow_messages_read_total{{source="{f}"}}'))
    expect("is no signature" not in service.metrics() and count > 20, f"{count} samples")
    service.stop()


def main():
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    os.environ["SHOP_KEY"] = KEY
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        (folder / "tokens").write_text(TOKEN + "\n", encoding="utf-8")
        (folder / "pipeline.yaml").write_text(PIPELINE, encoding="utf-8")
        orders = nothing_is_lost(binary, folder)
        orders, taken = many_at_once(binary, folder, orders)
        loaded(binary, folder)
        computed_anew(binary, folder, orders)
        seen_from_above(binary, folder)
        other = folder / "samples"
        other.mkdir()
        samples_of_senders(binary, other)
    print(f"webhooks, load and top as they should be; {taken} requests were taken before the kill")


if __name__ == "__main__":
    main()
