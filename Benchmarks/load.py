"""The public tools that make load: wrk and pgbench."""
import json
import os
import pathlib
import re
import subprocess

import stack

CONNECTIONS = 64


def wrk(folder, url, body, headers, seconds, connections=CONNECTIONS, expect=202):
    """Posts one body again and again; returns answers per second, and the 50th and 99th percentile in milliseconds."""
    script = folder / "wrk.lua"
    lines = ['wrk.method = "POST"', f"wrk.body = {lua(body)}"]
    lines += [f"wrk.headers[ {lua(name)} ] = {lua(value)}" for name, value in headers.items()]
    # Each thread has its own counters; they are read through the threads' tables at the end.
    lines += [
        "threads = {}", "function setup(thread) table.insert(threads, thread) end",
        "function init(args) other = 0 end",
        f"function response(status) if status ~= {expect} then other = other + 1 end end",
        "function done(summary, latency) local n = 0; for _, t in ipairs(threads) do n = n + t:get('other') end;"
        ' io.write(string.format("JSON {\\"requests\\": %d, \\"microseconds\\": %d, \\"other\\": %d, \\"errors\\": %d, \\"p50\\": %d, \\"p99\\": %d}\\n",'
        " summary.requests, summary.duration, n, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,"
        " latency:percentile(50), latency:percentile(99))) end",
    ]
    script.write_text("\n".join(lines) + "\n")
    os.chmod(script, 0o600)
    done = subprocess.run(
        ["wrk", "-t2", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "-s", script, url], check=True, capture_output=True, text=True,
    )
    result = json.loads(re.search(r"JSON (.*)", done.stdout).group(1))
    if result["other"] or result["errors"]:
        raise RuntimeError(f"{url}: {result['other']} answers were not {expect}, {result['errors']} requests failed")
    return result["requests"] / result["microseconds"] * 1e6, result["p50"] / 1000, result["p99"] / 1000


def lua(text):
    """A text as a Lua literal."""
    level = "="
    while f"]{level}]" in text:
        level += "="
    return f"[{level}[{text}]{level}]"


def quoted(text):
    """A text as SQL in a pgbench script, where a colon would begin a variable."""
    parts = text.replace("'", "''").split(":")
    literal = "'" + "' || chr(58) || '".join(parts) + "'"
    return literal if len(parts) == 1 else f"({literal})"


def pgbench(stack_, script, seconds, clients=CONNECTIONS):
    """Runs a script with prepared statements; returns transactions per second, and the same percentiles."""
    path = stack_.folder / "pgbench.sql"
    path.write_text(script)
    logs = stack_.folder / "pgbench-log"
    logs.mkdir(exist_ok=True)
    for old in logs.iterdir():
        old.unlink()
    done = subprocess.run(
        [stack.POSTGRES / "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", f"{seconds:g}", "-f", path, "-l",
         "--log-prefix", logs / "log", stack_.postgres_url],
        capture_output=True, text=True,
    )
    if done.returncode:
        raise RuntimeError(f"pgbench: {done.stderr[-1000:]}")
    times = sorted(int(line.split()[2]) for file in logs.iterdir() for line in pathlib.Path(file).read_text().splitlines())
    rate = float(re.search(r"tps = ([0-9.]+)", done.stdout).group(1))
    return rate, times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000
