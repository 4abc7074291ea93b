#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""WebSocket over HTTP/2: extended CONNECT (RFC 8441) from clients, Upgrade to HTTP/1.1 origins. W10, W6.8, W8."""
import socket
import struct

from lib import *
from lib.websocket import echo, masked, switched

authority = Authority()
www = authority.make("www", "DNS:www.test", "DNS:proxy.test")
origin = Origin()
text = config(origin) + f"""
site secure.test www.test {{
    listen 127.0.0.4:0 tls cert {www}
    listen 127.0.0.5:0 http1 http2
    tunnel-idle-timeout 5min
    body-timeout 5s
    rules {{ deny path /denied; deny method CONNECT
             allow all }}
    route /off/ {{ websocket no; pool app }}
    route /own/ {{ respond 200 "own" }}
    route / {{ cache main; pool app }}
}}
forward tls {{
    listen 127.0.0.7:0 tls cert {www} http2
    private deny except 127.0.0.0/8
    rules {{ allow all }}
}}
"""
weir = Weir(text, clock=True)
ASKS = (("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat"))


def clear(**keys):
    return H2Client(weir.listener("site secure.test", 1), **keys)


def secure(listener="site secure.test", name="www.test", **keys):
    return H2Client(weir.listener(listener), name=name, ca=authority.ca, **keys)


def connect(client, path, *more, protocol="websocket", end=False, **keys):
    """The stream of an extended CONNECT."""
    method, *rest = client.fields(path, *ASKS, *more, method="CONNECT", **keys)
    return client.headers(method, (":protocol", protocol), *rest, end=end)


def opened(client, path, *more, **keys):
    stream = connect(client, path, *more, **keys)
    while not client.seen(stream).heads:
        client.step()
    expect_equal(client.seen(stream).status, 200)
    return stream


def talks(client, stream, text=b"hello"):
    before = len(client.seen(stream).body)
    client.data(stream, masked(text), end=False)
    while len(client.seen(stream).body) < before + 2 + len(text):
        client.step()
    expect_equal(client.seen(stream).body[before:], bytes([0x81, len(text)]) + text)


def names(answer):
    return [name for name, _ in Inflater().fields(answer.head)]


@test("8441 3: weir's SETTINGS say that it takes an extended CONNECT")
def _():
    with clear() as client:
        settings = client.frame().payload
        expect_in((8, 1), [struct.unpack("!HI", settings[at:at + 6]) for at in range(0, len(settings), 6)])


@table("8441 5: messages pass both ways {}; the origin sees an upgrade, the log a tunnel", [("in clear", clear, "http"), ("over TLS", secure, "https")])
def _(make, scheme):
    path = "/ws-" + scheme
    origin.on(path, echo)
    with make() as client:
        stream = opened(client, path, ("sec-websocket-key", "of-the-client"), scheme=scheme)
        fields = names(client.seen(stream))
        expect_in("date", fields)
        for name in ("connection", "upgrade", "sec-websocket-accept", "content-length", "transfer-encoding"):
            expect(name not in fields, f"{name} in {fields}")
        for i in range(50):
            talks(client, stream, b"message %d" % i)
        expect_equal(weir.metric("tunnels_active"), 1)
        client.data(stream, masked(b"\x03\xe8", 0x88))
        expect(client.answer(stream).body.endswith(b"\x88\x02\x03\xe8"), "no close")
    seen = origin.requests[-1]
    expect_equal((seen.method, seen.field("Upgrade"), seen.field("Connection"), seen.field("Sec-WebSocket-Version"),
                  seen.field("Sec-WebSocket-Protocol")), ("GET", "websocket", "upgrade", "13", "chat"))
    expect_equal([len(value) for name, value in seen.fields if name.lower() == "sec-websocket-key"], [24])
    expect("Content-Length" not in seen.fields and "Transfer-Encoding" not in seen.fields, "a body")
    row = weir.row(f"path = '{path}'")
    expect_equal((row["kind"], row["status"], row["end"], row["http"], row["method"], row["scheme"]), ("tunnel", 200, "ok", "2", "GET", scheme))
    expect(row["bytes_in"] > 500 and row["bytes_out"] > 500, repr(row))
    wait_until(lambda: weir.metric("tunnels_active") == 0, "the end of the tunnel")


@test("tunnels and requests share a connection; each tunnel has its own key")
def _():
    origin.on("/many", echo)
    origin.on("/beside", answer("beside"))
    with secure() as client:
        streams = [opened(client, "/many", scheme="https") for _ in range(5)]
        for i in range(10):
            for stream in streams:
                talks(client, stream, b"%d of %d" % (i, stream))
            expect_equal(client.get("/beside", scheme="https").body, b"beside")
        client.send(frame(3, 0, streams[0], struct.pack("!I", 8)))  # RST_STREAM: the others stay
        talks(client, streams[1])
    keys = [each.field("Sec-WebSocket-Key") for each in origin.requests if each.target == "/many"]
    expect_equal(len(set(keys)), 5)
    rows = weir.rows("path = '/many'", count=5)
    expect_equal({row["kind"] for row in rows}, {"tunnel"})


