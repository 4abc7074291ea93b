#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What bounds a body. body-rate-min: who sends one or takes one more slowly is ended, though something moves all the time; the time of
others does not count. body-max: 413. W9.2, W9.3."""
import struct

from lib import *

origin = Origin()
SITE = """
site {0}.test {{
    listen {1}:0 http1 http2
    body-timeout {2}
    client-idle-timeout 1h
    body-rate-min {3}
    route / {{ pool app }}
}}
"""
weir = Weir(f"""
workers 1
state $DIR/state
log {{ sqlite $DIR/log }}
admin {{ socket $DIR/admin.sock; http 127.0.0.3:0; token @$DIR/token }}
pool app {{ server {origin.name}; body-timeout 1h; answer-timeout 1h }}
""" + SITE.format("strict", "127.0.0.2", "2s", "1KB/s") + SITE.format("loose", "127.0.0.4", "2s", "none") +
            SITE.format("fast", "127.0.0.5", "10s", "10MB/s") + SITE.format("free", "127.0.0.6", "10s", "none") + """
site small.test {
    listen 127.0.0.7:0 http1 http2
    body-max 1KB
    route / { pool app }
    route /more { body-max 10KB; pool app }
}
""", clock=True)


def client(site, **keys):
    return Client(weir.listener(f"site {site}.test"), **keys)


def h2(site, **keys):
    return H2Client(weir.listener(f"site {site}.test"), **keys)


def update(stream, size):
    return frame(8, 0, stream, struct.pack("!I", size))


class Upload:
    """An origin's script that counts what has come of a body."""

    def __init__(self, path, size):
        self.size, self.seen = size, 0
        origin.on(path, self)

    def __call__(self, conn, request):
        conn.pending = None
        while self.seen < self.size:
            self.seen += len(conn.exactly(min(10, self.size - self.seen)))
        conn.send(answer("taken"))


@table("an upload that drips, in HTTP/1.1: {}", [("below the rate: 408", "strict", 10, 408), ("without a bound: taken", "loose", 10, 200),
                                                 ("above the rate: taken", "strict", 3000, 200)])
def _(site, step, status):
    upload = Upload(f"/up-{site}-{step}", 10 * step)
    with client(site) as conn:
        conn.send(head(f"POST /up-{site}-{step} HTTP/1.1", f"Host: {site}.test", f"Content-Length: {10 * step}"))
        for i in range(1, 11):
            conn.send(b"x" * step)
            wait_until(lambda i=i: upload.seen == i * step or not conn.is_quiet(0.001), "the drop to pass")
            weir.advance(1)
        expect_equal(conn.response().status, status)
    expect_equal(weir.row(f"path = '/up-{site}-{step}'")["status"], status)


@table("an upload that drips, in HTTP/2: {}", [("below the rate: 408", "strict", 408), ("without a bound: taken", "loose", 200)])
def _(site, status):
    upload = Upload(f"/h2-{site}", 100)
    with h2(site) as conn:
        stream = conn.ask(f"/h2-{site}", ("content-length", "100"), method="POST", host=f"{site}.test", end=False)
        for i in range(1, 11):
            conn.data(stream, b"x" * 10, end=i == 10)
            conn.send(frame(6, 0, 0, b"12345678"))
            while conn.step().kind != 6:
                pass
            if conn.seen(stream).status:
                break
            wait_until(lambda i=i: upload.seen == i * 10, "the drop to pass")
            weir.advance(1)
        expect_equal(conn.answer(stream).status, status)


@test("the time in which an origin takes nothing is not the client's")
def _():
    gate, size, taken = Gate(), 64 << 20, []
    origin.on("/held", lambda conn, request: (gate.wait(), taken.append(len(conn.body())), conn.send(answer("taken"))))
    with client("strict") as conn:
        conn.send(head("POST /held HTTP/1.1", "Host: strict.test", f"Content-Length: {size}"))
        left = size - conn.fill()
        expect(left > 0, "all was taken")
        for _ in range(10):
            weir.advance(1)
        gate.open()
        conn.send(bytes(left))
        expect_equal((conn.response().status, taken), (200, [size]))


