#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 towards clients: streams, bodies, tunnels; what is malformed; floods. W10."""
import struct
import subprocess

from lib import *

authority = Authority()
www = authority.make("www", "DNS:www.test", "DNS:proxy.test")
origin = Origin()
tunnelled = Origin()
text = config(origin) + f"""
site secure.test www.test {{
    listen 127.0.0.4:0 tls cert {www}
    listen 127.0.0.5:0 http1 http2
    body-timeout 2s
    header-timeout 2s
    request-target-max 8KB
    route / {{ cache main; pool app }}
}}
forward tls {{
    listen 127.0.0.7:0 tls cert {www} http2
    connect {tunnelled.port}
    private deny except 127.0.0.0/8
    rules {{ deny path /denied
             allow all }}
}}
"""
weir = Weir(text)


def clear(**keys):
    return H2Client(weir.listener("site secure.test", 1), **keys)


def secure(**keys):
    return H2Client(weir.listener("site secure.test"), name="www.test", ca=authority.ca, **keys)


def curl(*words):
    host, port = weir.listener("site secure.test")
    done = subprocess.run(["curl", "-sS", "--cacert", authority.ca, "--resolve", f"www.test:{port}:{host}", *words,
                           "-w", "|%{http_version}|%{http_code}"], capture_output=True, text=True)
    return done.stdout + done.stderr, f"https://www.test:{port}"


@test("curl --http2: ALPN chooses it; the log says 2; a hit is a hit")
def _():
    origin.on("/a", fresh("hello", "X-Seen: yes"))
    out, base = curl("--version")
    out, _ = curl("--http2", base + "/a")
    expect_equal(out, "hello|2|200")
    out, _ = curl("--http2", base + "/a", "-D-")
    expect_in("hit", out)
    expect_in("x-seen: yes", out)
    expect("connection:" not in out.lower() and "transfer-encoding" not in out.lower(), out)
    expect_equal(len(weir.rows("path = '/a' AND http = '2' AND tls = '1.3'", count=2)), 2)
    expect_in("2 ", origin.requests[-1].field("Via"))
    expect_equal(origin.requests[-1].field("X-Forwarded-Host"), origin.requests[-1].field("Host"))


@test("curl --http1.1 goes on as before on the same listener")
def _():
    origin.on("/one", answer("x"))
    _, base = curl("--version")
    expect_equal(curl("--http1.1", base + "/one")[0], "x|1.1|200")


@test("h2c by prior knowledge beside HTTP/1 on one listener")
def _():
    origin.on("/h2c", answer("both"))
    host, port = weir.listener("site secure.test", 1)
    for words, version in (("--http2-prior-knowledge", "2"), ("--http1.1", "1.1")):
        done = subprocess.run(["curl", "-sS", words, "--resolve", f"www.test:{port}:{host}", f"http://www.test:{port}/h2c",
                               "-w", "|%{http_version}"], capture_output=True, text=True)
        expect_equal(done.stdout, f"both|{version}", done.stderr)


@test("a plain listener that does not say http2 takes the preface for the bad request it is")
def _():
    with weir.site() as client:
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        expect_in(b" 505 ", client.end())


@test("many streams at once, each with its own answer")
def _():
    for i in range(40):
        origin.on(f"/many{i}", answer(f"body {i} " * (i * 50 + 1)))
    with clear() as client:
        streams = [client.ask(f"/many{i}") for i in range(40)]
        for i, stream in enumerate(streams):
            got = client.answer(stream)
            expect_equal((got.status, got.body), (200, (f"body {i} " * (i * 50 + 1)).encode()), f"stream {stream}")


@test("a request body goes up by pull, whole, with its length and without")
def _():
    body = bytes(range(256)) * 4000
    seen = {}

    def take(conn, request):
        seen["body"] = conn.body()
        conn.send(answer("taken"))
    origin.on("/up", take)
    for fields in ((), (("content-length", str(len(body))),)):
        with clear() as client:
            client.step()
            stream = client.ask("/up", *fields, method="POST", end=False)
            room, at = {0: 65535, stream: 131072}, 0  # as the SETTINGS say
            while at < len(body):  # as the windows allow
                piece = body[at:at + 16000]
                while min(room.values()) < len(piece):
                    got = client.step()
                    if got.kind == 8:
                        room[got.stream] += struct.unpack("!I", got.payload)[0]
                client.data(stream, piece, end=at + len(piece) == len(body))
                at += len(piece)
                room = {each: left - len(piece) for each, left in room.items()}
            expect_equal(client.answer(stream).body, b"taken")
        expect(seen["body"] == body, "other bytes")
        expect_equal("Content-Length" in origin.requests[-1].fields, bool(fields))


