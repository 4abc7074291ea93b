#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""l4: TCP passed on to pools: both directions and their ends, retries, rules, SNI without decrypting, PROXY in and out."""
import hashlib
import os
import socket
import ssl
import struct
import threading

from lib import *


def serve(conn):
    """A little protocol: a line of the client says what happens."""
    line = conn.until(b"\n")
    if line == b"echo\n":
        conn.send(conn.to_end() + b"<end>")
    elif line.startswith(b"push "):
        left = int(line[5:])
        while left:
            part = b"x" * min(left, 65536)
            conn.send(part)
            left -= len(part)
    elif line == b"sum\n":
        conn.send(hashlib.sha256(conn.to_end()).hexdigest())
    elif line == b"half\n":
        conn.send("early")
        conn.sock.shutdown(socket.SHUT_WR)
        late.append(conn.to_end())
        late_there.set()
    elif line == b"mirror\n":
        while data := conn.sock.recv(65536):
            conn.sock.sendall(data)
    elif line == b"hold\n":
        conn.send("held\n")
        conn.to_end()
    elif line == b"lines\n":
        while True:
            conn.send(conn.until(b"\n"))
    elif line == b"reset\n":
        conn.reset()
        return
    conn.close()


def greet(conn):
    conn.send("220 ready\n")
    conn.send(b"got " + conn.until(b"\n"))
    conn.close()


late, late_there = [], threading.Event()
authority = Authority()
cert_a, cert_b = authority.make("a", "DNS:a.test", "DNS:deep.b.test"), authority.make("b", "DNS:*.b.test", "DNS:a.test")
http = Origin()
echo, echo2, greeting = Origin(tunnel=serve), Origin(tunnel=serve), Origin(tunnel=greet)
named = ProxyOrigin(tunnel=serve)
tls_a, tls_b = TlsOrigin(cert=cert_a), TlsOrigin(cert=cert_b)
closed = Origin()
closed.close_listener()
nginx = Nginx()
nginx_port = nginx.server("proxy_protocol", 'return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr";')
weir = Weir(config(http, top=f"""
list bad-ip {{ file $DIR/bad-ip.txt  format cidr }}
list ads    {{ file $DIR/ads.txt }}
pool echo   {{ server {echo.name} }}
pool two    {{ server {echo.name} {echo2.name} }}
pool greet  {{ server {greeting.name} }}
pool named  {{ server {named.name}; proxy-protocol v1 }}
pool dead   {{ server {closed.name}; retry 0 }}
pool half   {{ server {closed.name} {echo.name}; retry 1 }}
pool a      {{ server {tls_a.name} }}
pool b      {{ server {tls_b.name} }}
pool wrap   {{ server {tls_a.name} tls sni a.test; ca {authority.ca} }}
pool nginx  {{ server 127.0.0.1:{nginx_port} }}
l4 echo  {{ listen 127.0.1.1:0; pool echo; rules {{ deny client 127.0.0.66; deny list bad-ip; report client 127.0.0.67 }} }}
l4 two   {{ listen 127.0.1.2:0; pool two }}
l4 greet {{ listen 127.0.1.3:0; pool greet }}
l4 dead  {{ listen 127.0.1.4:0; pool dead }}
l4 half  {{ listen 127.0.1.5:0; pool half }}
l4 named {{ listen 0.0.0.0:0;   pool named }}
l4 over  {{ listen 127.0.1.6:0 proxy-protocol 127.0.0.1; pool named; proxy-protocol v2 }}
l4 brief {{ listen 127.0.1.7:0; pool echo; tunnel-idle-timeout 30s; tunnel-lifetime 2min }}
l4 wrap  {{ listen 127.0.1.8:0; pool wrap }}
l4 nginx {{ listen 127.0.1.9:0; pool nginx; proxy-protocol v2 }}
l4 names {{
    listen 127.0.1.10:0
    sni a.test pool a
    sni *.b.test c.test pool b
    sni deep.b.test pool a
    pool echo
}}
l4 only  {{ listen 127.0.1.11:0; sni a.test pool a }}
l4 ruled {{ listen 127.0.1.12:0; pool a; rules {{ deny sni .bad.test; deny list ads; deny sni ~ ^x[0-9]; allow client 127.0.0.0/8 }} }}
l4 both  {{ listen 127.0.1.13:0 proxy-protocol 127.0.0.1; sni a.test pool a; rules {{ deny client 203.0.113.0/24 }} }}
"""), clock=True, files={"bad-ip.txt": "127.0.0.68/31\n", "ads.txt": ".ads.test\n"})
many = Weir(config(http, top=f"connections-per-client 2\npool echo {{ server {echo.name} }}\nl4 echo {{ listen 127.0.1.14:0; pool echo }}"))


