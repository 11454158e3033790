"""Accepted tasks per second over HTTP, each a row in Postgres and acknowledged by Kafka, against pgbench inserting the same row."""
import json

import load
import report
import stack

BODIES = {
    "one public image": ({"images": ["nginx:1.27"]}, 1.0),
    "twenty images": ({"images": [f"registry.example.com/team/app-{n}:v{n}" for n in range(20)]}, 0.8),
    "two registries, two credentials to seal": (
        {
            "images": ["harbor.example.com/ml/train:v3", "quay.example.com/web/shop:1.4"],
            "registryCredentials": [
                {"registry": "harbor.example.com", "username": "ml-robot", "password": "a-password-of-some-length"},
                {"registry": "quay.example.com", "username": "web-robot", "password": "another-password-as-long"},
            ],
        },
        0.3,
    ),
}


def insert_like(own, task):
    """A pgbench script that inserts a task's row as it is, under a new id."""
    row = json.loads(own.sql(f"SELECT row_to_json(t) FROM longshore.tasks t WHERE id = '{task}'"))
    columns = [name for name, value in row.items() if value is not None and value != [] and name not in ("id", "request_hash")]

    types = dict(line.split("|") for line in own.sql(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'longshore.tasks'::regclass AND attnum > 0"
    ).splitlines())

    def literal(name):
        value = row[name]
        if isinstance(value, list):
            text = "ARRAY[" + ",".join(load.quoted(item) for item in value) + "]"
        elif isinstance(value, (int, float)):
            text = str(value)
        else:
            text = load.quoted(value if isinstance(value, str) else json.dumps(value))
        return f"CAST({text} AS {types[name]})"

    values = ", ".join(literal(name) for name in columns)
    return (
        "\\set r random(1, 1000000000000000000)\n"
        f"INSERT INTO longshore.tasks (id, request_hash, {', '.join(columns)}) "
        f"VALUES (to_hex(:r::bigint) || '-' || :client_id::text, sha256('x'), {values});\n"
    )


def writes_like(own, task):
    """The same with all that is written for a task until it is queued: the row, what is acknowledged, its state, its first event."""
    event = own.sql(f"SELECT event FROM longshore.task_events WHERE task_id = '{task}' AND sequence = 1")
    name = "to_hex(:r::bigint) || '-' || :client_id::text"
    return insert_like(own, task) + (
        f"INSERT INTO longshore.acknowledgements (tasks, partitions, offsets) VALUES (ARRAY[{name}], '{{3}}', ARRAY[:r::bigint]);\n"
        "BEGIN;\n"
        "UPDATE longshore.tasks SET phase = 'queued', queued_at = now(), sequence = 1, updated_at = now(), message_partition = 3, "
        f"message_offset = :r::bigint WHERE id = {name};\n"
        "INSERT INTO longshore.task_events (event_id, task_id, sequence, type, time, event) "
        f"VALUES ({name} || '-queued', {name}, 1, 'dev.longshore.task.queued.v1', now(), CAST({load.quoted(event)} AS jsonb));\n"
        "COMMIT;\n"
    )


def run():
    table = report.Table("intake", f"Intake over HTTP: accepted tasks, {load.CONNECTIONS} connections, against pgbench with the same row")
    # The executor announces the key that credentials are sealed to; it is stopped so that only intake is measured.
    with stack.Stack(services=("intake", "executor")) as own:
        sealing = {"images": ["a.example.com/b:1"], "registryCredentials": [{"registry": "a.example.com", "username": "u", "password": "a-password"}]}
        stack.wait("the sealing key", lambda: own.request("POST", "/v1/tasks", sealing)[0] == 202)
        own.members["executor-1"][0].stop()
        headers = {"Authorization": f"Bearer {own.token}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{own.http_port}/v1/tasks"
        for what, (body, goal) in BODIES.items():
            text = json.dumps(body)
            example = own.submit(body)
            script = insert_like(own, example)
            stack.wait("the task's first event", lambda: own.sql(f"SELECT 1 FROM longshore.task_events WHERE task_id = '{example}'"))
            everything = writes_like(own, example)
            load.wrk(own.folder, url, text, headers, 1)
            pairs = report.in_turns(
                lambda: load.wrk(own.folder, url, text, headers, report.SECONDS), lambda: load.pgbench(own, script, report.SECONDS)
            )
            table.compare(what, "/s", [(a[0], b[0]) for a, b in pairs], goal)
            table.compare(f"{what}: p99", "ms", [(a[2], b[2]) for a, b in pairs], 3, at_most=True)
            pairs = report.in_turns(
                lambda: load.wrk(own.folder, url, text, headers, report.SECONDS), lambda: load.pgbench(own, everything, report.SECONDS)
            )
            table.compare(f"{what}: against all of its writes", "/s", [(a[0], b[0]) for a, b in pairs], 1)
            own.sql("TRUNCATE longshore.tasks, longshore.task_nodes, longshore.task_events")
    table.finish()
