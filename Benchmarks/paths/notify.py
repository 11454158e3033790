"""Webhooks to 100 endpoints, each attempt logged, against wrk posting the same bodies to the same receiver, and against pgbench
writing what is written for each."""
import json
import os
import socket
import threading
import time

from confluent_kafka import Consumer, Producer

import load
import report
import stack

ENDPOINTS = 100
EVENTS = int(os.environ.get("EVENTS", "200"))


def start_receiver(own):
    """nginx that answers 204 on a hundred addresses of the loopback network."""
    port = stack.free_port()
    folder = own.folder / "nginx"
    folder.mkdir()
    listen = "\n".join(f"listen 127.0.0.{n + 1}:{port};" for n in range(ENDPOINTS))
    (folder / "nginx.conf").write_text(f"""
        daemon off; worker_processes 1; pid {folder}/pid; error_log stderr warn;
        events {{ worker_connections 4096; }}
        http {{ access_log off; client_body_temp_path {folder}/body; keepalive_requests 1000000;
            server {{ {listen} location / {{ return 204; }} }} }}
    """)
    own.spawn("nginx", ["nginx", "-c", folder / "nginx.conf", "-p", folder])
    stack.wait("nginx", lambda: socket.create_connection(("127.0.0.1", port), 1))
    return port


def example(own):
    """An event of a task's end with its headers, as an executor has written it."""
    task = own.submit({"images": ["nginx:1.27"], "checks": []})
    own.wait_for_end(task)
    consumer = Consumer({"bootstrap.servers": own.kafka, "group.id": "bench", "auto.offset.reset": "earliest"})
    consumer.subscribe(["longshore.events"])
    end = time.monotonic() + 60
    while time.monotonic() < end:
        message = consumer.poll(1)
        if message is None or message.error():
            continue
        headers = [(name, value.decode()) for name, value in message.headers()]
        if ("ce_type", "dev.longshore.task.succeeded.v1") in headers and ("ce_subject", task) in headers:
            consumer.close()
            return task, headers, message.value().decode()
    raise RuntimeError("the end of a task was not told")


def publish(own, original, tasks, batch, count):
    """Tells of ends that never were: for each task as many as asked, each with an id of its own."""
    task_id, headers, value = original
    events = [
        (
            task,
            value.replace(task_id, task).encode(),
            [(name, f"{task}-{batch}-{number}" if name == "ce_id" else text.replace(task_id, task)) for name, text in headers],
        )
        for number in range(count) for task in tasks
    ]
    producer = Producer({"bootstrap.servers": own.kafka, "acks": "all", "linger.ms": 5})
    for key, body, own_headers in events:
        producer.produce("longshore.events", body, key=key, headers=own_headers)
        producer.poll(0)
    producer.flush(60)


def delivered(own):
    return own.metrics("notifier-2").get("longshore_deliveries_finished_total", 0)


def writes_like(body):
    """A pgbench script with what is written for a delivery: it is there, somebody has it, it is done and logged."""
    return (
        "\\set r random(1, 1000000000000000000)\n"
        "\\set n random(1, 100)\n"
        "INSERT INTO longshore.deliveries (id, event_id, task_id, project, url, secret_name, body, state, next_attempt_at) "
        "VALUES ('pg-' || :r::bigint || '-' || :client_id::int, 'e', 'pg-' || :n::int, 'default', 'https' || chr(58) || '//127.0.0.' || :n::int || '/hook', "
        f"'webhook-default', {load.quoted(body)}, 'pending', now());\n"
        "UPDATE longshore.deliveries SET state = 'delivering', attempt = 1, lease_owner = 'pgbench', lease_until = now() + interval '30 s' "
        "WHERE id = 'pg-' || :r::bigint || '-' || :client_id::int;\n"
        "BEGIN;\n"
        "UPDATE longshore.deliveries SET state = 'delivered', lease_owner = NULL, lease_until = NULL, next_attempt_at = NULL, last_status = 204, "
        "finished_at = now() WHERE id = 'pg-' || :r::bigint || '-' || :client_id::int;\n"
        "INSERT INTO longshore.delivery_attempts (delivery_id, attempt, started_at, duration_ms, status) "
        "VALUES ('pg-' || :r::bigint || '-' || :client_id::int, 1, now(), 1, 204);\n"
        "COMMIT;\n"
    )


def run():
    table = report.Table("notify", f"Notifier: webhooks to {ENDPOINTS} endpoints, each attempt logged, against wrk posting the same bodies")
    with stack.Stack(services=("intake", "executor", "notifier")) as own:
        port = start_receiver(own)
        original = example(own)
        own.members["executor-1"][0].stop()
        tasks = [
            own.submit({"images": ["nginx:1.27"], "webhookUrl": f"http://127.0.0.{n + 1}:{port}/hook", "webhookEvents": ["task.succeeded"]})
            for n in range(ENDPOINTS)
        ]
        stuck = own.submit({"images": ["nginx:1.27"], "webhookUrl": f"http://127.0.0.200:{port}/hook", "webhookEvents": ["task.succeeded"]})
        # It would fold what is written to the topic, and is not what is measured.
        own.members["intake-0"][0].stop()
        batches = iter(range(1_000))

        def deliver(tasks_, count):
            before = delivered(own)
            publish(own, original, tasks_, next(batches), count)
            return stack.rate("the deliveries", lambda: delivered(own) - before, len(tasks_) * count, 0.1)

        deliver(tasks, 2)
        body = own.sql("SELECT body FROM longshore.deliveries LIMIT 1")
        headers = {"Content-Type": "application/cloudevents+json", "webhook-id": "x" * 40, "webhook-signature": "v1," + "x" * 44}
        pairs = report.in_turns(
            lambda: deliver(tasks, EVENTS),
            lambda: load.wrk(own.folder, f"http://127.0.0.1:{port}/hook", body, headers, report.SECONDS, expect=204)[0],
        )
        table.compare("deliveries", "/s", pairs, 0.5)
        script = writes_like(body)
        pairs = report.in_turns(lambda: deliver(tasks, EVENTS), lambda: load.pgbench(own, script, report.SECONDS)[0])
        table.compare("deliveries, against pgbench's writes", "/s", pairs, 1)
        hanging(own, table, deliver, tasks, stuck, original, port)
    table.finish()


def hanging(own, table, deliver, tasks, stuck, original, port):
    """What one endpoint that never answers costs the others."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.200", port))
        listener.listen(1024)
        held = []
        threading.Thread(target=lambda: hold(listener, held), daemon=True).start()
        marks = iter(range(1_000))

        def p99(others):
            since = own.sql("SELECT now()")
            if others:
                threading.Thread(target=lambda: publish(own, original, [stuck], f"stuck-{next(marks)}", 20)).start()
            deliver(tasks[1:], 10)
            return float(own.sql(
                "SELECT 1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - created_at)) "
                f"FROM longshore.deliveries WHERE created_at >= '{since}' AND state = 'delivered'"
            ))

        table.compare("p99 of 99 endpoints while one hangs", "ms", report.in_turns(lambda: p99(True), lambda: p99(False)), 1.2, at_most=True)
        for connection in held:
            connection.close()


def hold(listener, held):
    while True:
        try:
            held.append(listener.accept()[0])
        except OSError:
            return