def connect(name, **keys):
    return Client(weir.listener(f"l4 {name}"), **keys)


def expect_cut(name, *sent, **keys):
    """The connection ends or is reset, at whatever step of the client's that shows."""
    try:
        with connect(name, **keys) as client:
            for each in sent:
                client.send(each)
            expect_equal(client.sock.recv(10), b"")
    except (ConnectionResetError, BrokenPipeError):
        pass


def metric(result):
    return weir.metrics()[f'weir_l4_connections_total{{result="{result}"}}']


@test("bytes go both ways, whatever they are; the row tells of them")
def _():
    blob, before, spliced = os.urandom(3_000_000), metric("relayed"), weir.metric("tunnel_bytes_spliced_total")
    with connect("echo", source="127.0.0.10") as client:
        threading.Thread(target=lambda: (client.send(b"echo\n", blob), client.half_close()), daemon=True).start()
        expect(client.to_end() == blob + b"<end>", "not what was sent")
    row = weir.row("client = '127.0.0.10'")
    expect_equal([row[each] for each in ("kind", "place", "pool", "server", "origin", "bytes_in", "bytes_out", "end", "status", "sni")],
                 ["l4", "echo", "echo", echo.name, echo.name, 3_000_005, 3_000_005, "ok", 0, ""])
    expect(0 < row["ttfb"] <= row["duration"], "times")
    expect_equal(metric("relayed"), before + 1)
    expect(weir.metric("tunnel_bytes_spliced_total") - spliced > len(blob), "it is copied")


@test("the server may speak first")
def _():
    with connect("greet") as client:
        expect_equal(client.exactly(10), b"220 ready\n")
        client.send("x\n")
        expect_equal(client.end(), b"got x\n")


@test("W8.4 half-closes pass on, the client's and the server's; the other direction goes on")
def _():
    with connect("echo") as client:
        client.send("echo\n", "some bytes")
        client.half_close()
        expect_equal(client.end(), b"some bytes<end>")
    with connect("echo") as client:
        client.send("half\n")
        expect_equal(client.to_end(), b"early")
        client.send("and still heard")
        client.half_close()
    expect(late_there.wait(DEADLINE), "the server heard no end")
    expect_equal(late, [b"and still heard"])


@test("a reset of the server is a reset for the client, and the other way round")
def _():
    with connect("echo", source="127.0.0.11") as client:
        client.send("reset\n")
        try:
            expect_equal(client.sock.recv(10), b"")
            raise Failure("ended, not reset")
        except ConnectionResetError:
            pass
    expect_equal(weir.row("client = '127.0.0.11'")["end"], "origin-abort")
    with connect("echo", source="127.0.0.12") as client:
        client.send("hold\n")
        expect_equal(client.exactly(5), b"held\n")
        client.reset()
    expect_equal(weir.row("client = '127.0.0.12'")["end"], "client-abort")


@test("a slow reader gets everything; memory is bounded meanwhile")
def _():
    before = weir.memory()
    with connect("echo", receive_buffer=4096) as client:
        client.send("push 60000000\n")
        client.exactly(1)
        expect_grown(weir.memory() - before, 16 << 20)
        expect_equal(len(client.to_end()), 59_999_999)


@test("a connection that is blocked both ways costs nothing: its ends do not wake each other in turn")
def _():
    with connect("echo") as client:
        client.send("mirror\n")
        weir.expect_at_rest(client)


@test("servers take turns; one that refuses is passed over")
def _():
    before = echo.connections, echo2.connections
    for _ in range(4):
        with connect("two") as client:
            client.send("push 1\n")
            expect_equal(client.to_end(), b"x")
    expect_equal((echo.connections - before[0], echo2.connections - before[1]), (2, 2))
    for _ in range(3):
        with connect("half") as client:
            client.send("push 2\n")
            expect_equal(client.to_end(), b"xx")


@test("no server at all: the client is cut, and the log says why")
def _():
    before = metric("failed")
    expect_cut("dead", source="127.0.0.13")
    expect_equal(weir.row("client = '127.0.0.13'")["end"], "origin-refused")
    expect_equal(metric("failed"), before + 1)


