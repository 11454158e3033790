"""Tasks per second taken from longshore.requests, against librdkafka reading and writing the same bytes."""
import json
import os
import subprocess

import report
import stack

LOOP = os.environ["RDKAFKA_LOOP"]
COUNT = int(os.environ.get("REQUESTS", "20000"))


def loop(own, *arguments):
    done = subprocess.run([LOOP, own.kafka, *[str(a) for a in arguments]], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def accepted(own):
    return own.metrics("intake-0").get("longshore_submissions_total", 0)


def structured(number):
    """A request as one record: a CloudEvent in structured mode. The tool replaces the mark by a number: no two are the same."""
    return json.dumps({
        "specversion": "1.0", "id": f"bench-{number}-##########", "source": "/benchmarks", "type": "dev.longshore.task.requested.v1",
        "datacontenttype": "application/json", "data": {"images": ["nginx:1.27"]},
    })


def measure(own, count):
    """Writes requests while intake is stopped, then starts it and measures how fast it takes them."""
    before = int(own.sql("SELECT count(*) FROM longshore.tasks"))
    body = own.folder / "request.json"
    body.write_text(structured(before))
    process = own.members["intake-0"][0]
    process.stop()
    loop(own, "produce", "longshore.requests", count, body)
    own.start("intake", "intake-0")
    own.wait_until_ready("intake-0")
    return stack.rate("the requests", lambda: accepted(own), count)


def run():
    table = report.Table("requests", f"Intake over Kafka: {COUNT} tasks from longshore.requests, against librdkafka relaying the same bytes")
    with stack.Stack(services=("intake",)) as own:
        number = iter(range(1_000))

        def limit():
            body = own.folder / "relay.json"
            body.write_text(structured(0))
            source, target = (f"bench.{name}.{next(number)}" for name in ("from", "to"))
            loop(own, "produce", source, COUNT, body)
            figures = loop(own, "relay", source, target, COUNT)
            return figures["records"] / figures["seconds"]

        table.compare("one public image", "/s", report.in_turns(lambda: measure(own, COUNT), limit), 0.25)
    table.finish()
