#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""WebSocket to pools that say http2: a stream of an extended CONNECT (RFC 8441) where the origin takes that, else an Upgrade
on a connection of HTTP/1.1; from clients of HTTP/1.1 (Upgrade) and of HTTP/2 (extended CONNECT). W6.8, W8, W10."""
import shutil
import ssl
import subprocess

from lib import *
from lib.websocket import KEY, accept_of, echo, h2_echo, masked, message, switched

CONNECTS = (8, 1)  # SETTINGS_ENABLE_CONNECT_PROTOCOL
authority = Authority()
cert = authority.make("origin", "IP:127.0.0.1")
old, plain = Origin(), Origin()  # what answers with HTTP/1.1
origin = H2Origin(settings=[CONNECTS])
few = H2Origin(settings=[CONNECTS, (3, 2)])
secure = H2Origin(settings=[CONNECTS], cert=cert)
without = H2Origin(http1=old)
without_tls = H2Origin(cert=cert, alpn=("h2", "http/1.1"), http1=old)
one = H2Origin(http1=old)
closes = Origin(tunnel=lambda conn: conn.close())
h2_only = H2Origin(cert=cert, alpn=("h2",), http1=closes)
mute = H2Origin(settles=False)
says_http1 = H2Origin(settings=[CONNECTS], http1=old)
NODE = """
const http2 = require('http2');
const server = http2.createServer({settings: {enableConnectProtocol: true}});
server.on('stream', (stream, fields) => {
  if (fields[':protocol'] !== 'websocket') { stream.respond({':status': 404}); stream.end('no'); return; }
  stream.respond({':status': 200, 'sec-websocket-protocol': 'chat'});
  stream.on('error', () => {});
  stream.pipe(stream);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""


class Node:
    """node as the origin: sends back what comes by an extended CONNECT."""

    def __init__(self):
        program = shutil.which("node")
        self.process = program and subprocess.Popen([program, "-e", NODE], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.name = "127.0.0.1:" + (self.process.stdout.readline().decode().strip() if program else "9")

    def start(self):
        pass

    def need(self):
        if not self.process:
            raise Skip("no node here")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.communicate()

    abandon = stop


node = Node()
POOLS = {"few": few.name, "secure": secure.name + " tls", "without": without.name, "without-tls": without_tls.name + " tls", "one": one.name,
         "h2-only": h2_only.name + " tls", "mute": mute.name, "says-http1": says_http1.name, "node": node.name}
pools = "".join(f"""
pool {name} {{ server {server}
    http2
    connect-timeout 1s
    {f"ca {authority.ca}" if server.endswith("tls") else ""}
    {"connections 1" if name == "one" else ""} }}""" for name, server in POOLS.items())
routes = "".join(f"route /{name}/ {{ cache main; pool {name} }}\n" for name in POOLS)
text = config(plain, top=f"pool h2 {{ server {origin.name}\n http2 }}{pools}", site="tunnel-idle-timeout 5min",
              routes=routes + """route /off/ { websocket no; pool h2 }
                                 route /short/ { tunnel-lifetime 20s; pool h2 }
                                 route / { cache main; pool h2 }""") + f"""
site h2.test {{
    listen 127.0.0.5:0 http2
    tunnel-idle-timeout 5min
    body-timeout 5s
    route / {{ cache main; pool h2 }}
    {routes}
}}
"""
weir = Weir(text.replace("workers 2", "workers 1"), clock=True)
ASKS = (("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat"))


class Upgrade:
    """A WebSocket of a client that speaks HTTP/1.1."""
    opened = 101

    def __init__(self, path, *fields):
        self.client = weir.site()
        self.client.ask(path, "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}",
                        *(f"{name}: {value}" for name, value in ASKS), *fields)
        self.head = self.client.response(body=False)
        self.status = self.head.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.sock.close()

    def send(self, data):
        self.client.send(data)

    def exactly(self, size):
        return self.client.exactly(size)

    def finish(self):
        self.client.half_close()

    def rest(self):
        """What comes until weir ends it, and whether that was a cut."""
        try:
            return self.client.to_end(), False
        except Closed as closed:
            return closed.got, True

    def body(self):
        self.client.read_body(self.head)
        return self.head.body

    def get(self, path):
        return self.client.get(path)

    def vanish(self):
        self.client.reset()


class Extended:
    """The same by HTTP/2."""
    opened = 200

    def __init__(self, path, *fields):
        self.client = H2Client(weir.listener("site h2.test"))
        self.at = 0
        method, *more = self.client.fields(path, *ASKS, method="CONNECT", host="h2.test")
        self.stream = self.client.headers(method, (":protocol", "websocket"), *more, end=False)
        self.got = self.client.seen(self.stream)
        while self.got.status < 200:
            self.client.step()
        self.status = self.got.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.sock.close()

    def send(self, data):
        while data:
            while not self.client.room(self.stream):
                self.client.step()
            size = min(self.client.room(self.stream), len(data), 16384)
            self.client.data(self.stream, data[:size], end=False)
            data = data[size:]

    def exactly(self, size):
        while len(self.got.body) < self.at + size:
            expect(not self.got.ended and not self.got.error, f"an end: {self.got}")
            self.client.step()
        self.at += size
        return self.got.body[self.at - size:self.at]

    def finish(self):
        self.client.data(self.stream)

    def rest(self):
        self.client.answer(self.stream)
        return self.got.body[self.at:], self.got.error is not None

    def body(self):
        return self.client.answer(self.stream).body

    def get(self, path):
        return self.client.get(path, host="h2.test")

    def vanish(self):
        self.client.sock.close()


CLIENTS = [("HTTP/1.1", Upgrade), ("HTTP/2", Extended)]
MANY = [(f"{name}, {how}", f"{prefix}{name[-1]}", make, prefix) for name, make in CLIENTS for how, prefix in [("in clear", "/"), ("TLS", "/secure/")]]


def talks(client, text=b"hello"):
    client.send(masked(text))
    expect_equal(client.exactly(2 + len(text)), bytes([0x81, len(text)]) + text)


def polite(conn, request):
    """As echo(); over TLS the end is told."""
    conn.send(switched(request))
    conn.send(b"\x81\x05" + message(conn)[1])
    conn.send(b"\x88\x00" if message(conn)[0] == 0x88 else b"")
    if isinstance(conn.sock, ssl.SSLSocket):
        conn.sock.unwrap()
    conn.close()


def opened(make, path):
    client = make(path)
    expect_equal(client.status, make.opened)
    return client


@table("8441 4, 5: from a client of {}: an extended CONNECT goes out, without key and Upgrade; messages pass both ways", MANY)
def _(path, make, prefix):
    path += "ws"
    to = (secure if prefix == "/secure/" else origin)
    to.on(path, h2_echo)
    before = weir.metric("origin_websockets_total")
    with opened(make, path) as client:
        for i in range(50):
            talks(client, b"message %d" % i)
        expect_equal(weir.metric("tunnels_active"), 1)
        client.send(masked(b"\x03\xe8", 0x88))
        client.finish()
        expect_equal(client.rest(), (b"\x88\x02\x03\xe8", False))
    fields = to.seen(path)[0].fields
    expect_equal([fields(each) for each in (":method", ":protocol", ":scheme", ":path", "sec-websocket-version", "sec-websocket-protocol")],
                 ["CONNECT", "websocket", "https" if to is secure else "http", path, "13", "chat"])
    expect_equal(fields(":authority"), "www.test" if make is Upgrade else "h2.test")
    for name in ("sec-websocket-key", "upgrade", "connection", "host", "content-length"):
        expect(name not in fields, f"{name} in {fields}")
    if make is Upgrade:
        expect_equal([client.head.field(each) for each in ("Upgrade", "Connection", "Sec-WebSocket-Accept")],
                     ["websocket", "upgrade", accept_of(KEY)])
    row = weir.row(f"path = '{path}'")
    expect_equal([row[each] for each in ("kind", "status", "end", "origin_http", "method")], ["tunnel", make.opened, "ok", "2", "GET"])
    expect(row["bytes_in"] > 500 and row["bytes_out"] > 500, repr(row))
    expect_equal(weir.metric("origin_websockets_total") - before, 1)
    wait_until(lambda: weir.metric("tunnels_active") == 0 and weir.metric("origin_http2_streams") == 0, "the end of the tunnel")


@test("tunnels and requests share the connection; more of them than the origin takes streams open another")
def _():
    origin.on("/many", h2_echo)
    origin.on("/beside", lambda stream: stream.answer(b"beside"))
    clients = [opened(make, "/many") for _, make in CLIENTS * 3]
    for i in range(10):
        for client in clients:
            talks(client, b"round %d" % i)
        with weir.site() as other:
            expect_equal(other.get("/beside").body, b"beside")
    expect_equal(len({each.conn.number_of for each in origin.seen("/many") + origin.seen("/beside")}), 1)
    few.on("/few/ws", h2_echo)
    more = [opened(Upgrade, "/few/ws") for _ in range(3)]
    for client in more:
        talks(client)
    expect_equal([each.conn.number_of for each in few.seen("/few/ws")], [1, 1, 2])
    for client in clients + more:
        client.vanish()


@table("W8.4 {}: each direction ends by itself", CLIENTS)
def _(make):
    def last(stream):
        stream.head(200)
        stream.data(b"last " + stream.body(), end=True)
    origin.on("/half", last)
    with opened(make, "/half") as client:
        client.send(b"words")
        client.finish()
        expect_equal(client.rest(), (b"last words", False))

    def first(stream):
        stream.head(200)
        stream.data(b"mine", end=True)
        stream.body()
    origin.on("/first" + make.__name__, first)
    with opened(make, "/first" + make.__name__) as client:
        expect_equal(client.exactly(4), b"mine")
        stream = origin.seen("/first" + make.__name__)[0]
        client.send(b"still")
        expect_equal(stream.exactly(5), b"still")
        client.finish()
        expect_equal(client.rest(), (b"", False))
        expect_equal(stream.body(), b"still")
    expect_equal(weir.row(f"path = '/first{make.__name__}'")["end"], "ok")


@table("{}: a lot both ways at once, octet for octet", CLIENTS)
def _(make):
    there, back = bytes(range(256)) * 8000, bytes(range(255)) * 12000

    def much(stream):
        stream.head(200)
        stream.data(back)
        expect(stream.exactly(len(there)) == there, "other bytes")
        stream.data(b"!", end=True)
    origin.on("/much", much)
    with opened(make, "/much") as client:
        client.send(there)
        expect(client.exactly(len(back)) == back, "other bytes")
        expect_equal(client.exactly(1), b"!")
        client.finish()
        client.rest()


@table("{}: a client that does not read stops the origin by its window, and no other tunnel", CLIENTS)
def _(make):
    sent = [0]

    def pour(stream):
        stream.head(200)
        for _ in range(2000):
            stream.data(bytes(16384))
            sent[0] += 16384
    origin.on("/pour", pour)
    origin.on("/moves", h2_echo)
    before = weir.memory()
    with opened(make, "/pour") as client, opened(Upgrade, "/moves") as other:
        seen = -1
        while seen != sent[0]:
            seen = sent[0]
            for i in range(50):
                talks(other, b"%d" % i)
        expect(sent[0] < 16 << 20, f"{sent[0]} bytes were taken")
        expect_grown(weir.memory() - before, 8 << 20)
        client.vanish()


@table("W8.3 {}: an origin that gives no room stops the client; nothing goes before the answer", CLIENTS)
def _(make):
    gate, hold = Gate(), Gate()
    path = "/no-room" + make.__name__

    def slow(stream):
        stream.hold = True
        gate.wait()
        expect_equal(bytes(stream.received), b"")
        stream.head(200)
        hold.wait()
        expect(len(stream.received) <= 65535, f"{len(stream.received)} bytes")
        stream.hold = False
        size = (1 << 20).to_bytes(4, "big")
        stream.conn.send(frame(8, 0, 0, size), frame(8, 0, stream.number, size))
        stream.data(b"%d" % len(stream.body()), end=True)
    origin.on(path, slow)
    if make is Upgrade:
        client = weir.site()
        client.send(head(f"GET {path} HTTP/1.1", "Host: www.test", "Upgrade: websocket", "Connection: upgrade", f"Sec-WebSocket-Key: {KEY}") +
                    b"early")
        origin.wait(path)
        gate.open()
        expect_equal(client.response(body=False).status, 101)
        client.send(bytes(200_000))
        hold.open()
        client.half_close()
        expect_equal(client.to_end(), b"200005")
        client.sock.close()
        return
    gate.open()
    with opened(make, path) as client:
        client.send(bytes(100_000))
        hold.open()
        client.send(bytes(100_000))
        client.finish()
        expect_equal(client.rest(), (b"200000", False))


@table("an origin that says {}: that is the answer, and both connections go on",
       [(f"{status} to a client of {name}", status, make) for status in (403, 302, 426) for name, make in CLIENTS])
def _(status, make):
    path = f"/refuse{status}"
    origin.on(path, lambda stream: stream.answer(b"no", status=status))
    origin.on("/next", lambda stream: stream.answer(b"next"))
    with make(path) as client:
        expect_equal((client.status, client.body()), (status, b"no"))
        expect_equal(client.get("/next").body, b"next")
    expect(origin.seen("/next")[-1].conn is origin.seen(path)[-1].conn, "another connection")
    expect_equal(weir.row(f"path = '{path}'")["kind"], "site")


@table("{}: REFUSED_STREAM: once more; another reset, or a head that is none: 502", CLIENTS)
def _(make):
    origin.on("/refused", [lambda stream: stream.reset("REFUSED_STREAM"), h2_echo])
    with opened(make, "/refused") as client:
        talks(client)
    for path, script in [("/reset", lambda stream: stream.reset("CANCEL")), ("/twice", lambda stream: stream.reset("REFUSED_STREAM")),
                         ("/malformed", lambda stream: stream.head(200, ("connection", "upgrade")))]:
        origin.on(path, script)
        with make(path) as client:
            expect_equal(client.status, 502)


@table("an origin without the setting, {}: an Upgrade on a connection of HTTP/1.1 to the same server",
       [(f"{how}, from a client of {name}", path, server, make) for name, make in CLIENTS
        for how, path, server in [("in clear", "/without/", without), ("TLS", "/without-tls/", without_tls)]])
def _(path, server, make):
    path += make.__name__
    old.on(path, polite)
    server.on(path + "-plain", lambda stream: stream.answer(b"by HTTP/2"))
    before = weir.metrics()['weir_origin_websockets_total{http="1.1"}']
    for _ in range(2):
        with opened(make, path) as client:
            talks(client)
            client.send(masked(b"", 0x88))
            client.finish()
            expect_equal(client.rest(), (b"\x88\x00", False))
            expect_equal(client.status, make.opened)
    if make is Upgrade:
        expect_equal(client.head.field("Sec-WebSocket-Accept"), accept_of(KEY))
    expect_equal(server.count(path), 0)
    seen = old.seen(path)[-1]
    expect_equal((seen.method, seen.field("Upgrade"), seen.field("Connection")), ("GET", "websocket", "upgrade"))
    row = weir.row(f"path = '{path}'")
    expect_equal([row[each] for each in ("kind", "end", "origin_http", "server")], ["tunnel", "ok", "1.1", server.name])
    expect_equal(weir.metrics()['weir_origin_websockets_total{http="1.1"}'] - before, 2)
    with weir.site() as client:
        expect_equal(client.get(path + "-plain").body, b"by HTTP/2")
    expect_equal(len(server.connections), 1, "connections of HTTP/2")


@table("{}: HTTP_1_1_REQUIRED: the same", CLIENTS)
def _(make):
    path = "/says-http1/" + make.__name__
    says_http1.on(path, lambda stream: stream.reset("HTTP_1_1_REQUIRED"))
    old.on(path, echo)
    with opened(make, path) as client:
        talks(client)
    expect_equal((says_http1.count(path), old.count(path)), (1, 1))


@table("{}: an origin that takes it neither way: 502, and the error log says so", CLIENTS)
def _(make):
    path = "/h2-only/" + make.__name__
    with make(path) as client:
        expect_equal(client.status, 502)
    wait_until(lambda: "no extended CONNECT by HTTP/2, and by HTTP/1.1" in weir.stderr, "the error log")
    expect_equal(h2_only.count(path), 0)
    with make("/mute/" + make.__name__) as client:
        expect(client.status in (502, 504), client.status)


@test("connections 1: the idle connection of HTTP/2 makes way for one of HTTP/1.1")
def _():
    old.on("/one/ws", echo)
    with opened(Upgrade, "/one/ws") as client:
        talks(client)
        wait_until(lambda: all(each.over for each in one.connections), "the end of the connection of HTTP/2")


@table("{}: the client sees it", [
    (f"{how}, {name}", make, how.replace(" ", "-"), script) for name, make in CLIENTS
    for how, script in [("the origin resets in the middle", lambda stream: stream.reset("INTERNAL_ERROR")),
                        ("the origin resets without an error", lambda stream: stream.reset("NO_ERROR")),
                        ("the connection to the origin ends", lambda stream: stream.conn.close())]])
def _(make, path, script):
    path = f"/{path}{make.__name__}"

    def dies(stream):
        stream.head(200)
        stream.data(b"before")
        stream.exactly(1)
        script(stream)
    origin.on(path, dies)
    with opened(make, path) as client:
        expect_equal(client.exactly(6), b"before")
        client.send(b"x")
        expect_equal(client.rest(), (b"", True))
    expect_in("origin-", weir.row(f"path = '{path}'")["end"])
    wait_until(lambda: weir.metric("tunnels_active") == 0, "the end of the tunnel")


@table("{}: after its end the origin resets: without an error that is the end, with one a cut", CLIENTS)
def _(make):
    for error, cut in (("NO_ERROR", False), ("CANCEL", True)):
        path = f"/after{error}{make.__name__}"

        def script(stream, error=error):
            stream.head(200)
            stream.data(b"all", end=True)
            stream.exactly(1)
            stream.reset(error)
        origin.on(path, script)
        with opened(make, path) as client:
            expect_equal(client.exactly(3), b"all")
            client.send(b"x")
            row = weir.row(f"path = '{path}'")
            expect_equal(row["end"], "origin-abort" if cut else "ok")


@table("{}: a client that vanishes takes its stream with it, not the connection", CLIENTS)
def _(make):
    path = "/gone" + make.__name__
    origin.on(path, h2_echo)
    with opened(make, path) as client:
        talks(client)
        client.vanish()
    stream = origin.seen(path)[0]
    expect_equal(stream.was_reset(), "CANCEL")
    expect_equal(weir.row(f"path = '{path}'")["end"], "client-abort")
    origin.on("/after", lambda stream: stream.answer(b"x"))
    with weir.site() as client:
        expect_equal(client.get("/after").status, 200)
    expect(origin.seen("/after")[-1].conn is stream.conn, "another connection")


@test("W5.4 RFC 6455 4.2.1: without a key, or with two: 400; with websocket no it is a request as any other; 501 for an extended CONNECT")
def _():
    with weir.site() as client:
        for keys in ([], [f"Sec-WebSocket-Key: {KEY}"] * 2):
            client.ask("/many", "Upgrade: websocket", "Connection: Upgrade", *keys)
            expect_equal(client.response().status, 400)
        origin.on("/off/x", lambda stream: stream.answer(b"plain"))
        client.ask("/off/x", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}")
        expect_equal(client.response().body, b"plain")
    fields = origin.seen("/off/x")[0].fields
    expect_equal((fields(":method"), ":protocol" in fields, "upgrade" in fields), ("GET", False, False))


@test("W11.4 a reload and a GOAWAY of the origin leave tunnels alone; new ones take another connection")
def _():
    origin.on("/stays", h2_echo)
    with opened(Upgrade, "/stays") as first, opened(Extended, "/stays") as second:
        for _ in range(3):
            weir.ctl("reload")
            talks(first)
            talks(second)
        there = origin.seen("/stays")[-1]
        there.conn.goaway(there.number)
        with opened(Upgrade, "/stays") as third:
            talks(third)
            talks(first)
            talks(second)
        expect(origin.seen("/stays")[-1].conn is not there.conn, "the connection that is going")
    wait_until(lambda: there.conn.over, "its end, after the last tunnel")


@test("W9.2 a tunnel in which nothing moves ends at its time; one that talks does not; a lifetime ends both")
def _():
    origin.on("/idle", h2_echo)
    origin.on("/busy", h2_echo)
    origin.on("/short/life", h2_echo)
    with opened(Upgrade, "/idle") as idle, opened(Extended, "/idle") as idle2, opened(Upgrade, "/busy") as busy, \
            opened(Extended, "/busy") as busy2, opened(Upgrade, "/short/life") as short:
        talks(short)
        for _ in range(3):
            weir.advance(9)
            talks(busy)
            talks(busy2)
        expect_equal(short.rest(), (b"", True))
        for _ in range(6):
            weir.advance(60)
            talks(busy)
            talks(busy2)
        expect_equal(idle.rest(), (b"", True))
        expect_equal(idle2.rest(), (b"", True))
        for stream in origin.seen("/idle") + origin.seen("/short/life"):
            expect_equal(stream.was_reset(), "CANCEL")
    for path in ("/idle", "/short/life"):
        expect_equal({row["end"] for row in weir.rows(f"path = '{path}'")}, {"timeout"})


@table("node as the origin, from a client of {}: what is sent comes back, and the end", CLIENTS)
def _(make):
    node.need()
    data = bytes(range(256)) * 1000
    with opened(make, "/node/" + make.__name__) as client:
        for _ in range(3):
            client.send(data[:60000])
            expect(client.exactly(60000) == data[:60000], "other bytes")
        client.finish()
        expect_equal(client.rest(), (b"", False))
    row = weir.row(f"path = '/node/{make.__name__}'")
    expect_equal((row["kind"], row["end"], row["origin_http"]), ("tunnel", "ok", "2"))


main(old, plain, origin, few, secure, without, without_tls, one, closes, h2_only, mute, says_http1, node, weir)