@table("a rule denies before a server hears of it: {}", [("by address", "127.0.0.66", "deny client"), ("by a list", "127.0.0.69", "deny list bad-ip")])
def _(source, rule):
    before, denied = echo.connections, metric("denied")
    expect_cut("echo", "echo\n", source=source)
    row = weir.row(f"client = '{source}'")
    expect_equal((row["end"], row["origin"]), ("denied", ""))
    expect_in(rule, row["rule"])
    expect_equal((echo.connections, metric("denied")), (before, denied + 1))


@test("a rule of report notes")
def _():
    with connect("echo", source="127.0.0.67") as client:
        client.send("push 1\n")
        client.to_end()
    expect_in("report client 127.0.0.67", weir.row("client = '127.0.0.67'")["reports"])


@test("PROXY out as the pool says: the client, and the address it reached")
def _():
    port = weir.listener("l4 named")[1]
    with Client(("127.0.0.21", port)) as client:
        client.send("push 1\n")
        expect_equal(client.to_end(), b"x")
        expect_equal(named.headers[-1], (1, client.name, ("127.0.0.21", port)))


@test("PROXY in and out: what came in goes on, in the l4's own version")
def _():
    with connect("over") as client:
        client.send(b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 5432\r\n" + b"push 1\n")
        expect_equal(client.to_end(), b"x")
    expect_equal(named.headers[-1], (2, ("2001:db8::1", 4711), ("2001:db8::2", 5432)))
    expect_equal(weir.row("client = '2001:db8::1'")["place"], "over")
    with connect("over") as client:
        client.send("push 1\n")
        expect_equal(client.end(), b"")


@test("nginx behind it: PROXY version 2")
def _():
    nginx.need()
    with connect("nginx") as client:
        expect_equal(client.get("/").body.decode(), f"{client.name[0]} {client.name[1]} 127.0.1.9")


@test("a server with tls is spoken to by TLS")
def _():
    tls_a.on("/wrapped", answer("inside"))
    with connect("wrap") as client:
        expect_equal(client.get("/wrapped", "Connection: close").body, b"inside")


@test("a connection in which nothing moves, and one that is too old, are closed")
def _():
    for source, steps in (("127.0.0.14", (29, 2)), ("127.0.0.15", (25,) * 5)):
        with connect("brief", source=source) as client:
            client.send("lines\nx\n")
            expect_equal(client.exactly(2), b"x\n")
            for step in steps[:-1]:
                weir.advance(step)
                expect(client.is_quiet(), "too early")
                if len(steps) > 2:
                    client.send("y\n")
                    expect_equal(client.exactly(2), b"y\n")
            weir.advance(steps[-1])
            try:
                expect_equal(client.sock.recv(10), b"")
            except ConnectionResetError:
                pass
        expect_equal(weir.row(f"client = '{source}'")["end"], "timeout")


@test("most connections of a client hold here too")
def _():
    at = many.listener("l4 echo")
    with Client(at) as one, Client(at) as two:
        for client in (one, two):
            client.send("hold\n")
            expect_equal(client.exactly(5), b"held\n")
        with Client(at) as three:
            expect_equal(three.end(), b"")
        with Client(at, source="127.0.0.9") as other:
            other.send("push 1\n")
            expect_equal(other.to_end(), b"x")
    expect_equal(many.row("end = 'client-limit'")["kind"], "connection")


# SNI

@table("SNI chooses the pool, nothing is decrypted: {}", [
    ("a host", "names", "a.test", tls_a), ("in capitals", "names", "A.Test", tls_a), ("a subdomain", "names", "x.b.test", tls_b),
    ("the most exact one wins", "names", "deep.b.test", tls_a), ("behind a PROXY header", "both", "a.test", tls_a)])
def _(place, name, origin):
    path = origin.on("/named", answer("x"))
    before = len(origin.handshakes)
    source = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" if place == "both" else b""
    with TlsClient(weir.listener(f"l4 {place}"), name, authority.ca, before=source) as client:
        expect_equal(client.get(path).status, 200)
    expect_equal(len(origin.handshakes), before + 1)
    expect_equal((origin.handshakes[-1][0] or "").lower(), name.lower())
    weir.row(f"place = '{place}' AND sni = '{name.lower()}' AND end = 'ok' AND tls = ''")


@table("no host of a line of sni goes to the pool: {}", [("another host", client_hello("z.test")), ("none", client_hello(None)), ("no TLS", b"echo\n")])
def _(first):
    with connect("names", source="127.0.0.31") as client:
        before = echo.connections
        client.send(first)
        wait_until(lambda: echo.connections > before, "the pool's server to be connected to")
        if first == b"echo\n":
            client.send("abc")
            client.half_close()
            expect_equal(client.end(), b"abc<end>")


@test("without a pool they are closed, and the log has the host")
def _():
    before = metric("denied")
    with connect("only") as client:
        client.send(client_hello("z.test"))
        expect_equal(client.end(), b"")
    expect_equal(weir.row("place = 'only' AND sni = 'z.test'")["end"], "no-server")
    with connect("only") as client:
        client.send("SSH-2.0-x\r\n")
        expect_equal(client.end(), b"")
    expect_equal(metric("denied"), before + 2)


@test("a ClientHello may come in any pieces and records")
def _():
    whole = client_hello("a.test")
    body = whole[5:]
    cut = b"".join(b"\x16\x03\x01" + struct.pack("!H", len(part)) + part for part in (body[:3], body[3:70], body[70:]))
    for bytes_ in (whole, cut):
        with connect("names") as client:
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i, byte in enumerate(bytes_):
                client.send(bytes([byte]))
                if i == len(bytes_) - 2:
                    expect(client.is_quiet(), "an answer to half of it")
            expect_equal(client.exactly(1), b"\x16")  # the server's own


@table("what begins as TLS and is no ClientHello is closed: {}", [
    ("an alert", b"\x16\x03\x01\0\x02\x02\x28"), ("a record too long", b"\x16\x03\x01\xff\xff"), ("SSL 2 inside", b"\x16\x02\0\0\x05"),
    ("an address as host", client_hello("a.test").replace(b"a.test", b"1.2.34")), ("cut short", None)])
def _(bytes_):
    before = metric("refused")
    with connect("names") as client:
        client.send(bytes_ or client_hello("a.test")[:50])
        if bytes_ is None:
            client.half_close()
        expect_equal(client.end(), b"")
    wait_until(lambda: metric("refused") == before + 1, "the refusal to be counted")


@test("a ClientHello that drips does not hold its connection beyond header-timeout")
def _():
    with connect("only", source="127.0.0.32") as client:
        for byte in client_hello("a.test")[:8]:
            client.send(bytes([byte]))
            weir.advance(1)
        expect(client.is_quiet(), "too early")
        weir.advance(3)
        expect_equal(client.end(), b"")
    expect_equal(weir.row("client = '127.0.0.32'")["end"], "client-timeout")


@table("rules know the host: {}", [("denied", "www.bad.test", False), ("denied by a list", "x.ads.test", False), ("denied by an expression", "x1.test", False),
                                   ("allowed", "a.test", True)])
def _(name, allowed):
    with connect("ruled") as client:
        client.send(client_hello(name))
        if allowed:
            expect_equal(client.exactly(1), b"\x16")
        else:
            expect_equal(client.end(), b"")
            row = weir.row(f"place = 'ruled' AND sni = '{name}'")
            expect_equal((row["end"], row["origin"]), ("denied", ""))


@test("a client that is denied by its address is not asked for its host")
def _():
    with connect("both") as client:
        client.send(b"PROXY TCP4 203.0.113.9 192.0.2.2 1 2\r\n")
        expect_equal(client.end(), b"")
    expect_equal(weir.row("client = '203.0.113.9'")["end"], "denied")


# Life

@test("a connection lives on through reloads, also of one that takes its listener away")
def _():
    with connect("echo", source="127.0.0.41") as client:
        client.send("echo\n", "before ")
        at = weir.listener("l4 echo")
        wait_until(lambda: weir.metric("tunnels_active") >= 1, "the tunnel")
        text = weir.config_file.read_text()
        weir.config_file.write_text(text.replace("l4 echo  {", "l4 other {").replace("listen 127.0.1.1:0; pool echo; rules", "listen 127.0.2.1:0; pool echo; rules"))
        weir.ctl("reload")
        client.send("after")
        client.half_close()
        expect_equal(client.end(), b"before after<end>")
        weir.config_file.write_text(text)
        weir.ctl("reload")
    weir.row("client = '127.0.0.41' AND end = 'ok'")


@test("weirctl routes and config show know of it")
def _():
    routes = weir.ctl("routes")
    for part in ("pool echo", "*.b.test", "close"):
        expect_in(part, routes)
    shown = weir.ctl("config", "show", "--effective")
    for part in ("l4 names", "*.b.test c.test pool b", "tunnel-idle-timeout"):
        expect_in(part, shown)


main(http, echo, echo2, greeting, named, tls_a, tls_b, nginx, weir, many)
