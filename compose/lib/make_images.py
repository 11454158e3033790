#!/usr/bin/env python3
"""Makes small OCI images of random content and pushes them to a registry over the distribution API.

usage: make_images.py --registry HOST:PORT [--username NAME] REPOSITORY:TAG=SIZE ...

SIZE is in bytes or has the unit KiB or MiB. The password comes from the environment variable REGISTRY_PASSWORD. Only Python's
standard library is used; registries are spoken to without TLS, as those on loopback are.
"""
import argparse
import base64
import hashlib
import http.client
import io
import json
import os
import sys
import tarfile
import urllib.parse


def size(text):
    """The number of bytes that a text such as 6MiB stands for."""
    for unit, factor in (("KiB", 1 << 10), ("MiB", 1 << 20)):
        if text.endswith(unit):
            return int(text[: -len(unit)]) * factor
    return int(text)


class Registry:
    """A registry that blobs and manifests are pushed to."""

    def __init__(self, address, username):
        self.address = address
        self.headers = {}
        if username:
            password = os.environ.get("REGISTRY_PASSWORD", "")
            self.headers["Authorization"] = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()

    def call(self, method, path, body=b"", content_type="application/octet-stream", expected=(200, 201, 202)):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        connection.request(method, path, body, {**self.headers, "Content-Type": content_type})
        answer = connection.getresponse()
        answer.read()
        if answer.status not in expected:
            sys.exit(f"{method} {path} on {self.address} answered {answer.status} {answer.reason}")
        return answer

    def push_blob(self, repository, content):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        location = self.call("POST", f"/v2/{repository}/blobs/uploads/").getheader("Location")
        parts = urllib.parse.urlsplit(location)
        query = parts.query + ("&" if parts.query else "") + "digest=" + urllib.parse.quote(digest)
        self.call("PUT", f"{parts.path}?{query}", content)
        return {"digest": digest, "size": len(content)}

    def push_image(self, repository, tag, content_size):
        """One layer of random bytes: nothing that could be compressed or be there already."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as layer:
            entry = tarfile.TarInfo("content")
            entry.size = content_size
            layer.addfile(entry, io.BytesIO(os.urandom(content_size)))
        layer = archive.getvalue()
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                **self.push_blob(repository, json.dumps(config).encode()),
            },
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **self.push_blob(repository, layer)}],
        }
        self.call("PUT", f"/v2/{repository}/manifests/{tag}", json.dumps(manifest).encode(), manifest["mediaType"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registry", required=True)
    parser.add_argument("--username", default="")
    parser.add_argument("images", nargs="+", metavar="REPOSITORY:TAG=SIZE")
    arguments = parser.parse_args()
    registry = Registry(arguments.registry, arguments.username)
    for image in arguments.images:
        reference, _, content_size = image.partition("=")
        repository, _, tag = reference.rpartition(":")
        if not repository or not content_size:
            parser.error(f"{image} is not REPOSITORY:TAG=SIZE")
        registry.push_image(repository, tag, size(content_size))
        print(f"pushed {arguments.registry}/{reference} ({content_size})")


if __name__ == "__main__":
    main()