@test("an origin that does not read stops the client by its window; memory is bounded")
def _():
    gate = Gate()

    def slow(conn, request):
        gate.wait()
        conn.body()
        conn.send(answer("late"))
    origin.on("/slow-up", slow)
    with clear() as client:
        stream = client.ask("/slow-up", method="POST", end=False)
        sent = 0
        for _ in range(65535 // 15000):
            client.data(stream, b"x" * 15000, end=False)
            sent += 15000
        gate.open()
        client.data(stream, b"")
        expect_equal(client.answer(stream).body, b"late")


@test("trailers of the origin come as a last HEADERS; those of the client reach the origin")
def _():
    origin.on("/trailers", head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: x-sum") +
              chunks("abc", "def", trailers=("X-Sum: 6",)))
    with clear() as client:
        got = client.get("/trailers", method="OPTIONS")
        expect_equal((got.status, got.body, got.heads), (200, b"abcdef", 2))
        expect(got.trailers, "no trailers")
    origin.on("/up-trailers", lambda conn, request: (conn.body(), conn.send(answer("ok"))))
    with clear() as client:
        stream = client.ask("/up-trailers", method="POST", end=False)
        client.data(stream, "abc", end=False)
        client.send(frame(1, 5, stream, block(("x-sum", "3"))))
        expect_equal(client.answer(stream).body, b"ok")
    expect_equal(origin.requests[-1].trailers("X-Sum"), "3")


@test("chunks larger than a frame come through whole, both ways")
def _():
    body = bytes(range(256)) * 1000
    origin.on("/large-chunks", head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunks(body[:100000], body[100000:]))
    with clear() as client:
        for _ in range(3):
            expect(client.get("/large-chunks", method="OPTIONS").body == body, "other bytes")


@test("nothing is sent beyond the client's window, and it goes on when that opens")
def _():
    origin.on("/window", answer("w" * 50000))
    with clear(window=1000) as client:
        stream = client.ask("/window")
        while len(client.seen(stream).body) < 1000:
            client.step(give=False)
        client.send(frame(6, 0, 0, b"12345678"))
        while client.step(give=False).kind != 6:
            pass
        expect_equal(len(client.answers[stream].body), 1000)
        client.send(frame(8, 0, stream, struct.pack("!I", 100000)))
        expect_equal(len(client.answer(stream).body), 50000)


@test("W10.4 a client that never opens its window is reset after the time of a body")
def _():
    origin.on("/stall", answer("s" * 5000))
    with clear(window=10) as client:
        stream = client.ask("/stall")
        while client.seen(stream).error is None:
            client.step(give=False)
        expect_equal(client.answers[stream].error, "CANCEL")
    expect_equal(weir.row("path = '/stall'")["end"], "client-timeout")
    expect(weir.metric("http2_stalled_total") >= 1)


@test("HEAD, 204 and 304 have no DATA; Expect: 100-continue is answered")
def _():
    origin.on("/head", answer("four"))
    origin.on("/none", head("HTTP/1.1 204 No Content"))
    origin.on("/expect", lambda conn, request: (conn.body(), conn.send(answer("got"))))
    with clear() as client:
        got = client.get("/head", method="HEAD")
        expect_equal((got.status, got.body, got.ended), (200, b"", True))
        expect_equal(client.get("/none").status, 204)
        stream = client.ask("/expect", ("expect", "100-continue"), method="POST", end=False)
        while not client.seen(stream).interim:
            client.step()
        expect_equal(client.answers[stream].interim, [100])
        client.data(stream, "x")
        expect_equal(client.answer(stream).body, b"got")


BASE = [(":method", "GET"), (":scheme", "http"), (":authority", "www.test"), (":path", "/bad")]
MALFORMED = [
    ("no :method", BASE[1:]), ("no :path", BASE[:3]), ("no :scheme", [BASE[0], *BASE[2:]]),
    ("two :path", [*BASE, (":path", "/bad")]), ("unknown pseudo field", [*BASE[:3], (":foo", "x"), BASE[3]]),
    ("late pseudo field", [*BASE[:3], ("a", "b"), BASE[3]]), ("upper case", [*BASE, ("Abc", "x")]),
    ("name that is no token", [*BASE, ("a b", "x")]), ("empty name", [*BASE, ("", "x")]),
    ("NUL in a value", [*BASE, ("a", "x\0y")]), ("CR in a value", [*BASE, ("a", "x\ry")]), ("LF in a value", [*BASE, ("a", "x\ny")]),
    ("connection", [*BASE, ("connection", "close")]), ("keep-alive", [*BASE, ("keep-alive", "1")]),
    ("proxy-connection", [*BASE, ("proxy-connection", "x")]), ("transfer-encoding", [*BASE, ("transfer-encoding", "chunked")]),
    ("upgrade", [*BASE, ("upgrade", "h2c")]), ("te", [*BASE, ("te", "gzip")]), ("content-length without DATA", [*BASE, ("content-length", "5")]),
    (":status in a request", [*BASE, (":status", "200")]), ("empty :path", [*BASE[:3], (":path", "")]),
    ("content-length that is no number", [*BASE, ("content-length", "5x")]),
]


@table("W10.1 {}: reset, or 400, and nothing reaches the origin", [(name, pairs) for name, pairs in MALFORMED])
def _(pairs):
    origin.on("/bad", answer("reached"))
    before = origin.count("/bad")
    with clear() as client:
        got = client.answer(client.headers(*pairs))
        expect(got.error == "PROTOCOL_ERROR" or got.status == 400, repr(got))
        origin.on("/good", answer("still here"))
        expect_equal(client.get("/good").body, b"still here")
    expect_equal(origin.count("/bad"), before)


@test("W10.1 content-length that differs from the DATA received; pseudo fields in trailers")
def _():
    origin.on("/length", lambda conn, request: (conn.body(), conn.send(answer("whole"))))
    with clear() as client:
        stream = client.ask("/length", ("content-length", "5"), method="POST", end=False)
        client.data(stream, "123")
        expect_equal(client.answer(stream).error, "PROTOCOL_ERROR")
        stream = client.ask("/length", method="POST", end=False)
        client.data(stream, "123", end=False)
        client.send(frame(1, 5, stream, block((":path", "/x"))))
        expect_equal(client.answer(stream).error, "PROTOCOL_ERROR")
    expect(not any(getattr(each, "complete", False) for each in origin.requests if each.target == "/length"), "a whole request came")


@table("W10.2 {}: 400", [
    ("userinfo", (":authority", "u@www.test"), ()), ("Host unlike :authority", (":authority", "www.test"), (("host", "other.test"),)),
    ("fragment", (":path", "/a#b"), ()), ("space in the path", (":path", "/a b"), ()), ("raw non-ASCII", (":path", "/\xe4"), ()),
    ("bad escape", (":path", "/%zz"), ()), ("method that is no token", (":method", "G T"), ()), ("path that is none", (":path", "x"), ()),
    ("bad port", (":authority", "www.test:99999"), ()), ("list of hosts", (":authority", "a.test,b.test"), ())])
def _(change, more):
    pairs = [change if each[0] == change[0] else each for each in BASE]
    with clear() as client:
        got = client.answer(client.headers(*pairs, *more))
        expect(got.status == 400 or got.error == "PROTOCOL_ERROR", repr(got))


@test("W10.2 cookies are joined; the scheme must be the connection's; target limit 414, head limit 431")
def _():
    origin.on("/cookies", answer("x"))
    with clear() as client:
        client.get("/cookies", ("cookie", "a=1"), ("cookie", "b=2"))
        expect_equal(origin.requests[-1].fields.all("Cookie"), ["a=1; b=2"])
        client.get("/cookies", ("cookie", ""), ("cookie", "a=1"), ("cookie", ""), ("cookie", "b=2"), ("cookie", ""))
        expect_equal(origin.requests[-1].fields.all("Cookie"), ["a=1; b=2"], "empty ones are nothing")
        expect_equal(client.get("/", scheme="https").status, 421)
        expect_equal(client.get("/" + "x" * 9000).status, 414)
        expect_equal(client.get("/", *[(f"x-{i}", "y") for i in range(200)]).status, 431)
        expect_equal(client.get("/cookies").status, 200, "the connection goes on")


@test("W10.3 W6.4 an origin that cuts: RST_STREAM, never END_STREAM; other streams go on")
def _():
    gate = Gate()
    origin.on("/cut", lambda conn, request: (conn.send(head("HTTP/1.1 200 OK", "Content-Length: 1000"), "part"), gate.wait(), conn.close()))
    origin.on("/whole", answer("whole"))
    with clear() as client:
        cut = client.ask("/cut")
        while not client.seen(cut).body:
            client.step()
        gate.open()
        got = client.answer(cut)
        expect_equal((got.ended, got.error), (False, "INTERNAL_ERROR"))
        expect_equal(client.get("/whole").body, b"whole")


@table("W10.3 {}: GOAWAY", [
    ("DATA on stream 0", frame(0, 0, 0, b"x"), "PROTOCOL_ERROR"), ("HEADERS on an even stream", frame(1, 5, 2, block(*BASE)), "PROTOCOL_ERROR"),
    ("bad HPACK", frame(1, 5, 1, b"\xff\xff\xff\xff\xff"), "COMPRESSION_ERROR"), ("PING of 7 bytes", frame(6, 0, 0, b"1234567"), "FRAME_SIZE_ERROR"),
    ("SETTINGS of 5 bytes", frame(4, 0, 0, b"12345"), "FRAME_SIZE_ERROR"), ("frame over its size", frame(0, 0, 1, b"", length=100000), "FRAME_SIZE_ERROR"),
    ("CONTINUATION alone", frame(9, 4, 1, b""), "PROTOCOL_ERROR"), ("PUSH_PROMISE", frame(5, 4, 1, b"\0\0\0\2"), "PROTOCOL_ERROR"),
    ("connection window beyond 2^31", frame(8, 0, 0, struct.pack("!I", 0x7fffffff)), "FLOW_CONTROL_ERROR"),
    ("window update of 0", frame(8, 0, 0, b"\0\0\0\0"), "PROTOCOL_ERROR"), ("RST_STREAM of an idle stream", frame(3, 0, 77, b"\0\0\0\0"), "PROTOCOL_ERROR")])
def _(bytes_, error):
    with clear() as client:
        client.send(bytes_)
        expect_equal(client.until_gone(), error)


@table("W10.4 {} flood: GOAWAY ENHANCE_YOUR_CALM, a row, a count", [
    ("ping", "h2-ping-flood", lambda i: frame(6, 0, 0, b"12345678")),
    ("settings", "h2-settings-flood", lambda i: frame(4, 0, 0, b"")),
    ("priority", "h2-priority-flood", lambda i: frame(2, 0, 2 * i + 1, b"\0\0\0\0\x10")),
    ("rapid reset", "h2-reset-flood", lambda i: frame(1, 5, 2 * i + 1, block(*BASE)) + frame(3, 0, 2 * i + 1, b"\0\0\0\x08")),
    ("malformed request", "h2-reset-flood", lambda i: frame(1, 5, 2 * i + 1, block(*BASE, ("te", "gzip")))),
])
def _(end, piece):
    before = weir.metric("http2_floods_total")
    origin.on("/bad", answer("x"))
    with clear() as client:
        for i in range(3000):
            if not client.send(piece(i)):
                break
        try:
            expect_in(client.until_gone(), ("ENHANCE_YOUR_CALM", None))
        except ConnectionError:
            pass
    wait_until(lambda: weir.metric("http2_floods_total") > before, "the flood to be counted")
    weir.row(f"\"end\" = '{end}'")


@test("W10.4 empty DATA flood and CONTINUATION flood")
def _():
    origin.on("/empty", lambda conn, request: (conn.body(), conn.send(answer("x"))))
    before = weir.metric("http2_floods_total")
    with clear() as client:
        stream = client.ask("/empty", method="POST", end=False)
        for _ in range(2000):
            client.data(stream, b"", end=False)
        expect_in(client.until_gone(), ("ENHANCE_YOUR_CALM", None))
    with clear() as client:
        client.send(frame(1, 1, 1, block(*BASE)))
        for _ in range(200):
            client.send(frame(9, 0, 1, literal("a", "b" * 100)))
        client.until_gone()
    wait_until(lambda: weir.metric("http2_floods_total") >= before + 2, "both to be counted")


@test("W10.4 streams at once are bounded: more are refused, and may be asked again")
def _():
    gate = Gate()
    origin.on("/hold", lambda conn, request: (gate.wait(), conn.send(answer("held"))))
    with clear() as client:
        streams = [client.ask("/hold", ("x-number", str(i))) for i in range(110)]
        refused = [client.answer(stream) for stream in streams[100:]]
        expect(all(each.error == "REFUSED_STREAM" for each in refused), repr(refused[:2]))
        gate.open()


@test("W10.4 a reset stream stops its request at the origin; W9.7 the connection goes on")
def _():
    ended = Gate()

    def watch(conn, request):
        conn.send(head("HTTP/1.1 200 OK", "Content-Length: 100000000"), "x" * 1000)
        try:
            while True:
                conn.send("x" * 100000)
        except OSError:
            ended.open()
    origin.on("/endless", watch)
    origin.on("/after", answer("fine"))
    with clear() as client:
        stream = client.ask("/endless", method="POST")
        while not client.seen(stream).status:
            client.step(give=False)
        client.send(frame(3, 0, stream, b"\0\0\0\x08"))
        ended.wait()
        expect_equal(client.get("/after").body, b"fine")


@test("W9.1 a head that never ends is cut at its time")
def _():
    with clear() as client:
        client.send(frame(1, 1, 1, block(*BASE)))
        client.until_gone()


@test("CONNECT over HTTP/2 through a forward over TLS: bytes both ways, half-close each way")
def _():
    def script(conn, request):
        conn.send(answer("in the tunnel"))
    tunnelled.on("/t", script)
    with H2Client(weir.listener("forward tls"), name="proxy.test", ca=authority.ca) as client:
        stream = client.headers((":method", "CONNECT"), (":authority", tunnelled.name), end=False)
        client.data(stream, f"GET /t HTTP/1.1\r\nHost: {tunnelled.name}\r\nConnection: close\r\n\r\n", end=False)
        while b"in the tunnel" not in client.seen(stream).body:
            client.step()
        expect_equal(client.answers[stream].status, 200)
        client.data(stream)
        got = client.answer(stream)
        expect(got.ended, repr(got))
        refused = client.answer(client.headers((":method", "CONNECT"), (":authority", "127.0.0.1:1"), end=False))
        expect_equal(refused.status, 403)
        bad = client.answer(client.headers((":method", "CONNECT"), (":authority", "127.0.0.1"), end=False))
        expect_equal(bad.status, 400)
    row = weir.row("kind = 'tunnel' AND status = 200")
    expect_equal((row["http"], row["tls"], row["sni"]), ("2", "1.3", "proxy.test"))


@test("plain http through a forward over h2")
def _():
    tunnelled.on("/fwd", answer("forwarded"))
    with H2Client(weir.listener("forward tls"), name="proxy.test", ca=authority.ca) as client:
        expect_equal(client.get("/fwd", host=tunnelled.name).body, b"forwarded")
        expect_equal(client.get("/denied", host=tunnelled.name).status, 403)


@test("nghttp and h2load are content")
def _():
    origin.on("/load", fresh("x" * 1000))
    host, port = weir.listener("site secure.test", 1)
    done = subprocess.run(["nghttp", "-nv", f"http://{host}:{port}/load", "-H", ":authority: www.test"], capture_output=True, text=True)
    expect_in(":status: 200", done.stdout)
    done = subprocess.run(["h2load", "-n", "2000", "-c", "10", "-m", "20", f"http://{host}:{port}/load", "-H", ":authority: www.test"],
                          capture_output=True, text=True)
    expect_in("2000 succeeded, 0 failed", done.stdout)


@test("W11.5 a stop says GOAWAY and lets streams under way end")
def _():
    gate = Gate()
    origin.on("/last", lambda conn, request: (gate.wait(), conn.send(answer("last words"))))
    with clear() as client:
        stream = client.ask("/last", method="POST")
        wait_until(lambda: origin.count("/last") == 1, "the request")
        weir.ctl("stop")
        while client.gone is None:
            client.step()
        expect_equal(client.gone, "NO_ERROR")
        gate.open()
        expect_equal(client.answer(stream).body, b"last words")


main(origin, tunnelled, weir)
