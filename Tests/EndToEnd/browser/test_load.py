"""The server under requests that make no sense and connections that take for ever."""

import concurrent.futures
import random
import socket

from watching import watching


def nonsense(generator: random.Random) -> bytes:
    kind = generator.randrange(6)
    junk = generator.randbytes(generator.randrange(1, 400))
    if kind == 0:
        return junk
    if kind == 1:
        return b"GET /" + junk.hex().encode() + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    if kind == 2:
        return b"GET /api/view?" + junk.replace(b"\n", b"") + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    if kind == 3:
        return b"POST /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\nConnection: close\r\n\r\n" + junk
    if kind == 4:
        return b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * generator.randrange(60) + junk + b"\r\n\r\n"
    return b"\r\n".join(generator.randbytes(8) for _ in range(20)) + b"\r\n\r\n"


def test_ten_thousand_malformed_requests_beside_two_hundred_slow_ones(recorded, tmp_path):
    with watching(recorded, cwd=tmp_path) as server:
        server.runs(architecture="NormFormer")
        slow = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(200)]
        for connection in slow:
            connection.sendall(b"GET /api/runs HT")

        def send(seed: int):
            generator = random.Random(seed)
            for _ in range(625):
                try:
                    server.raw(nonsense(generator))
                except TimeoutError:
                    pass

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(send, range(16)))
        for connection in slow:
            connection.sendall(b"T")
        assert server.get("api/view").status == 200 and server.process.poll() is None
        slow[0].sendall(b"P/1.1\r\nHost: localhost\r\n\r\n")
        for connection in slow:
            connection.close()
        assert server.get("api/runs").status == 200
