#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 towards origins: streams that share a connection, bodies and trailers both ways, what is sent once more and
what is not, answers that are malformed or cut, windows. RFC 9113; W6, W10."""
import struct
import threading

from lib import *
from lib.http2 import DATA, END_HEADERS, END_STREAM, HEADERS, PING, PUSH, SETTINGS

FRESH = ("cache-control", "max-age=3600")
plain = Origin()
origin = H2Origin()
few = H2Origin(settings=[(3, 4)])  # MAX_CONCURRENT_STREAMS
one = H2Origin(settings=[(3, 100)])
mute = H2Origin(settles=False)
second = H2Origin()
raw = Origin(tunnel=lambda conn: conn.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"))
silent = H2Origin()
authority = Authority()
cert = authority.make("origin", "IP:127.0.0.1")
secure = H2Origin(cert=cert)
http1_only = H2Origin(cert=cert, alpn=("http/1.1",))
no_alpn = H2Origin(cert=cert, alpn=())
nginx = Nginx()
nginx_name = "127.0.0.1:%d" % nginx.server("http2", """
    client_max_body_size 100m;
    location /nginx/hello { return 200 "hello"; }
    location /nginx/large { root $DIR; }
    location /nginx/post { proxy_pass http://PLAIN; }""".replace("PLAIN", plain.name).replace("$DIR", str(nginx.dir)))
origins = {"silent": silent, "few": few, "one": one, "mute": mute, "raw": raw}
pools = "".join(f"pool {name} {{ server {each.name}\n http2\n connect-timeout 1s\n {more} }}\n"
                for name, each, more in [("silent", silent, "answer-timeout 1s"), ("few", few, ""), ("one", one, "connections 1\n queue-timeout 5s"),
                                         ("mute", mute, ""), ("raw", raw, "")])
text = config(plain, top=f"""
pool h2 {{ server {origin.name}
           http2
           answer-timeout 20s
           body-timeout 2s
           origin-idle-timeout 2s }}
pool secure {{ server {secure.name} tls
               http2
               ca {authority.ca} }}
pool http1-only {{ server {http1_only.name} {no_alpn.name} tls
                   http2
                   ca {authority.ca} }}
pool mixed {{ server {http1_only.name} {secure.name} tls
              http2
              ca {authority.ca} }}
pool nginx {{ server {nginx_name}
              http2 }}
pool two {{ server {origin.name} {second.name}
            http2 }}
{pools}""", routes="\n".join(f"route /{name}/ {{ cache main; pool {name} }}" for name in (*origins, "two", "secure", "http1-only", "mixed", "nginx")) +
              "\nroute / { cache main; pool h2 }") + """
site h2.test {
    listen 127.0.0.5:0 http2
    route / { cache main; pool h2 }
    route /few/ { cache main; pool few }
}
"""
weir = Weir(text.replace("workers 2", "workers 1"))
shared = H2Origin()
both = Weir(config(plain, app=f"""
    server {shared.name}
    http2
    connections 1""").replace(f"server {plain.name}\n", ""))  # two workers


def ask(path="/", *fields, **keys):
    with weir.site() as client:
        return client.get(path, *fields, **keys)


def h2(**keys):
    return H2Client(weir.listener("site h2.test"), **keys)


def together(count, work):
    """Runs work(i) in so many threads; their results, or the first failure."""
    found = [None] * count

    def run(i):
        try:
            found[i] = work(i)
        except BaseException as error:
            found[i] = error
    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(DEADLINE)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return found


@test("a GET goes out with pseudo-fields, without Host or fields of the connection; the log says 2; it is stored as any other")
def _():
    origin.on("/a", lambda stream: stream.answer(b"by HTTP/2", FRESH, ("x-seen", "yes")))
    first = ask("/a?q=1", "X-Own: 1", "Connection: X-Own, keep-alive", "Keep-Alive: 5", "TE: trailers, deflate")
    expect_equal(first.status, 404)
    got = ask("/a", "X-Own: 1", "Connection: X-Own, keep-alive", "Keep-Alive: 5")
    expect_equal((got.status, got.body, got.field("X-Seen")), (200, b"by HTTP/2", "yes"))
    fields = origin.seen("/a")[0].fields
    expect_equal([fields(name) for name in (":method", ":scheme", ":authority", ":path")], ["GET", "http", "www.test", "/a"])
    for name in ("host", "connection", "keep-alive", "x-own", "transfer-encoding", "te"):
        expect(name not in fields, f"{name} went out: {fields}")
    expect_in("weir", fields("via") + "weir")
    expect(ask("/a").hit)
    expect_equal(origin.count("/a"), 1)
    row = weir.row("path = '/a' AND cache = 'miss'")
    expect_equal((row["origin_http"], row["pool"], row["server"]), ("2", "h2", origin.name))
    plain.on("/h1/a", answer("x"))


@test("requests share a connection, at once and one after the other")
def _():
    gate = Gate()
    many = 30

    def hold(stream):
        gate.wait()
        stream.answer(stream.path.encode())
    for i in range(many):
        origin.on(f"/many{i}", hold)
    results = []
    work = threading.Thread(target=lambda: results.extend(together(many, lambda i: ask(f"/many{i}").body)))
    work.start()
    for i in range(many):
        origin.wait(f"/many{i}")
    expect_equal({each.conn.number_of for i in range(many) for each in origin.seen(f"/many{i}")}, {1}, "connections")
    expect_equal(weir.metric("origin_http2_streams"), many)
    gate.open()
    work.join(DEADLINE)
    expect_equal(results, [f"/many{i}".encode() for i in range(many)])
    wait_until(lambda: weir.metric("origin_http2_streams") == 0, "no streams")
    expect_equal(len(origin.connections), 1)
    expect(weir.metric("origin_connections_reused_total") >= many - 1)


@test("where the origin takes few streams, further connections are opened, and kept")
def _():
    gate = Gate()

    def hold(stream):
        gate.wait()
        stream.answer(b"x")
    for i in range(10):
        few.on(f"/few/{i}", hold)
    results = []
    work = threading.Thread(target=lambda: results.extend(together(10, lambda i: ask(f"/few/{i}").status)))
    work.start()
    for i in range(10):
        few.wait(f"/few/{i}")
    used = [few.seen(f"/few/{i}")[0].conn.number_of for i in range(10)]
    expect(all(used.count(each) <= 4 for each in set(used)), f"connections {used}")
    expect_equal(len(few.connections), 3)
    gate.open()
    work.join(DEADLINE)
    expect_equal(results, [200] * 10)


@test("connections 1: requests beyond the streams wait for room, none fails")
def _():
    for i in range(20):
        one.on(f"/one/{i}", lambda stream: stream.answer(b"x"))
    expect_equal(together(20, lambda i: ask(f"/one/{i}").status), [200] * 20)
    expect_equal(len(one.connections), 1)


@test("connections 1 and two workers: an idle connection is given up for the worker that waits")
def _():
    shared.on("/handed", lambda stream: stream.answer(b"x"))
    for _ in range(24):
        with both.site() as client:
            expect_equal(client.get("/handed").status, 200)
    expect(len(shared.connections) > 1, "one worker had all of them")
    expect(sum(not each.over for each in shared.connections) <= 1, "more than one connection")


@table("a request body goes up as it comes, {}", [("with its length", "/up1", True), ("chunked, with trailers", "/up2", False)])
def _(path, sized):
    body = bytes(range(256)) * 2000
    origin.on(path, lambda stream: stream.answer(b"took " + str(len(stream.body())).encode()))
    with weir.site() as client:
        if sized:
            client.ask(path, method="POST", body=body)
        else:
            client.send(head(f"POST {path} HTTP/1.1", "Host: www.test", "Transfer-Encoding: chunked"))
            client.send(chunks(*(body[i:i + 7000] for i in range(0, len(body), 7000)), trailers=("X-Sum: 7",)))
        expect_equal(client.response().body, b"took %d" % len(body))
    seen = origin.seen(path)[0]
    expect(seen.received == body, "other bytes")
    expect_equal(seen.fields("content-length"), str(len(body)) if sized else None)
    if not sized:
        expect_equal(seen.trailers("x-sum"), "7")


@test("an origin that gives no room stops the client")
def _():
    gate = Gate()

    def slow(stream):
        stream.hold = True
        gate.wait()
        stream.hold = False
        size = struct.pack("!I", 1 << 30)
        stream.conn.send(frame(8, 0, 0, size), frame(8, 0, stream.number, size))
        stream.answer(str(len(stream.body())).encode())
    origin.on("/no-room", slow)
    with weir.site() as client:
        client.send(head("POST /no-room HTTP/1.1", "Host: www.test", "Content-Length: 30000000"))
        before = weir.memory()
        sent = client.fill()
        expect(sent < 20_000_000, f"{sent} bytes were taken")
        expect_grown(weir.memory() - before, 8 << 20)
        gate.open()
        rest = 30_000_000 - sent
        while rest > 0:
            client.send(bytes(min(rest, 1 << 20)))
            rest -= min(rest, 1 << 20)
        expect_equal(client.response().body, b"30000000")


@test("trailers come through to HTTP/2 and to HTTP/1.1")
def _():
    def script(stream):
        stream.head(200, ("trailer", "x-sum"))
        stream.data(b"abc")
        stream.data(b"def")
        stream.trailing(("x-sum", "6"), ("cache-control", "max-age=9"))
    origin.on("/trailers", script)
    with h2() as client:
        got = client.get("/trailers", host="h2.test", method="OPTIONS")
        expect_equal((got.status, got.body, got.ended), (200, b"abcdef", True))
        expect_equal(list(Inflater().fields(got.trailers)), [("x-sum", "6")])
    with weir.site() as client:
        client.ask("/trailers", "TE: trailers", "X-Other: 1", method="POST", body=b"")
        got = client.response()
        expect_equal((got.body, list(got.trailers)), (b"abcdef", [("x-sum", "6")]))


@test("gRPC: a stream of messages both ways, te and trailers; an answer that is trailers only stays that")
def _():
    def echo(stream):
        stream.wait(lambda: len(stream.received) >= 5, "the first message")
        stream.head(200, ("content-type", "application/grpc"))
        stream.data(b"1:" + stream.received)
        stream.body()
        stream.data(b"2:" + stream.received)
        stream.trailing(("grpc-status", "0"), ("grpc-message", "fine"))
    origin.on("/pkg.Service/Echo", echo)
    with h2() as client:
        stream = client.ask("/pkg.Service/Echo", ("content-type", "application/grpc"), ("te", "trailers"), method="POST",
                            end=False, host="h2.test")
        client.data(stream, b"hello", end=False)
        while client.seen(stream).body != b"1:hello":
            client.step()
        client.data(stream, b" world")
        got = client.answer(stream)
        expect_equal((got.status, got.body), (200, b"1:hello2:hello world"))
        expect_equal(dict(Inflater().fields(got.trailers)), {"grpc-status": "0", "grpc-message": "fine"})
        expect_equal(origin.seen("/pkg.Service/Echo")[0].fields("te"), "trailers")
        origin.on("/pkg.Service/Fail", lambda stream: stream.head(200, ("grpc-status", "5"), end=True))
        stream = client.ask("/pkg.Service/Fail", ("te", "trailers"), method="POST", host="h2.test", end=False)
        client.data(stream, b"x")
        while not client.seen(stream).ended:
            last = client.step()
        expect_equal((last.kind, client.seen(stream).heads), (HEADERS, 1), "the end")


@test("1xx come through, HEAD, 204 and 304 have no body, an empty answer is one")
def _():
    def hints(stream):
        stream.head(103, ("link", "</a.css>"))
        stream.head(100)
        stream.answer(b"late")
    origin.on("/hints", hints)
    got = ask("/hints")
    expect_equal(([each.status for each in got.interim], got.interim[0].field("Link"), got.body), ([103], "</a.css>", b"late"))
    origin.on("/head", lambda stream: stream.head(200, ("content-length", "77"), end=True))
    got = ask("/head", method="HEAD")
    expect_equal((got.status, got.field("Content-Length")), (200, "77"))
    origin.on("/none", lambda stream: stream.head(204, end=True))
    expect_equal(ask("/none").status, 204)
    origin.on("/empty", lambda stream: stream.head(200, end=True))
    expect_equal((ask("/empty").status, ask("/empty").body), (200, b""))
    origin.on("/valid", [lambda stream: stream.answer(b"v", ("etag", '"1"'), ("cache-control", "max-age=0")),
                         lambda stream: stream.head(304, ("etag", '"1"'), end=True)])
    expect_equal(ask("/valid").body, b"v")
    expect_equal((ask("/valid").body, origin.seen("/valid")[1].fields("if-none-match")), (b"v", '"1"'))


@test("a head of several frames, and a large body, arrive whole")
def _():
    body = bytes(range(256)) * 3000
    origin.on("/large", lambda stream: stream.answer(body, ("x-long", "y" * 12000), FRESH))
    for _ in range(2):
        got = ask("/large")
        expect(got.body == body and len(got.field("X-Long")) == 12000, "other bytes")
    expect_equal(origin.count("/large"), 1)


@test("a client that does not read stops the origin by its window, and no other request; memory is bounded")
def _():
    sent = [0]

    def pour(stream):
        stream.head(200)
        for _ in range(2000):
            stream.data(bytes(16384))
            sent[0] += 16384
        stream.data(b"", end=True)
    origin.on("/pour", pour)
    origin.on("/beside", lambda stream: stream.answer(b"moves"))
    before = weir.memory()
    with weir.site(receive_buffer=8192) as client:
        client.ask("/pour")
        expect_equal(client.response(body=False).status, 200)
        seen = -1
        while seen != sent[0]:
            seen = sent[0]
            client.is_quiet(0.3) if not client.buffer else threading.Event().wait(0.3)
        expect(sent[0] < 16 << 20, f"{sent[0]} bytes were taken")
        expect_grown(weir.memory() - before, 8 << 20)
        for _ in range(5):
            expect_equal(ask("/beside").body, b"moves")
        client.reset()
    error = origin.seen("/pour")[0].was_reset()
    expect_equal(error, "CANCEL")
    expect_equal(origin.seen("/pour")[0].conn.number_of, origin.seen("/beside")[0].conn.number_of)


@test("a client that goes takes its stream with it, not the connection")
def _():
    gate = Gate()
    origin.on("/gone", lambda stream: gate.wait())
    with weir.site() as client:
        client.ask("/gone", method="POST", body=b"x")
        stream = origin.wait("/gone")[0]
        client.reset()
    expect_equal(stream.was_reset(), "CANCEL")
    gate.open()
    origin.on("/after", lambda stream: stream.answer(b"x"))
    expect_equal(ask("/after").status, 200)
    expect_equal(origin.seen("/after")[0].conn, stream.conn)


def served(stream):
    stream.answer(b"served", FRESH)


def refuse(stream):
    stream.reset("REFUSED_STREAM")


@test("REFUSED_STREAM: once more, whatever the method, if nothing of a body was sent; twice is 502")
def _():
    before = weir.metric("origin_http2_refused_total")
    origin.on("/refused", [refuse, served])
    expect_equal(ask("/refused").body, b"served")
    origin.on("/refused-post", [refuse, served])
    expect_equal(ask("/refused-post", method="POST", body=b"").body, b"served")
    origin.on("/refused-twice", refuse)
    expect_equal(ask("/refused-twice").status, 502)
    expect_equal(origin.count("/refused-twice"), 2)
    origin.on("/refused-body", [lambda stream: (stream.body(), refuse(stream)), served])
    expect_equal(ask("/refused-body", method="POST", body=b"x").status, 502)
    expect_equal(origin.count("/refused-body"), 1)
    expect_equal(weir.metric("origin_http2_refused_total") - before, 5)


@test("GOAWAY: what it leaves out is sent once more on another connection, what it covers is answered; then it closes")
def _():
    gate = Gate()
    covered = []

    def first(stream):
        covered.append(stream)
        gate.wait()
        stream.answer(b"covered")
    origin.on("/goaway", first)
    origin.on("/left-out", [lambda stream: stream.conn.goaway(covered[0].number), served])
    with weir.site() as client:
        client.ask("/goaway")
        origin.wait("/goaway")
        expect_equal(ask("/left-out").body, b"served")
        expect(origin.seen("/left-out")[0].conn is covered[0].conn, "they did not share")
        expect(origin.seen("/left-out")[1].conn is not covered[0].conn, "the same connection")
        gate.open()
        expect_equal(client.response().body, b"covered")
    wait_until(lambda: covered[0].conn.over, "the end of the connection")


@table("a connection that ends {}", [("before an answer: a GET on one that was there before is sent once more", "/dies-get", "GET", 200),
                                     ("before an answer: a POST is not", "/dies-post", "POST", 502)])
def _(path, method, status):
    origin.on("/warm-up" + path, lambda stream: stream.answer(b"x"))
    ask("/warm-up" + path)
    origin.on(path, [lambda stream: stream.conn.close(), served])
    expect_equal(ask(path, method=method, **({"body": b""} if method == "POST" else {})).status, status)


def cut_for_http2(path, gates):
    with h2() as client:
        stream = client.ask(path, host="h2.test")
        while not client.seen(stream).body:
            client.step()
        gates[-1].open()
        got = client.answer(stream)
        expect(got.error is not None and not got.ended, got)


@table("a body that is cut by {}: the client sees it, nothing is stored",
       [("RST_STREAM", "/cut1", lambda stream: stream.reset("INTERNAL_ERROR")),
        ("RST_STREAM without an error", "/cut2", lambda stream: stream.reset("NO_ERROR")),
        ("the end of the connection", "/cut3", lambda stream: stream.conn.close()),
        ("an end before its length", "/cut4", lambda stream: stream.data(b"", end=True)),
        ("more than its length", "/cut5", lambda stream: stream.data(b"x" * 2000, end=True)),
        ("no more bytes for body-timeout", "/cut6", lambda stream: None)])
def _(path, cut):
    gates = []

    def script(stream):
        gates.append(Gate())
        stream.head(200, ("content-length", "1000"), FRESH)
        stream.data(b"x" * 500)
        gates[-1].wait()
        cut(stream)
    origin.on(path, script)
    for round in (1, 2):
        with weir.site() as client:
            client.ask(path)
            expect_equal(client.response(body=False).status, 200)
            gates[-1].open()
            body = client.end()
            expect(len(body) < 1000, f"{len(body)} bytes")
        expect_equal(origin.count(path), round)
    cut_for_http2(path, gates)


@test("what came without a length and was cut is cut for HTTP/1.1 and HTTP/2 alike")
def _():
    gates = []

    def script(stream):
        gates.append(Gate())
        stream.head(200, FRESH)
        stream.data(b"part")
        gates[-1].wait()
        stream.reset("CANCEL")
    origin.on("/cut-chunked", script)
    with weir.site() as client:
        client.ask("/cut-chunked")
        got = client.response(body=False)
        gates[-1].open()
        try:
            client.read_body(got)
            raise Failure("a cut body was served as whole")
        except Closed:
            pass
    cut_for_http2("/cut-chunked", gates)


def block_of(*pairs, status="200"):
    return block((":status", status), *pairs)


MALFORMED = [
    ("no :status", block(("x", "y"))),
    (":status twice", block((":status", "200"), (":status", "200"))),
    ("a :status of two digits", block((":status", "20"))),
    (":status is no number", block((":status", "2x0"))),
    ("a pseudo-field of requests", block((":status", "200"), (":path", "/"))),
    ("a pseudo-field after a field", block(("x", "y"), (":status", "200"))),
    ("a name in upper case", block_of(("X-Upper", "y"))),
    ("a blank in a name", block_of(("x y", "z"))),
    ("an empty name", block_of(("", "z"))),
    ("a line end in a value", block_of(("x", "y\r\nevil: 1"))),
    ("NUL in a value", block_of(("x", "y\0z"))),
    ("Connection", block_of(("connection", "close"))),
    ("Transfer-Encoding", block_of(("transfer-encoding", "chunked"))),
    ("Content-Length is no number", block_of(("content-length", "1x"))),
    ("two different lengths", block_of(("content-length", "1"), ("content-length", "2"))),
    ("101", block_of(("upgrade", "x"), status="101")),
    ("a field over its limit", block_of(("x-long", "y" * 40000))),
    ("more fields than its limit", block_of(*((f"x-{i}", "y") for i in range(200)))),
]


@table("W6 malformed answer: {}: 502, and the connection goes on", [(name, i, data) for i, (name, data) in enumerate(MALFORMED)])
def _(i, data):
    path = f"/malformed{i}"

    def script(stream):
        parts = [data[at:at + 16000] for at in range(0, len(data), 16000)]
        for at, part in enumerate(parts):
            last = at + 1 == len(parts)
            stream.conn.send(frame(HEADERS if at == 0 else 9, (END_HEADERS if last else 0) | (END_STREAM if at == 0 else 0),
                                   stream.number, part))
    origin.on(path, script)
    expect_equal(ask(path).status, 502)
    origin.on("/still", lambda stream: stream.answer(b"here"))
    expect_equal(ask("/still").body, b"here")
    expect(origin.seen("/still")[-1].conn is origin.seen(path)[-1].conn, "another connection")


BROKEN = [
    ("a frame that is too long", lambda conn: conn.send(frame(DATA, 0, 1, b"", length=16777215))),
    ("a field block that does not decode", lambda conn: conn.send(frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff"))),
    ("PUSH_PROMISE", lambda conn: conn.send(frame(PUSH, END_HEADERS, 1, struct.pack("!I", 2) + block((":method", "GET"))))),
    ("HEADERS of a stream that nobody asked for", lambda conn: conn.send(frame(HEADERS, END_HEADERS, 2, block_of()))),
    ("a flood of PING", lambda conn: conn.send(frame(PING, 0, 0, bytes(8)) * 5000)),
    ("a flood of SETTINGS", lambda conn: conn.send(frame(SETTINGS) * 5000)),
    ("a flood of empty DATA", lambda conn: conn.send(frame(HEADERS, END_HEADERS, conn.last, block_of()) +
                                                     frame(DATA, 0, conn.last) * 5000)),
]


@table("a connection that brings {} ends; its request is 502 or cut; the next one has a new connection",
       [(name, i, script) for i, (name, script) in enumerate(BROKEN)])
def _(i, script):
    path = f"/broken{i}"

    def run(stream):
        stream.conn.last = stream.number
        script(stream.conn)
    origin.on(path, run)
    before = weir.metric("origin_http2_errors_total")
    with weir.site() as client:
        client.ask(path, method="POST", body=b"")
        got = client.end() if "empty" in BROKEN[i][0] else client.response()
        expect("empty" in BROKEN[i][0] or got.status == 502, got)
    expect_equal(weir.metric("origin_http2_errors_total"), before + 1)
    wait_until(lambda: origin.seen(path)[0].conn.over, "the end of the connection")
    origin.on("/still", lambda stream: stream.answer(b"here"))
    expect_equal(ask("/still").body, b"here")


@test("no SETTINGS within connect-timeout, or HTTP/1: 502 or 504, for all that waited")
def _():
    mute.on("/mute/a", lambda stream: None)
    expect(all(each in (502, 504) for each in together(3, lambda i: ask("/mute/a").status)))
    expect_equal(len(mute.connections), 1)
    expect_equal(ask("/raw/a").status, 502)


@test("no answer in time: 504, and a connection that said nothing is not used again")
def _():
    silent.on("/silent/a", lambda stream: None)
    expect_equal(ask("/silent/a").status, 504)
    first = silent.seen("/silent/a")[0]
    expect_equal(first.was_reset(), "CANCEL")
    silent.on("/silent/b", lambda stream: stream.answer(b"x"))
    expect_equal(ask("/silent/b").status, 200)
    expect(silent.seen("/silent/b")[0].conn is not first.conn, "the same connection")


@test("TLS: h2 is offered alone, and chosen; requests share the connection; :scheme is https")
def _():
    secure.on("/secure/a", lambda stream: stream.answer(stream.fields(":scheme").encode()))
    expect_equal(together(8, lambda i: ask("/secure/a").body), [b"https"] * 8)
    expect_equal(len(secure.connections), 1)
    expect_equal(secure.connections[0].sock.selected_alpn_protocol(), "h2")
    body = bytes(range(256)) * 3000
    secure.on("/secure/up", lambda stream: stream.answer(bytes(stream.body())))
    expect(ask("/secure/up", method="POST", body=body).body == body, "other bytes")


@test("TLS: a server that does not choose h2: 502, it never sees a request; the next one of the pool is tried")
def _():
    for _ in range(4):
        expect_equal(ask("/http1-only/a").status, 502)
    expect_in("does not choose HTTP/2", weir.stderr)
    expect_equal(weir.row("path = '/http1-only/a'")["end"], "origin-tls")
    secure.on("/mixed/a", lambda stream: stream.answer(b"found"))
    for _ in range(4):
        expect_equal(ask("/mixed/a").body, b"found")
    expect_equal(http1_only.requests + no_alpn.requests, [])


@test("nginx as the origin: answers, bodies of both directions, many at once")
def _():
    nginx.need()
    large = bytes(range(256)) * 16000
    nginx.dir.chmod(0o755)
    (nginx.dir / "nginx").mkdir()
    (nginx.dir / "nginx/large").write_bytes(large)
    plain.on("/nginx/post", lambda conn, request: conn.send(answer(b"%d" % len(conn.body()))))
    expect_equal(ask("/nginx/hello").body, b"hello")
    expect(all(each == large for each in together(6, lambda i: ask(f"/nginx/large?{i}").body)), "other bytes")
    expect_equal(ask("/nginx/post", method="POST", body=large).body, b"%d" % len(large))
    expect_equal(together(30, lambda i: ask(f"/nginx/hello?{i}").status), [200] * 30)


@test("a server that refuses connections: the next one of the pool")
def _():
    second.abandon()
    origin.on("/two/a", lambda stream: stream.answer(b"first"))
    for _ in range(4):
        expect_equal(ask("/two/a").body, b"first")


@test("an idle connection is closed after origin-idle-timeout, with GOAWAY")
def _():
    origin.on("/idle", lambda stream: stream.answer(b"x"))
    expect_equal(ask("/idle").status, 200)
    conn = origin.seen("/idle")[0].conn
    wait_until(lambda: conn.over, "its end")
    expect_equal(conn.gone, "NO_ERROR")
    expect_equal(ask("/idle").status, 200)


main(plain, shared, both, origin, secure, http1_only, no_alpn, nginx, silent, few, one, mute, second, raw, weir)
