"""A running `nf-probe watch`, and what it answers."""

import contextlib
import http.client
import json
import pathlib
import signal
import socket
import subprocess
import time
import urllib.parse

from conftest import PROGRAM, environment

API = "api/"


class Server:
    """A started server; `address` is what it has printed."""

    def __init__(self, process: subprocess.Popen, address: str):
        self.process = process
        self.address = address
        parts = urllib.parse.urlsplit(address)
        self.host, self.port = parts.hostname, parts.port
        self.token = urllib.parse.parse_qs(parts.query).get("token", [None])[0]

    def get(self, path: str = "", headers: dict | None = None, method="GET", host="127.0.0.1", token=True, **query):
        """The answer, read, with its body as `text`."""
        if token and self.token:
            query["token"] = self.token
        connection = http.client.HTTPConnection(host, self.port, timeout=30)
        text = urllib.parse.urlencode(query)
        connection.request(method, f"/{path}" + (f"?{text}" if text else ""), headers=headers or {})
        response = connection.getresponse()
        response.text = response.read().decode()
        connection.close()
        return response

    def json(self, path: str, **query):
        response = self.get(API + path, **query)
        return json.loads(response.text)

    def raw(self, request: bytes) -> bytes:
        """What comes back for bytes as they are; nothing where the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                return connection.recv(1 << 16)
        return b""

    def runs(self, **wanted) -> list[dict]:
        """The list once every run was looked at, and one fulfils what is wanted of it."""
        return self.wait(lambda rows: all(any(row.get(k) == v for row in rows) for k, v in wanted.items()))

    def wait(self, condition, seconds=20.0) -> list[dict]:
        """The list once the condition holds of it."""
        deadline = time.monotonic() + seconds
        rows = []
        while time.monotonic() < deadline:
            rows = self.json("runs")["rows"]
            if rows and not any(row["isPending"] for row in rows) and condition(rows):
                return rows
            time.sleep(0.05)
        raise AssertionError(f"never so: {json.dumps(rows, indent=1)[-3000:]}")

    def stop(self, number=signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


@contextlib.contextmanager
def watching(*arguments, cwd: pathlib.Path, port: int | None = None):
    """A server of run files and folders, stopped at the end."""
    words = [PROGRAM, "watch", *map(str, arguments), "--no-open"] + ([f"--port={port}"] if port else [])
    process = subprocess.Popen(
        words, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    try:
        address = process.stdout.readline().strip()
        assert address, process.communicate()[1]
        yield Server(process, address)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