@test("W8.4 8441 5: each direction ends by itself; a lot both ways at once")
def _():
    def half(conn, request):
        conn.send(switched(request))
        got = conn.to_end()
        conn.send(b"last " + got)
        conn.close()

    def much(conn, request):
        conn.send(switched(request), b"x" * 3000000)
        expect_equal(len(conn.to_end()), 1000000)
        conn.close()
    origin.on("/half", half)
    origin.on("/much", much)
    with clear() as client:
        stream = opened(client, "/half")
        client.data(stream, b"words")
        expect_equal(client.answer(stream).body, b"last words")
        stream = opened(client, "/much")
        client.upload(stream, b"y" * 1000000)
        got = client.answer(stream)
        expect_equal((len(got.body), got.error), (3000000, None))


@test("W8.4 an origin that resets: the stream is reset, the connection goes on")
def _():
    origin.on("/reset", lambda conn, request: (conn.send(switched(request)), conn.exactly(1), conn.reset()))
    origin.on("/next", answer("next"))
    with clear() as client:
        stream = opened(client, "/reset")
        client.data(stream, b"x", end=False)
        expect(client.answer(stream).error, "no reset")
        expect_equal(client.get("/next").body, b"next")
    weir.row("path = '/reset' AND \"end\" LIKE 'origin-%'")


@test("W9.2 W8.4 after the origin's end: a tunnel in which nothing moves ends at its time all the same")
def _():
    def ends(conn, request):
        conn.send(switched(request), b"last")
        conn.sock.shutdown(socket.SHUT_WR)
        conn.to_end()
    origin.on("/ends", ends)
    with clear() as client:
        stream = opened(client, "/ends")
        got = client.answer(stream)
        expect_equal((got.body, got.ended, got.error), (b"last", True, None))
        weir.advance(400)
        while not got.error:
            client.step()
    expect_equal(weir.row("path = '/ends'")["end"], "timeout")


@table("W5.4 an origin that does not switch ({}): its answer comes, and the stream ends", [("426", "426 Upgrade Required"), ("302", "302 Found"), ("403", "403 Forbidden")])
def _(status):
    origin.on("/refuse", head(f"HTTP/1.1 {status}", "Content-Length: 2") + b"no")
    origin.on("/next", answer("next"))
    with clear() as client:
        got = client.answer(connect(client, "/refuse"))
        expect_equal((got.status, got.body), (int(status[:3]), b"no"))
        expect_equal(client.get("/next").body, b"next")


@table("W6.8 an answer that would pass for a tunnel ({}): 502", [
    ("200", lambda request: answer("a page")), ("204", lambda request: head("HTTP/1.1 204 No Content")),
    ("another key's Accept", lambda request: head("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                                                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
    ("no Accept", lambda request: head("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")),
    ("another protocol", lambda request: switched(request).replace(b"Upgrade: websocket", b"Upgrade: foo"))])
def _(make):
    origin.on("/wrong", lambda conn, request: (conn.send(make(request)), conn.to_end()))
    with clear() as client:
        expect_equal(client.answer(connect(client, "/wrong")).status, 502)


@table("no tunnel: {}", [
    ("another protocol", "/ws", {"protocol": "connect-udp"}, 501), ("websocket no", "/off/x", {}, 501),
    ("a route that answers by itself", "/own/x", {}, 501), ("a rule", "/denied", {}, 403)])
def _(path, keys, status):
    before = len(origin.requests)
    with clear() as client:
        expect_equal(client.answer(connect(client, path, **keys)).status, status)
    expect_equal(len(origin.requests), before)


@test("it goes past the cache, and stores nothing")
def _():
    origin.on("/both", fresh("stored"))
    with clear() as client:
        client.get("/both")
        origin.on("/both", echo)
        talks(client, opened(client, "/both"))
        expect_equal(client.get("/both").body, b"stored")


@test("through a forward proxy over TLS, to http")
def _():
    origin.on("/forward-ws", echo)
    with secure("forward tls", name="proxy.test") as client:
        stream = opened(client, "/forward-ws", host=origin.name)
        talks(client, stream)
    row = weir.row("path = '/forward-ws'")
    expect_equal((row["kind"], row["host"]), ("tunnel", origin.name.split(":")[0]))


@test("W11.4 W9.2 a reload leaves it alone; in which nothing moves it ends at its time")
def _():
    origin.on("/stays", echo)
    with clear() as client:
        stream = opened(client, "/stays")
        talks(client, stream)
        weir.ctl("reload")
        for _ in range(6):
            weir.advance(60)
            talks(client, stream)
        weir.advance(400)
        expect(client.answer(stream).error, "no end")
    expect_equal(weir.row("path = '/stays'")["end"], "timeout")


main(origin, weir)
