#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Message bodies: chunked both ways, trailers, interim answers, Expect, streaming, cuts."""
import hashlib

from lib import *

origin = Origin()
weir = Weir(config(origin))
BLOCK = bytes(range(256)) * 256


def echo(conn, request):
    conn.send(answer(conn.body()))


@test("W3.9 a chunked request arrives whole, however it is cut")
def _():
    origin.on("/up-chunked", echo)
    text = head("POST /up-chunked HTTP/1.1", "Host: www.test", "Transfer-Encoding: chunked") + chunks("a", "bc", "d" * 5000, "e")
    for cut in (1, 7, 100, len(text)):
        with weir.site() as client:
            client.send(*(text[at:at + cut] for at in range(0, len(text), cut)) if cut > 1 else (text[:200], *(bytes([b]) for b in text[200:400]), text[400:]))
            expect_equal(client.response().body, b"abc" + b"d" * 5000 + b"e")


@test("W3.10 chunk extensions are accepted and not forwarded; upper-case hex and leading zeros too")
def _():
    origin.on("/extension", echo)
    with weir.site() as client:
        client.send(head("POST /extension HTTP/1.1", "Host: www.test", "Transfer-Encoding: Chunked"),
                    "00A;name=value;quoted=\"a;b\"\r\n0123456789\r\n0;last\r\n\r\n")
        expect_equal(client.response().body, b"0123456789")


@test("W3.12 trailers of a request never become head fields of the framing kind")
def _():
    origin.on("/trailers", echo)
    with weir.site() as client:
        client.send(head("POST /trailers HTTP/1.1", "Host: www.test", "Transfer-Encoding: chunked", "Trailer: X-End"),
                    chunks("abc", trailers=["X-End: 1", "Content-Length: 5", "Host: evil", "Authorization: x"]))
        expect_equal(client.response().body, b"abc")
    seen = origin.seen("/trailers")[0]
    expect_equal(seen.field("Host"), "www.test")
    for name in ("Content-Length", "Host", "Authorization"):
        expect(name not in seen.trailers, f"trailer {name} was passed")


@test("a chunked answer, with trailers")
def _():
    origin.on("/down-chunked", head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum") +
              chunks("one", "two" * 3000, trailers=["X-Sum: 42"]))
    with weir.site() as client:
        response = client.get("/down-chunked", "TE: trailers")
        expect_equal(response.body, b"one" + b"two" * 3000)
        expect_equal(client.get("/down-chunked").body, response.body)


@test("W6.9 a close-delimited answer is taken whole")
def _():
    def script(conn, request):
        conn.send("HTTP/1.1 200 OK\r\n\r\n", "until ", "the end")
        conn.close()
    origin.on("/to-close", script)
    with weir.site() as client:
        expect_equal(client.get("/to-close").body, b"until the end")


