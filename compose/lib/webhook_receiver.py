#!/usr/bin/env python3
"""A webhook receiver that checks Standard Webhooks signatures, for compose/demo. Only Python's standard library is used.

It listens on 127.0.0.1, writes {"url": ...} to the ready file, appends each verified body to the file of bodies, and prints a line for
each delivery.
"""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import sys
import time

TOLERANCE_SECONDS = 300
MAXIMUM_BODY = 1 << 20


def fault(secret, headers, body):
    """Why a delivery is not to be trusted, or None."""
    identifier = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not identifier or not timestamp.isascii() or not timestamp.isdigit():
        return "headers are missing"
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return "the timestamp is too far from now"
    signed = f"{identifier}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest())
    for signature in headers.get("webhook-signature", "").split():
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(value.encode(), expected):
            return None
    return "no signature matches"


def description(body):
    """One line about an event, or None when the body is none."""
    try:
        event = json.loads(body)
        counts = event["data"].get("counts", {})
        return (
            f"{event['type']:<34} task {event['subject']}  {event['time']}  "
            f"{counts.get('nodesSucceeded', '?')} of {counts.get('nodesTotal', '?')} nodes succeeded"
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def handler(secret, bodies):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            text = self.headers.get("content-length", "0")
            length = int(text) if text.isascii() and text.isdigit() else MAXIMUM_BODY + 1
            if length > MAXIMUM_BODY:
                self.send_error(413)
                return
            body = self.rfile.read(length)
            problem = fault(secret, self.headers, body)
            if problem:
                print(f"REFUSED: {problem}", flush=True)
                self.send_error(401)
                return
            line = description(body)
            if line is None:
                print("REFUSED: the signature is right, but the body is not an event", flush=True)
                self.send_error(400)
                return
            print(f"signature verified  {line}", flush=True)
            if bodies:
                bodies.write(body + b"\n")
                bodies.flush()
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """The lines above say what matters."""

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--secret-file", required=True, help="file with the whsec_ secret")
    parser.add_argument("--ready-file", help="written once it listens")
    parser.add_argument("--bodies", help="file that verified bodies are appended to")
    arguments = parser.parse_args()
    with open(arguments.secret_file, encoding="ascii") as file:
        text = file.read().strip()
    if not text.startswith("whsec_"):
        sys.exit(f"{arguments.secret_file} does not hold a whsec_ secret")
    secret = base64.b64decode(text.removeprefix("whsec_"))
    bodies = open(arguments.bodies, "ab") if arguments.bodies else None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", arguments.port), handler(secret, bodies))
    if arguments.ready_file:
        with open(arguments.ready_file, "w", encoding="ascii") as file:
            json.dump({"url": f"http://127.0.0.1:{server.server_port}/hook"}, file)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
