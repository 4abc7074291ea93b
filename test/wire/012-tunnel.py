#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CONNECT: bytes both ways, each direction ended by itself."""
import threading

from lib import *


def serve(conn):
    """A little protocol: "echo" sends back until the end; "push N" sends N bytes and closes."""
    line = conn.until(b"\n")
    if line == b"echo\n":
        conn.send(b"ready\n")
        conn.send(conn.to_end() + b"<end>")
    elif line.startswith(b"push "):
        left = int(line[5:])
        while left:
            part = b"x" * min(left, 65536)
            conn.send(part)
            left -= len(part)
    elif line == b"mirror\n":
        while data := conn.sock.recv(65536):
            conn.sock.sendall(data)
    elif line == b"hold\n":
        conn.send(b"held\n")
        conn.to_end()
    elif line == b"reset\n":
        conn.reset()
        return
    conn.close()


http = Origin()
origin = Origin(tunnel=serve)
closed = Origin()
weir = Weir(config(origin, connect=str(closed.port)))


def tunnel(client, to=None):
    to = to or origin.name
    client.ask(to, method="CONNECT", host=to)
    response = client.response("CONNECT", body=False)
    expect_equal(response.status, 200)
    expect("Content-Length" not in response.fields and "Transfer-Encoding" not in response.fields, "W8.1 framing in a 2xx to CONNECT")
    return response


@test("W8.4 half-close of the client passes; the other direction goes on")
def _():
    with weir.forward() as client:
        tunnel(client)
        client.send("echo\n")
        expect_equal(client.exactly(6), b"ready\n")
        client.send("some", " bytes")
        client.half_close()
        expect_equal(client.end(), b"some bytes<end>")


@test("W8.4 the origin's close ends the tunnel after delivery")
def _():
    with weir.forward() as client:
        tunnel(client)
        client.send("push 3000000\n")
        expect_equal(len(client.end()), 3000000)


@test("W8.3 octets sent together with CONNECT are passed unread")
def _():
    with weir.forward() as client:
        client.send(head(f"CONNECT {origin.name} HTTP/1.1", f"Host: {origin.name}") + b"echo\n" + b"early")
        expect_equal(client.response("CONNECT", body=False).status, 200)
        client.half_close()
        expect_equal(client.end(), b"ready\nearly<end>")


@test("a reset of the origin ends the tunnel")
def _():
    with weir.forward() as client:
        tunnel(client)
        client.send("reset\n")
        client.end()


@test("a reset of the client ends the tunnel")
def _():
    client = weir.forward()
    tunnel(client)
    client.send("hold\n")
    expect_equal(client.exactly(5), b"held\n")
    client.reset()
    row = weir.row("method = 'CONNECT' AND bytes_out >= 5 AND bytes_out < 60 ORDER BY time DESC")
    expect_equal(row["status"], 200)


@test("both directions at once, a lot; most of it is not copied")
def _():
    spliced = weir.metric("tunnel_bytes_spliced_total")
    with weir.forward() as client:
        tunnel(client)
        client.send("echo\n")
        expect_equal(client.exactly(6), b"ready\n")
        block = bytes(range(256)) * 4096
        sender = threading.Thread(target=lambda: (client.send(*[block] * 8), client.half_close()))
        sender.start()
        got = client.end()
        sender.join()
    expect(got == block * 8 + b"<end>", f"{len(got)} bytes, not as sent")
    wait_until(lambda: weir.metric("tunnels_active") == 0, "the end of the tunnel")
    expect(weir.metric("tunnel_bytes_spliced_total") - spliced > len(got), "it is copied")


@test("a tunnel that is blocked both ways costs nothing: its ends do not wake each other in turn")
def _():
    with weir.forward() as client:
        tunnel(client)
        client.send("mirror\n")
        weir.expect_at_rest(client)


@table("W8.1 CONNECT {} is 400", [
    ("without a port", "127.0.0.1"), ("port 0", "127.0.0.1:0"), ("port 65536", "127.0.0.1:65536"), ("an empty port", "127.0.0.1:"),
    ("port +443", "127.0.0.1:+443"), ("with a path", "127.0.0.1:443/"), ("a URI", "http://127.0.0.1:443"),
    ("without a host", ":443"), ("userinfo", "u@127.0.0.1:443"), ("bare IPv6", "::1:443"), ("a sign in the port", "127.0.0.1:4-3")])
def _(target):
    with weir.forward() as client:
        client.ask(target, method="CONNECT", host="127.0.0.1:443")
        expect_equal(client.response().status, 400)
        client.end()


@test("W8.1 a port outside the allow list is 403, and the connection is closed (W8.3)")
def _():
    with weir.forward() as client:
        client.ask(http.name, method="CONNECT", host=http.name)
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        expect_equal(client.response().status, 403)
        client.end()
    expect_equal(http.connections, 0)
    row = weir.row(f"port = {http.port} AND status = 403")
    expect_equal((row["end"], row["rule"]), ("denied", "forward lan connect"))


@test("W6.10 a refused connect is 502")
def _():
    closed.close_listener()
    with weir.forward() as client:
        client.ask(closed.name, method="CONNECT", host=closed.name)
        expect_equal(client.response().status, 502)
        client.end()


@test("CONNECT to a site is refused")
def _():
    with weir.site() as client:
        client.ask(origin.name, method="CONNECT", host=origin.name)
        expect(client.response().status in (400, 405, 501))


@test("a tunnel has its row, with its bytes, and is counted as one")
def _():
    def counted(kind):
        return weir.metrics()[f'weir_requests_total{{kind="{kind}"}}']
    before = counted("tunnel"), counted("forward")
    with weir.forward() as client:
        tunnel(client)
        expect_equal((counted("tunnel"), counted("forward")), (before[0] + 1, before[1]))
        client.send("push 12345\n")
        client.end()
    row = weir.row("method = 'CONNECT' AND bytes_out >= 12345 AND bytes_out < 13345")
    expect_equal((row["kind"], row["host"], row["port"], row["status"]), ("tunnel", "127.0.0.1", origin.port, 200))


main(http, origin, closed, weir)