@test("W6.9 a status line without reason phrase")
def _():
    origin.on("/no-reason", b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx")
    with weir.site() as client:
        expect_equal(client.get("/no-reason").body, b"x")


@test("C15 interim answers come through as they come, before the final one")
def _():
    gate = Gate()

    def script(conn, request):
        conn.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
        gate.wait()
        conn.send(b"HTTP/1.1 102 Processing\r\n\r\n" + fresh("final"))
    origin.on("/interim", script)
    with weir.site() as client:
        client.ask("/interim")
        first = client.head(Response)
        expect_equal((first.status, first.field("Link")), (103, "</style.css>; rel=preload"))
        gate.open()
        response = client.response()
        expect_equal(([each.status for each in response.interim], response.body), ([102], b"final"))
        expect("Link" not in response.fields, "an interim field was merged")
        again = client.get("/interim")
        expect_equal((again.hit, again.interim), (True, []))


@test("W5.7 Expect: 100-continue: the body is asked for, once")
def _():
    origin.on("/expect", echo)
    with weir.site() as client:
        client.send(head("POST /expect HTTP/1.1", "Host: www.test", "Content-Length: 5", "Expect: 100-continue"))
        expect_equal(client.head(Response).status, 100)
        client.send("hello")
        response = client.response()
        expect_equal((response.body, response.interim), (b"hello", []))


@test("W5.7 a body sent without waiting for 100 is taken")
def _():
    origin.on("/expect-not", echo)
    with weir.site() as client:
        client.send(head("PUT /expect-not HTTP/1.1", "Host: www.test", "Content-Length: 5", "Expect: 100-continue") + b"hello")
        expect_equal(client.response().body, b"hello")


@test("W5.7 an origin's refusal goes to the client at once")
def _():
    def script(conn, request):
        conn.pending = None
        conn.send(answer("too big", "Connection: close", status=413, reason="Too Big"))
        conn.close()
    origin.on("/refused", script)
    with weir.site() as client:
        client.send(head("POST /refused HTTP/1.1", "Host: www.test", "Content-Length: 1000000", "Expect: 100-continue"))
        expect_equal(client.response().status, 413)


@test("W5.7 an unknown expectation is 417 or ignored")
def _():
    origin.on("/expect-else", echo)
    with weir.site() as client:
        client.send(head("POST /expect-else HTTP/1.1", "Host: www.test", "Content-Length: 2", "Expect: the-best") + b"ab")
        expect(client.response().status in (200, 417))


@test("W6.12 an early answer during an upload is passed on")
def _():
    def script(conn, request):
        conn.pending = None
        conn.exactly(10)
        conn.send(answer("enough", "Connection: close", status=403, reason="No"))
        conn.close()
    origin.on("/early", script)
    with weir.site() as client:
        client.send(head("POST /early HTTP/1.1", "Host: www.test", "Content-Length: 100000000"), b"x" * 100)
        expect_equal(client.response().status, 403)


@test("W3.13 an upload that is cut reaches the origin as cut")
def _():
    state = {}
    for name, framing, sent in (("length", "Content-Length: 100", b"only this"),
                                ("chunked", "Transfer-Encoding: chunked", b"5\r\nonly \r\n9\r\nthi")):
        def script(conn, request, name=name):
            try:
                conn.body()
                state[name] = "whole"
                conn.send(answer("taken"))
            except Closed:
                state[name] = "cut"
                raise
        path = origin.on("/cut-" + name, script)
        with weir.site() as client:
            client.send(head(f"POST {path} HTTP/1.1", "Host: www.test", framing), sent)
            origin.wait(path)
            client.half_close() if name == "length" else client.close()
            wait_until(lambda: name in state, f"the origin to see the end of {name}")
        expect_equal(state[name], "cut", name)


@test("W3.13 W3.11 an upload that turns bad is 400 and reaches the origin as cut")
def _():
    state = {}

    def script(conn, request):
        try:
            conn.body()
            state["end"] = "whole"
        except Closed:
            state["end"] = "cut"
            raise
    origin.on("/bad-upload", script)
    with weir.site() as client:
        client.send(head("POST /bad-upload HTTP/1.1", "Host: www.test", "Transfer-Encoding: chunked"), "5\r\nhello\r\n")
        origin.wait("/bad-upload")
        client.send("zz\r\nbad\r\n0\r\n\r\n")
        expect(client.end().startswith(b"HTTP/1.1 400 "))
        wait_until(lambda: state, "the origin to see the end")
    expect_equal(state["end"], "cut")


@test("a download larger than any buffer streams, in order")
def _():
    size = 40 * len(BLOCK) * 16

    def script(conn, request):
        conn.send(head("HTTP/1.1 200 OK", f"Content-Length: {size}", "Cache-Control: no-store"))
        for _ in range(size // len(BLOCK)):
            conn.send(BLOCK)
    origin.on("/large", script)
    with weir.site() as client:
        response = client.get("/large")
    expect(response.body == BLOCK * (size // len(BLOCK)), f"{len(response.body)} bytes, not as sent")


@test("an upload larger than any buffer streams, in order")
def _():
    count = 640
    origin.on("/large-up", lambda conn, request: conn.send(answer(hashlib.sha256(conn.body()).hexdigest())))
    with weir.site() as client:
        client.send(head("PUT /large-up HTTP/1.1", "Host: www.test", f"Content-Length: {count * len(BLOCK)}"), *[BLOCK] * count)
        expect_equal(client.response().body.decode(), hashlib.sha256(BLOCK * count).hexdigest())


@test("the first bytes of an answer come before its last ones exist")
def _():
    gate = Gate()

    def script(conn, request):
        conn.send(head("HTTP/1.1 200 OK", "Content-Length: 10") + b"first")
        gate.wait()
        conn.send("last!")
    origin.on("/stream", script)
    with weir.site() as client:
        client.ask("/stream")
        client.response(body=False)
        expect_equal(client.exactly(5), b"first")
        gate.open()
        expect_equal(client.exactly(5), b"last!")


@test("W9.3 a client that does not read makes the origin wait, not the memory grow")
def _():
    state = {"sent": 0}
    total = 200_000_000

    def script(conn, request):
        conn.send(head("HTTP/1.1 200 OK", f"Content-Length: {total}", "Cache-Control: no-store"))
        while state["sent"] < total:
            conn.send(BLOCK)
            state["sent"] += len(BLOCK)
    origin.on("/unread", script)
    before = weir.memory()
    client = weir.site(receive_buffer=65536)
    client.ask("/unread")
    client.response(body=False)

    def settled():
        seen = state["sent"]
        return client_waits(lambda: state["sent"] != seen)
    wait_until(settled, "the origin to be held back")
    expect(state["sent"] < 60_000_000, f"{state['sent']} bytes were taken from the origin with nobody reading")
    expect_grown(weir.memory() - before, 24_000_000)
    client.reset()


def client_waits(changed):
    """True if `changed` stays false for a moment."""
    try:
        wait_until(changed, deadline=0.5)
        return False
    except Failure:
        return True


@test("W9.7 a client that leaves in the middle hurts nobody else")
def _():
    gate = Gate()

    def script(conn, request):
        conn.send(head("HTTP/1.1 200 OK", "Content-Length: 10", "Cache-Control: max-age=60") + b"first")
        gate.wait()
        conn.send("last!")
    origin.on("/left", script)
    one, two = weir.site(), weir.site()
    one.ask("/left")
    expect_equal(one.response(body=False).status, 200)
    two.ask("/left")
    expect_equal(two.response(body=False).status, 200)
    one.reset()
    gate.open()
    expect_equal(two.exactly(10), b"firstlast!")
    two.close()
    expect_equal(origin.count("/left"), 1)


main(origin, weir)
