"""Starts what is measured: a database, `longshore dev` as the broker and the cluster, and services as processes of their own."""
import contextlib
import http.client
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

BINARY = os.environ["LONGSHORE_BINARY"]
POSTGRES = pathlib.Path(sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1])
CLOCK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(what, condition, seconds=90, pause=0.02):
    """Waits until the condition gives something, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            value = condition()
            if value:
                return value
        time.sleep(pause)
    raise RuntimeError(f"gave up waiting for {what}")


def rate(what, count, total, pause=0.2, seconds=300):
    """How many a second something counts, on its way to a total. Looks seldom: to look costs what is measured its processors."""
    wait(f"the first of {what}", lambda: count() > 0)
    begin, first = time.monotonic(), count()
    last = (begin, first)
    while True:
        time.sleep(pause)
        now, found = time.monotonic(), count()
        # The end itself is seen late; what was seen on the way was not.
        if found < total or last[0] == begin:
            last = (now, found)
        if found >= total:
            return (last[1] - first) / (last[0] - begin)
        if now - begin > seconds:
            raise RuntimeError(f"gave up waiting for {what}: {found} of {total}")


class Process:
    """A process with its log; the kernel's view of what it costs."""

    def __init__(self, name, arguments, folder, **options):
        self.name = name
        self.log = folder / f"{name}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(a) for a in arguments], stdout=log, stderr=log, **options)

    def check(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {self.log.read_text()[-2000:]}")

    def cpu(self):
        """Seconds of processor time since its start."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK

    def memory(self, key="VmRSS"):
        """MiB; VmHWM is the highest so far."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
        return 0

    def stop(self, number=signal.SIGTERM, seconds=40):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Stack:
    """Everything that one benchmark needs. Use it in a `with`."""

    def __init__(self, nodes=1, services=("intake",), instant=True, partitions=12, executor_arguments=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="longshore-bench-"))
        os.chmod(self.folder, 0o755)
        self.processes = []
        self.members = {}
        self.partitions = partitions
        self.executor_arguments = list(executor_arguments)
        try:
            self.start_postgres()
            self.start_host(nodes, instant)
            for number, service in enumerate(services):
                self.start(service, f"{service}-{number}")
            for name in list(self.members):
                self.wait_until_ready(name)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def spawn(self, name, arguments, **options):
        process = Process(name, arguments, self.folder, **options)
        self.processes.append(process)
        return process

    def start_postgres(self):
        """A server as Debian sets it up: what is committed is on the disk."""
        data, self.postgres_port = self.folder / "postgres", free_port()
        account = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        demote = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        data.mkdir()
        if account:
            os.chown(data, account.pw_uid, account.pw_gid)
        subprocess.run(
            [POSTGRES / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"],
            check=True, stdout=subprocess.DEVNULL, cwd="/", **demote,
        )
        settings = {"port": self.postgres_port, "listen_addresses": "127.0.0.1", "unix_socket_directories": data, "max_connections": 200}
        arguments = [f"-c{key}={value}" for key, value in settings.items()]
        self.postgres = self.spawn("postgres-server", [POSTGRES / "postgres", "-D", data, *arguments], cwd="/", **demote)
        self.postgres_url = f"postgres://postgres@127.0.0.1:{self.postgres_port}/postgres"
        ready = [POSTGRES / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.postgres_port)]
        wait("PostgreSQL", lambda: subprocess.run(ready).returncode == 0)
        (self.folder / "postgres-url").write_text(self.postgres_url)

    def start_host(self, nodes, instant):
        ready = self.folder / "ready.json"
        arguments = [
            BINARY, "dev", "--data-dir", self.folder / "dev", "--port", "0", "--nodes", nodes, "--executors", "0", "--without", "intake",
            "--without", "notifier", "--postgres", self.postgres_url, "--ready-file", ready, "--log-level", "warning",
        ]
        self.host = self.spawn("host", arguments + (["--instant-pulls"] if instant else []))
        wait("longshore dev", lambda: self.host.check() or ready.exists())
        facts = json.loads(ready.read_text())
        self.kafka, self.kubeconfig, self.token = facts["kafka"], facts["kubeconfig"], facts["token"]
        self.webhook_secret = facts["webhookSecret"]
        self.http_port = free_port()

    def start(self, service, name, arguments=()):
        health = free_port()
        command = [
            BINARY, service, "--health-address", f"127.0.0.1:{health}", "--kafka-bootstrap-servers", self.kafka,
            "--kafka-replication", "1", "--kafka-partitions", self.partitions, "--kafka-session-timeout-seconds", "6",
            "--log-level", "warning",
        ]
        if service != "executor":
            command += ["--postgres-url-file", self.folder / "postgres-url"]
        if service == "intake":
            command += ["--listen", f"127.0.0.1:{self.http_port}", "--auth-file", self.folder / "dev/auth.json", "--requests-per-second", "1000000"]
        if service == "executor":
            command += ["--identity", name, "--kubeconfig", self.kubeconfig, "--puller-priority-class", "longshore-puller", *self.executor_arguments]
        if service == "notifier":
            command += ["--kubeconfig", self.kubeconfig, "--webhook-allow-loopback", "true", "--webhook-allow-private", "true"]
        self.members[name] = (self.spawn(name, command + list(arguments)), health)
        return self.members[name][0]

    def is_ready(self, name):
        process, health = self.members[name]
        process.check()
        connection = http.client.HTTPConnection("127.0.0.1", health, timeout=2)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200

    def wait_until_ready(self, name):
        wait(f"{name} to be ready", lambda: self.is_ready(name))

    def metrics(self, name):
        """The sums of a service's metrics by name, over their labels."""
        connection = http.client.HTTPConnection("127.0.0.1", self.members[name][1], timeout=5)
        connection.request("GET", "/metrics")
        sums = {}
        for line in connection.getresponse().read().decode().splitlines():
            if line and not line.startswith("#"):
                label, value = line.rsplit(" ", 1)
                key = label.split("{")[0]
                sums[key] = sums.get(key, 0) + float(value)
        return sums

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=60)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, json.loads(data) if data else None

    def submit(self, body):
        status, answer = self.request("POST", "/v1/tasks", body)
        if status != 202:
            raise RuntimeError(f"POST /v1/tasks answered {status}: {answer}")
        return answer["id"]

    def wait_for_end(self, task, seconds=300):
        ends = ("succeeded", "failed", "cancelled", "rejected")
        # Not more often: what looks is measured with what it looks at.
        return wait(f"{task} to end", lambda: (lambda t: t["status"] in ends and t)(self.request("GET", f"/v1/tasks/{task}")[1]), seconds, 0.05)

    def sql(self, text):
        done = subprocess.run(
            [POSTGRES / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", self.postgres_url, "-c", text], check=True, capture_output=True, text=True,
        )
        return done.stdout.strip()

    def api_server(self):
        """The address of the cluster's API, from the kubeconfig."""
        server = next(line.split()[-1].strip('"') for line in open(self.kubeconfig) if line.strip().startswith("server:"))
        return urllib.parse.urlsplit(server)

    def simulator(self, method, path, body=None):
        """The simulated cluster's own interface, beside the API."""
        url = self.api_server()
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)
        connection.request(method, f"{url.path.rstrip('/')}/simulator/{path}", json.dumps(body or {}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} /simulator/{path} answered {answer.status}: {data[:300]}")
        return json.loads(data) if data else None

    def wait_for_no_jobs(self, seconds=120):
        """Waits until the cluster holds no Job."""
        url = self.api_server()
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)

        def is_empty():
            connection.request("GET", f"{url.path.rstrip('/')}/apis/batch/v1/namespaces/longshore/jobs?limit=1")
            return not json.loads(connection.getresponse().read())["items"]

        wait("all Jobs to be gone", is_empty, seconds)
        connection.close()

    def close(self):
        for process in reversed([p for p in self.processes if p.name not in ("host", "postgres-server")]):
            process.stop()
        for name in ("host", "postgres-server"):
            for process in self.processes:
                if process.name == name:
                    process.stop(signal.SIGTERM if name == "host" else signal.SIGINT)
        if os.environ.get("KEEP"):
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
