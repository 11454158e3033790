"""Accepted until the first Job, and the last image until the webhook, against the same hand-overs done by hand."""
import datetime
import http.client
import http.server
import json
import os
import random
import threading
import time

from confluent_kafka import Consumer, Producer

import report
import stack

SAMPLES = int(os.environ.get("SAMPLES", "40"))


class Receiver(http.server.BaseHTTPRequestHandler):
    """Notes when each task's webhook came."""

    protocol_version = "HTTP/1.1"
    came = {}

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.came.setdefault(body["subject"], time.time())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def pause():
    """As long as a fetch may be held back, more or less: samples that follow its rhythm would all see the same part of it."""
    time.sleep(random.uniform(0.05, 0.15))


def by_hand(own):
    """Produce, consume, one call of the API: what the two hand-overs consist of, without anything in between."""
    producer = Producer({"bootstrap.servers": own.kafka, "acks": "all", "enable.idempotence": True, "linger.ms": 0})
    consumer = Consumer({
        "bootstrap.servers": own.kafka, "group.id": "bench-by-hand", "auto.offset.reset": "latest", "fetch.wait.max.ms": 100,
    })
    # What makes the topic, before anybody asks for it in vain and again after minutes.
    producer.produce("bench.latency", b"first")
    producer.flush(10)
    consumer.subscribe(["bench.latency"])

    def has_begun():
        # The group reads from the end of the topic, which is wherever that is when it has come so far.
        producer.produce("bench.latency", b"first")
        producer.flush(10)
        message = consumer.poll(0.2)
        return message is not None and not message.error()

    stack.wait("the group", has_begun)
    url = own.api_server()
    connection = http.client.HTTPConnection(url.hostname, url.port)
    times = []
    for number in range(SAMPLES):
        begin = time.perf_counter()
        producer.produce("bench.latency", b"x" * 600, key=str(number))
        producer.flush(10)
        message = None
        while message is None or message.error() or message.value() == b"first":
            message = consumer.poll(5)
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": f"bench-{time.monotonic_ns()}", "namespace": "longshore"}}
        connection.request("POST", f"{url.path.rstrip('/')}/apis/coordination.k8s.io/v1/namespaces/longshore/leases", json.dumps(lease), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 201:
            raise RuntimeError(f"the API answered {answer.status}")
        times.append(time.perf_counter() - begin)
        pause()
    consumer.close()
    return times


def by_longshore(own, url):
    """One task at a time on an idle system."""
    to_job, to_webhook = [], []
    for _ in range(SAMPLES):
        begin = time.time()
        task = own.submit({"images": ["nginx:1.27"], "checks": [], "pullPolicy": "Always", "webhookUrl": url, "webhookEvents": ["task.succeeded"]})
        own.wait_for_end(task, 60)
        stack.wait("the webhook", lambda: task in Receiver.came)
        records = own.simulator("GET", f"audit?after={own.mark}")["items"]
        own.mark = records[-1]["sequence"]
        job = next(r for r in records if r["verb"] == "create" and r["resource"] == "jobs" and r["code"] == 201)
        to_job.append(seconds(job["time"]) - begin)
        row = own.sql(f"SELECT extract(epoch FROM finished_at) FROM longshore.tasks WHERE id = '{task}'")
        to_webhook.append(Receiver.came[task] - float(row))
        pause()
    return to_job, to_webhook


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000


def run():
    table = report.Table("latency", "Latency on an idle system, against produce → consume → one API call by hand")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with stack.Stack(nodes=1, services=("intake", "executor", "notifier")) as own:
        own.wait_for_end(own.submit({"images": ["nginx:1.27"], "checks": []}))
        time.sleep(5)
        # What the first task wrote is not a sample's.
        own.mark = own.simulator("GET", "audit?after=0")["items"][-1]["sequence"]
        url = f"http://127.0.0.1:{server.server_port}/hook"
        rounds = report.in_turns(lambda: by_longshore(own, url), lambda: by_hand(own), rounds=3)
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            table.compare(f"request → first Job, {name}", "ms", [(percentile(a[0], share), percentile(b, share)) for a, b in rounds], 1.5, at_most=True)
            table.compare(f"end → webhook, {name}", "ms", [(percentile(a[1], share), percentile(b, share)) for a, b in rounds], 1.5, at_most=True)
    server.shutdown()
    table.finish()
