#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Broken origins: 502 or 504 with a page that names the request id, or a cut that shows; never a
second client's answer. WIRE_RULES section 6."""
import re

from lib import *

origin = Origin()
gone = Origin()
weir = Weir(config(origin, routes="route / { cache main; pool app }\n    route /gone/ { pool gone }",
                   top=f"pool gone {{ server {gone.name} }}"))


def raw(text, close=True):
    """A script that sends these bytes, and closes or waits."""
    def script(conn, request):
        conn.send(text)
        if close:
            conn.close()
    return script


BAD_HEADS = [
    ("W6.1 a status line that is not HTTP", b"HELLO 200 OK\r\nContent-Length: 1\r\n\r\nx"),
    ("W6.1 HTTP/2.0 in the status line", b"HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx"),
    ("W6.1 a status of two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 1\r\n\r\nx"),
    ("W6.1 a status of four digits", b"HTTP/1.1 2000 OK\r\nContent-Length: 1\r\n\r\nx"),
    ("W6.1 status 099", b"HTTP/1.1 099 OK\r\nContent-Length: 1\r\n\r\nx"),
    ("W6.1 a body without a head", b"<html>hello</html>"),
    ("W6.2 unlike Content-Lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy"),
    ("W6.2 an invalid Content-Length", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nx"),
    ("W6.2 a negative Content-Length", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx"),
    ("W6.2 an overflowing Content-Length", b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\nx"),
    ("W6.5 NUL in the head", b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 1\r\n\r\nx"),
    ("W6.5 a bare CR in the head", b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 1\r\n\r\nx"),
    ("W6.5 a name that is no token", b"HTTP/1.1 200 OK\r\nX(: a\r\nContent-Length: 1\r\n\r\nx"),
    ("W6.5 a line without a colon", b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 1\r\n\r\nx"),
    ("W6.8 a 101 nobody asked for", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
    ("W6.13 an unknown coding under chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: frob, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
    ("W6.4 a first chunk that is none", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ("W6.10 closed before an answer", b""),
    ("W6.10 closed inside the head", b"HTTP/1.1 200 OK\r\nContent-Le"),
    ("W1.14 a head without end", b"HTTP/1.1 200 OK\r\n" + b"X-Big: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 5000),
]


@table("{}: 502 with a page and its request id", BAD_HEADS)
def _(text):
    path = "/bad-head"
    origin.on(path, raw(text))
    with weir.site() as client:
        client.ask(path)
        try:
            response = client.response()
        except Closed as closed:
            # The head may be out already when the body turns out bad (W6.4): then it must show.
            expect(b"\r\n\r\n" in closed.got or not closed.got, repr(closed.got))
            expect(b"chunked" in text, f"cut instead of answered: {closed}")
            return
    expect_equal(response.status, 502)
    expect(b"\0" not in response.raw and b"nonsense" not in response.raw)
    identity = re.search(rb"\b[0-9a-zA-Z]{12,32}\b", response.body)
    expect(identity, f"no request id on the page: {response.body!r}")


@test("the id of an error page is found in the log, and by log req")
def _():
    origin.on("/traced", raw(b""))
    with weir.site() as client:
        body = client.get("/traced").body.decode()
    row = weir.row("path = '/traced'")
    expect_equal(row["status"], 502)
    identity = row["id"]
    expect_in(identity, body, "request id")
    expect_in("/traced", weir.ctl("log", "req", identity))


@test("W6.2 W6.7 after a broken answer the origin connection is not used again")
def _():
    origin.on("/conn-bad", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", close=False))
    origin.on("/conn-next", answer("good", "Cache-Control: no-store"))
    with weir.site() as client:
        expect_equal(client.get("/conn-bad").status, 502)
    with weir.site() as client:
        expect_equal(client.get("/conn-next").body, b"good")
    expect(origin.seen("/conn-bad")[0].connection != origin.seen("/conn-next")[0].connection, "reused")


@test("W6.7 octets beyond the length are discarded, never an answer to anybody")
def _():
    origin.on("/beyond", raw(answer("five!") + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", close=False))
    origin.on("/beyond-next", answer("good", "Cache-Control: no-store"))
    for _ in range(5):
        with weir.site() as client:
            expect_equal(client.get("/beyond").body, b"five!")
            expect_equal(client.get("/beyond-next").body, b"good")


@table("W6.7 a body after {} is discarded", [("HEAD", "HEAD", 200), ("204", "GET", 204), ("304", "GET", 304)])
def _(method, status):
    path = f"/bodiless-{method}-{status}"
    origin.on(path, raw(b"HTTP/1.1 %d OK\r\nContent-Length: 4\r\nETag: \"x\"\r\n\r\nevil" % status, close=False))
    origin.on("/bodiless-next", answer("good", "Cache-Control: no-store"))
    with weir.site() as client:
        response = client.get(path, 'If-None-Match: "x"' if status == 304 else "X: 1", method=method)
        expect_equal((response.status, response.body), (status, b""))
        expect_equal(client.get("/bodiless-next").body, b"good")


@test("W6.7 anything on an idle origin connection closes it")
def _():
    said, closed = Gate(), Gate()

    def script(conn, request):
        conn.send(answer("x", "Cache-Control: no-store"))
        said.wait()
        conn.send(answer("evil"))
        try:
            conn.to_end()
        finally:
            closed.open()
            conn.close()
    origin.on("/idle", script)
    origin.on("/idle-next", answer("good", "Cache-Control: no-store"))
    with weir.site() as client:
        expect_equal(client.get("/idle").body, b"x")
        said.open()
        closed.wait()
        for _ in range(10):
            expect_equal(client.get("/idle-next").body, b"good")


@table("W6.4 {} is cut so that it shows", [
    ("a body shorter than its length", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nCache-Control: max-age=60\r\n\r\n" + b"x" * 50000),
    ("a chunked body without its last chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\nc350\r\n" + b"x" * 50000 + b"\r\n"),
    ("a chunked body with a bad chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\nc350\r\n" + b"x" * 50000 + b"\r\nzz\r\n"),
])
def _(text):
    path = f"/cut-{len(text)}"
    origin.on(path, [raw(text), fresh("whole")])
    with weir.site() as client:
        try:
            response = client.get(path)
        except Closed:
            pass
        else:
            expect_equal(response.status, 502)
    with weir.site() as client:
        expect_equal(client.get(path).body, b"whole", "W7.1 C2.13 a cut answer was stored")


@test("W6.3 Transfer-Encoding with Content-Length: by the coding, or 502; the connection is not reused")
def _():
    origin.on("/both", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", close=False))
    origin.on("/both-next", answer("good", "Cache-Control: no-store"))
    with weir.site() as client:
        response = client.get("/both")
        expect(response.status == 502 or response.body == b"hello", repr(response))
    with weir.site() as client:
        expect_equal(client.get("/both-next").body, b"good")
    expect(origin.seen("/both")[0].connection != origin.seen("/both-next")[0].connection, "reused")


@test("W6.6 a space before the colon is removed, or 502")
def _():
    origin.on("/colon", raw(b"HTTP/1.1 200 OK\r\nX-Space : 1\r\nContent-Length: 1\r\n\r\nx"))
    with weir.site() as client:
        response = client.get("/colon")
    expect(response.status == 502 or response.field("X-Space") == "1", repr(response))


@test("W6.5 a folded field is joined, or 502")
def _():
    origin.on("/folded", raw(b"HTTP/1.1 200 OK\r\nX-Fold: a\r\n b\r\nContent-Length: 1\r\n\r\nx"))
    with weir.site() as client:
        response = client.get("/folded")
    expect(response.status == 502 or response.field("X-Fold", "").split() == ["a", "b"], repr(response))


@test("W6.13 an unknown coding as the last one: the body until close, the field dropped; or 502")
def _():
    origin.on("/coding", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: frob\r\n\r\nto the end"))
    with weir.site() as client:
        response = client.get("/coding")
    expect(response.status == 502 or response.body == b"to the end", repr(response))
    expect("frob" not in response.field("Transfer-Encoding", ""))


@test("W6.8 a bounded number of 1xx")
def _():
    def script(conn, request):
        try:
            for _ in range(100000):
                conn.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
        except OSError:
            pass
        conn.close()
    origin.on("/hundreds", script)
    with weir.site() as client:
        client.ask("/hundreds")
        try:
            expect_equal(client.response().status, 502)
        except Closed:
            pass


@test("W6.10 a refused connect is 502, soon")
def _():
    gone.close_listener()
    with weir.site() as client:
        expect_equal(client.get("/gone/x").status, 502)
    with weir.forward() as client:
        expect_equal(client.get(gone.url("/x"), host=gone.name).status, 502)


@test("W6.10 and is not remembered when the origin is back")
def _():
    gone.open_listener()
    gone.on("/gone/back", answer("back"))

    def back():
        with weir.site() as client:
            return client.get("/gone/back").body == b"back"
    wait_until(back, "the origin to be used again", 5)


@test("W6.11 C7.7 C16.7 a kept connection that closes as it is reused: GET is tried once more")
def _():
    def script(conn, request):
        if conn.number == first[0]:
            conn.close()
        else:
            conn.send(answer("second try", "Cache-Control: no-store"))
    first = [0]

    def remember(conn, request):
        first[0] = conn.number
        conn.send(answer("x", "Cache-Control: no-store"))
    origin.on("/keep", remember)
    origin.on("/retry", script)
    for method, good in (("GET", True), ("HEAD", True), ("POST", False)):
        origin.close_connections()
        with weir.site() as client:
            client.get("/keep")
            before = origin.count("/retry")
            response = client.get("/retry", method=method, body=b"x" if method == "POST" else None)
            tries = origin.count("/retry") - before
        if tries == 1 and response.status == 200:
            continue  # another connection was taken: nothing to retry
        expect_equal((response.status, tries), (200, 2) if good else (502, 1), method)


@test("W6.10 an answer of a fresh connection that closes is not asked for twice")
def _():
    origin.close_connections()
    origin.on("/once", lambda conn, request: conn.close())
    with weir.site() as client:
        expect_equal(client.get("/once", method="POST", body=b"a").status, 502)
    expect_equal(origin.count("/once"), 1)


@test("W7.8 weir's own errors are never stored")
def _():
    origin.on("/heals", [raw(b""), raw(b""), fresh("good")])
    statuses = []

    def good():
        with weir.site() as client:
            statuses.append(client.get("/heals").status)
        return statuses[-1] == 200
    wait_until(good, "the origin's answer", 10)


main(origin, gone, weir)
