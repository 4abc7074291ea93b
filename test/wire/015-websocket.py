#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Upgrades to WebSocket: what goes on, what does not, and the tunnel that comes of it. W5.4, W6.8, W8.4."""
from lib import *
from lib.websocket import KEY, accept_of, echo, masked, message, switched

authority = Authority()
www = authority.make("www", "DNS:www.test")
good = authority.make("origin", "IP:127.0.0.1")
origin = Origin()
secure = TlsOrigin(good)
text = config(origin, top=f"pool secure {{ server {secure.name} tls\n ca {authority.ca} }}\n",
              site="tunnel-idle-timeout 5min", site_rules="deny path /denied",
              routes="route /off/ { websocket no; pool app }\nroute /secure/ { pool secure }\n"
                     "route /short/ { tunnel-lifetime 20s; pool app }\nroute / { cache main; pool app }") + f"""
site secure.test {{
    listen 127.0.0.4:0 tls cert {www} http1
    route / {{ pool app }}
}}
"""
weir = Weir(text, clock=True)


def ask(client, path, *fields, upgrade="websocket", connection="Upgrade", **keys):
    client.ask(path, f"Upgrade: {upgrade}", f"Connection: {connection}", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", *fields, **keys)


def opened(client, path, *fields, **keys):
    ask(client, path, *fields, **keys)
    response = client.response(body=False)
    expect_equal(response.status, 101)
    return response


def talks(conn, text=b"hello"):
    conn.send(masked(text))
    expect_equal(conn.exactly(2 + len(text)), bytes([0x81, len(text)]) + text)


@test("an upgrade goes on, 101 comes back, messages pass both ways, the row is a tunnel's")
def _():
    origin.on("/ws", echo)
    with weir.site() as client:
        response = opened(client, "/ws", "Sec-WebSocket-Protocol: chat")
        expect_equal((response.field("Upgrade"), response.field("Connection")), ("websocket", "upgrade"))
        expect_equal(response.field("Sec-WebSocket-Accept"), accept_of(KEY))
        expect("Content-Length" not in response.fields and "Transfer-Encoding" not in response.fields, "framing in a 101")
        for i in range(50):
            talks(client, b"message %d" % i)
        expect_equal(weir.metric("tunnels_active"), 1)
        client.send(masked(b"\x03\xe8", 0x88))
        expect_equal(client.end(), b"\x88\x02\x03\xe8")
    seen = origin.requests[-1]
    expect_equal((seen.field("Upgrade"), seen.field("Connection"), seen.field("Sec-WebSocket-Protocol")), ("websocket", "upgrade", "chat"))
    row = weir.row("path = '/ws'")
    expect_equal((row["kind"], row["status"], row["end"], row["place"]), ("tunnel", 101, "ok", "*"))
    expect(row["bytes_in"] > 500 and row["bytes_out"] > 500, repr(row))
    wait_until(lambda: weir.metric("tunnels_active") == 0, "the end of the tunnel")


@test("W8.3 what the client sends with its request is held until 101; what the origin sends with its 101 comes")
def _():
    def early(conn, request):
        conn.send(switched(request) + b"\x81\x05first")
        echoed = conn.exactly(len(masked(b"early")))
        conn.send(b"\x81\x04" + b"took" + bytes([len(echoed)]))
        conn.to_end()
    origin.on("/early", early)
    with weir.site() as client:
        client.send(head("GET /early HTTP/1.1", "Host: www.test", "Upgrade: websocket", "Connection: upgrade", f"Sec-WebSocket-Key: {KEY}") +
                    masked(b"early"))
        expect_equal(client.response(body=False).status, 101)
        expect_equal(client.exactly(14), b"\x81\x05first\x81\x04took\x0b")


@test("W8.4 each direction ends by itself")
def _():
    def half(conn, request):
        conn.send(switched(request))
        got = conn.to_end()
        conn.send(b"last " + got)
        conn.close()
    origin.on("/half", half)
    with weir.site() as client:
        opened(client, "/half")
        client.send("words")
        client.half_close()
        expect_equal(client.end(), b"last words")


@test("a lot both ways at once, and an origin that resets")
def _():
    def much(conn, request):
        conn.send(switched(request), b"x" * 3000000)
        conn.to_end()
        conn.close()
    origin.on("/much", much)
    with weir.site() as client:
        opened(client, "/much")
        expect_equal(len(client.exactly(3000000)), 3000000)
        client.half_close()
        client.end()
    origin.on("/reset", lambda conn, request: (conn.send(switched(request)), conn.exactly(1), conn.reset()))
    with weir.site() as client:
        opened(client, "/reset")
        client.send("x")
        client.end()
    weir.row("path = '/reset' AND \"end\" LIKE 'origin-%'")


@table("W5.4 an origin that does not switch ({}): its answer comes, and the connection is still HTTP",
       [("200", "200 OK"), ("426", "426 Upgrade Required"), ("403", "403 Forbidden")])
def _(status):
    origin.on("/refuse", head(f"HTTP/1.1 {status}", "Content-Length: 2") + b"no")
    origin.on("/next", answer("next"))
    with weir.site() as client:
        ask(client, "/refuse")
        response = client.response()
        expect_equal((response.status, response.body), (int(status[:3]), b"no"))
        expect_equal(client.get("/next").body, b"next")


@table("W5.4 {}: no Upgrade reaches the origin, and the answer is an ordinary one", [
    ("another protocol", "/plain", {"upgrade": "irc/6.9"}), ("h2c", "/plain", {"upgrade": "h2c"}),
    ("Connection does not name it", "/plain", {"connection": "keep-alive"}), ("POST", "/plain", {"method": "POST", "body": "x"}),
    ("a route that says websocket no", "/off/plain", {})])
def _(path, keys):
    origin.on(path, lambda conn, request: (conn.body(), conn.send(answer("plain"))))
    with weir.site() as client:
        ask(client, path, **keys)
        expect_equal(client.response().body, b"plain")
    expect("Upgrade" not in origin.requests[-1].fields, "Upgrade went on")


@test("of several protocols only websocket is offered to the origin")
def _():
    origin.on("/several", echo)
    with weir.site() as client:
        opened(client, "/several", upgrade="h2c, WebSocket, foo")
        talks(client)
    expect_equal(origin.requests[-1].field("Upgrade"), "websocket")


@table("W6.8 {}: 502", [
    ("101 for another protocol", head("HTTP/1.1 101 Switching Protocols", "Upgrade: foo", "Connection: Upgrade"), True),
    ("101 without Upgrade", head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade"), True),
    ("101 for two protocols", head("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket, foo", "Connection: Upgrade"), True),
    ("101 that nobody asked for", head("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"), False)])
def _(bytes_, asked):
    origin.on("/wrong", lambda conn, request: (conn.send(bytes_, b"GET / HTTP/1.1\r\n\r\n"), conn.to_end()))
    with weir.site() as client:
        if asked:
            ask(client, "/wrong")
        else:
            client.ask("/wrong")
        expect_equal(client.response().status, 502)


@test("HTTP/1.0 cannot upgrade")
def _():
    origin.on("/old", answer("old"))
    with weir.site() as client:
        client.send(head("GET /old HTTP/1.0", "Host: www.test", "Upgrade: websocket", "Connection: upgrade", f"Sec-WebSocket-Key: {KEY}"))
        expect_equal(client.response().body, b"old")
    expect("Upgrade" not in origin.requests[-1].fields, "Upgrade went on")


@test("it goes past the cache, and stores nothing")
def _():
    origin.on("/both", fresh("stored"))
    with weir.site() as client:
        client.get("/both")
        expect_equal(client.get("/both").hit, True)
    origin.on("/both", echo)
    with weir.site() as client:
        opened(client, "/both")
        talks(client)
    with weir.site() as client:
        expect_equal(client.get("/both").body, b"stored")


@test("rules come first; a dead origin is 502")
def _():
    with weir.site() as client:
        ask(client, "/denied")
        expect_equal(client.response().status, 403)
    expect_equal(origin.count("/denied"), 0)


@test("through the forward proxy, by absolute URI")
def _():
    origin.on("/forward-ws", echo)
    with weir.forward() as client:
        opened(client, f"http://{origin.name}/forward-ws", host=origin.name)
        talks(client)
    expect_equal(weir.row("path = '/forward-ws'")["kind"], "tunnel")


@test("TLS on both sides: wss")
def _():
    secure.on("/secure/ws", echo)
    origin.on("/wss", echo)
    with weir.site() as client:
        opened(client, "/secure/ws")
        talks(client)
        client.send(masked(b"", 0x88))
        expect_equal(client.end(), b"\x88\x00")
    with TlsClient(weir.listener("site secure.test"), "www.test", authority.ca) as client:
        opened(client, "/wss", host="secure.test")
        for i in range(20):
            talks(client, b"secret %d" % i)
        client.send(masked(b"", 0x88))
        expect_equal(client.end(), b"\x88\x00")


@test("W11.4 a reload leaves it alone")
def _():
    origin.on("/stays", echo)
    with weir.site() as client:
        opened(client, "/stays")
        talks(client)
        for _ in range(3):
            weir.ctl("reload")
            talks(client)


@test("W9.2 a tunnel in which nothing moves ends at its time; one that talks does not; a lifetime ends both")
def _():
    origin.on("/idle", echo)
    origin.on("/short/life", echo)
    with weir.site() as quiet, weir.site() as busy, weir.site() as short:
        opened(quiet, "/idle")
        opened(busy, "/idle")
        opened(short, "/short/life")
        for _ in range(3):
            weir.advance(9)
            talks(busy)
            try:
                talks(short)
            except (Closed, ConnectionError):
                pass
        expect_equal(len(weir.rows("path = '/short/life'")), 1, "its lifetime is over")
        for _ in range(6):
            weir.advance(60)
            talks(busy)
        quiet.end()
    row = weir.row("path = '/short/life'")
    expect_equal(row["end"], "timeout")


main(origin, secure, weir)