@table("an answer that is sipped, in HTTP/1.1: {}", [("below the rate: cut", "fast", True), ("without a bound: whole", "free", False)])
def _(site, cut):
    size = 24 << 20
    origin.on(f"/down-{site}", answer(bytes(size), "Cache-Control: no-store"))
    with client(site, receive_buffer=4096) as conn:
        conn.ask(f"/down-{site}", host=f"{site}.test")
        conn.response(body=False)
        got = 0
        try:
            while got < size:
                got += len(conn.exactly(min(400_000, size - got)))
                weir.advance(1)
        except (Closed, ConnectionError):
            pass
        expect_equal(got < size, cut)
    expect_equal(weir.row(f"path = '/down-{site}'")["end"], "client-timeout" if cut else "ok")


@table("an answer that is sipped, in HTTP/2, by the window of {}", [
    (f"{what}: {'below the rate' if cut else 'without a bound'}", what, site, cut) for what in ("its stream", "its connection")
    for site, cut in (("strict", True), ("loose", False))])
def _(what, site, cut):
    path = f"/{'stream' if 'stream' in what else 'connection'}-{site}"
    origin.on(path, answer(bytes(200_000), "Cache-Control: no-store"))
    by_stream = what == "its stream"
    with h2(site, window=1000 if by_stream else 1 << 20) as conn:
        stream = conn.ask(path, host=f"{site}.test")
        window = 1000 if by_stream else 65535
        ended = False
        for i in range(200):
            try:
                while len(conn.seen(stream).body) < window + 100 * i and conn.seen(stream).error is None:
                    conn.step(give=False)
            except (Closed, ConnectionError):
                ended = True
            ended = ended or conn.seen(stream).error == "CANCEL"
            if ended or (not cut and i == 20):
                break
            weir.advance(1)
            conn.send(update(stream if by_stream else 0, 100))
        expect_equal(ended, cut)
    expect_equal(weir.row(f"path = '{path}'")["end"], "client-timeout" if cut else "client-abort")


@test("a connection whose window is used up, with nothing to send, may rest")
def _():
    origin.on("/exact", answer(bytes(65535), "Cache-Control: no-store"))
    origin.on("/more", answer("more", "Cache-Control: no-store"))
    with h2("strict", window=1 << 20) as conn:
        stream = conn.ask("/exact", host="strict.test")
        while not conn.seen(stream).ended:
            conn.step(give=False)
        for _ in range(10):
            weir.advance(1)
        conn.send(update(0, 1000))
        expect_equal(conn.get("/more", host="strict.test").body, b"more")


TAKE = [("as much as may be", "/max", 1024, 200), ("one more", "/max", 1025, 413), ("as much as the route takes", "/more", 10240, 200),
        ("more than that", "/more", 10241, 413)]


@table("a body with its length: {}", [(f"{what}, HTTP/{version}", version, path, size, status) for version in (1, 2) for what, path, size, status in TAKE])
def _(version, path, size, status):
    origin.on(path, lambda conn, request: (conn.body(), conn.send(answer("taken"))))
    before = origin.count(path)
    if version == 1:
        with client("small") as conn:
            conn.send(head(f"POST {path} HTTP/1.1", "Host: small.test", f"Content-Length: {size}"))
            if status == 200:
                conn.send(b"x" * size)
            expect_equal(conn.response().status, status)
    else:
        with h2("small") as conn:
            stream = conn.ask(path, ("content-length", str(size)), method="POST", host="small.test", end=False)
            if status == 200:
                conn.data(stream, b"x" * size)
            expect_equal(conn.answer(stream).status, status)
    expect_equal(origin.count(path) - before, status == 200)


@table("a body without a length: {}", [(f"{what}, HTTP/{version}", version, path, size, status) for version in (1, 2) for what, path, size, status in TAKE])
def _(version, path, size, status):
    whole = []
    origin.on(path, lambda conn, request: (conn.body(), whole.append(1), conn.send(answer("taken"))))
    if version == 1:
        with client("small") as conn:
            conn.send(head(f"POST {path} HTTP/1.1", "Host: small.test", "Transfer-Encoding: chunked"), chunks(b"x" * 1000, b"x" * (size - 1000)))
            expect_equal(conn.response().status, status)
    else:
        with h2("small") as conn:
            stream = conn.ask(path, method="POST", host="small.test", end=False)
            conn.data(stream, b"x" * 1000, end=False)
            conn.data(stream, b"x" * (size - 1000))
            expect_equal(conn.answer(stream).status, status)
    expect_equal(len(whole), status == 200)


main(origin, weir)
