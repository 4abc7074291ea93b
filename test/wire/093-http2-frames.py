#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""RFC 9113, sections 3 to 8, frame by frame: what a server must do with each. W10.1, W10.3, W10.4."""
import queue
import socket
import struct

from lib import *
from lib.http2 import DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, PREFACE, number

origin, tunnelled = Origin(), Origin(tunnel=lambda conn: ends.put(conn_end(conn)))
ends = queue.SimpleQueue()
text = config(origin) + f"""
forward tunnels {{
    listen 127.0.0.6:0 http2
    connect {tunnelled.port}
    private deny except 127.0.0.0/8
    rules {{ allow all }}
}}""" + """
site frames.test www.test {
    listen 127.0.0.5:0 http1 http2
    body-timeout 2s
    header-timeout 2s
    rules { deny path /denied
            allow all }
    route / { cache main; pool app }
}
"""
weir = Weir(text, clock=True)


def conn_end(conn):
    """How a tunnel ends for its origin, which says hello first."""
    conn.send("hello")
    try:
        conn.sock.settimeout(DEADLINE)
        while conn.sock.recv(1000):
            pass
        return "end"
    except ConnectionResetError:
        return "reset"


END, ACK, HEAD, PADDED, PRIO = 1, 1, 4, 8, 32
CALM = "ENHANCE_YOUR_CALM"
FIELDS = [(":method", "GET"), (":scheme", "http"), (":authority", "www.test"), (":path", "/a")]
GET = block(*FIELDS)
POST = block((":method", "POST"), (":scheme", "http"), (":authority", "www.test"), (":path", "/post"))


def client(**keys):
    return H2Client(weir.listener("site frames.test"), **keys)


def u32(value):
    return struct.pack("!I", value)


def setting(name, value):
    return struct.pack("!HI", name, value)


def origins():
    origin.on("/a", answer("a"))
    origin.on("/post", lambda conn, request: (conn.body(), conn.send(answer("posted"))))


def serves(conn):
    """The connection goes on: a further request is answered."""
    origins()
    conn.next = max(conn.next, 101)
    expect_equal(conn.get("/a").body, b"a")


ask1 = frame(HEADERS, HEAD | END, 1, GET)
post1 = frame(HEADERS, HEAD, 1, POST)

# What comes after the preface, and the error of the GOAWAY that it must bring.
CONNECTION_ERRORS = [
    ("3.4 SETTINGS do not come first", None, "PROTOCOL_ERROR"),
    ("4.2 a frame longer than SETTINGS_MAX_FRAME_SIZE", frame(DATA, 0, 1, b"", length=16385), "FRAME_SIZE_ERROR"),
    ("4.3 a field block that does not decode", frame(HEADERS, HEAD | END, 1, b"\xff\xff\xff\xff\xff"), "COMPRESSION_ERROR"),
    ("4.3 an index that no table has", frame(HEADERS, HEAD | END, 1, b"\xfe"), "COMPRESSION_ERROR"),
    ("4.3.1 a dynamic table above the limit", frame(HEADERS, HEAD | END, 1, number(65536, 5, 0x20) + GET), "COMPRESSION_ERROR"),
    ("4.3 a field block on a stream that was reset is still decoded",
     ask1 + frame(RST_STREAM, 0, 1, u32(8)) + frame(HEADERS, HEAD | END, 3, b"\xff\xff\xff\xff\xff"), "COMPRESSION_ERROR"),
    ("5.1 DATA on an idle stream", frame(DATA, END, 1, b"x"), "PROTOCOL_ERROR"),
    ("5.1 RST_STREAM on an idle stream", frame(RST_STREAM, 0, 1, u32(8)), "PROTOCOL_ERROR"),
    ("5.1 WINDOW_UPDATE on an idle stream", frame(WINDOW_UPDATE, 0, 1, u32(1)), "PROTOCOL_ERROR"),
    ("5.1 CONTINUATION on an idle stream", frame(CONTINUATION, HEAD, 1, GET), "PROTOCOL_ERROR"),
    ("5.1.1 a stream with an even number", frame(HEADERS, HEAD | END, 2, GET), "PROTOCOL_ERROR"),
    ("5.5 an unknown frame within a field block", frame(HEADERS, END, 1, GET) + frame(99, 0, 1, b"x"), "PROTOCOL_ERROR"),
    ("6.1 DATA on stream 0", frame(DATA, 0, 0, b"x"), "PROTOCOL_ERROR"),
    ("6.1 DATA with more padding than frame", post1 + frame(DATA, PADDED, 1, b"\x06abcde"), "PROTOCOL_ERROR"),
    ("6.1 padded DATA without a length", post1 + frame(DATA, PADDED, 1, b""), ("PROTOCOL_ERROR", "FRAME_SIZE_ERROR")),
    ("6.2 HEADERS on stream 0", frame(HEADERS, HEAD | END, 0, GET), "PROTOCOL_ERROR"),
    ("6.2 HEADERS with more padding than frame", frame(HEADERS, HEAD | END | PADDED, 1, b"\xff" + GET), "PROTOCOL_ERROR"),
    ("6.2 HEADERS within another field block", frame(HEADERS, END, 1, GET) + frame(HEADERS, HEAD | END, 3, GET), "PROTOCOL_ERROR"),
    ("6.3 PRIORITY on stream 0", frame(PRIORITY, 0, 0, b"\0\0\0\1\0"), "PROTOCOL_ERROR"),
    ("6.4 RST_STREAM on stream 0", frame(RST_STREAM, 0, 0, u32(8)), "PROTOCOL_ERROR"),
    ("6.4 RST_STREAM of 3 bytes", ask1 + frame(RST_STREAM, 0, 1, b"\0\0\0"), "FRAME_SIZE_ERROR"),
    ("6.5 SETTINGS ACK with a payload", frame(SETTINGS, ACK, 0, setting(3, 1)), "FRAME_SIZE_ERROR"),
    ("6.5 SETTINGS on a stream", frame(SETTINGS, 0, 1, setting(3, 1)), "PROTOCOL_ERROR"),
    ("6.5 SETTINGS of 5 bytes", frame(SETTINGS, 0, 0, b"12345"), "FRAME_SIZE_ERROR"),
    ("6.5.2 ENABLE_PUSH 2", frame(SETTINGS, 0, 0, setting(2, 2)), "PROTOCOL_ERROR"),
    ("6.5.2 INITIAL_WINDOW_SIZE over 2^31-1", frame(SETTINGS, 0, 0, setting(4, 1 << 31)), "FLOW_CONTROL_ERROR"),
    ("6.5.2 MAX_FRAME_SIZE below 2^14", frame(SETTINGS, 0, 0, setting(5, 16383)), "PROTOCOL_ERROR"),
    ("6.5.2 MAX_FRAME_SIZE above 2^24-1", frame(SETTINGS, 0, 0, setting(5, 1 << 24)), "PROTOCOL_ERROR"),
    ("6.6 PUSH_PROMISE of a client", post1 + frame(5, HEAD, 1, u32(2) + GET), "PROTOCOL_ERROR"),
    ("6.7 PING on a stream", frame(PING, 0, 1, b"12345678"), "PROTOCOL_ERROR"),
    ("6.7 PING of 7 bytes", frame(PING, 0, 0, b"1234567"), "FRAME_SIZE_ERROR"),
    ("6.8 GOAWAY on a stream", frame(GOAWAY, 0, 1, u32(0) + u32(0)), "PROTOCOL_ERROR"),
    ("6.9 WINDOW_UPDATE of 3 bytes", frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), "FRAME_SIZE_ERROR"),
    ("6.9 a connection window update of 0", frame(WINDOW_UPDATE, 0, 0, u32(0)), "PROTOCOL_ERROR"),
    ("6.9.1 a connection window over 2^31-1", frame(WINDOW_UPDATE, 0, 0, u32(0x7fffffff)), "FLOW_CONTROL_ERROR"),
    ("6.10 CONTINUATION after a head that is whole", frame(HEADERS, HEAD, 1, POST) + frame(CONTINUATION, HEAD, 1, block(("a", "b"))),
     "PROTOCOL_ERROR"),
    ("6.10 CONTINUATION on stream 0", frame(CONTINUATION, HEAD, 0, GET), "PROTOCOL_ERROR"),
    ("6.10 CONTINUATION of another stream", frame(HEADERS, END, 1, GET) + frame(CONTINUATION, HEAD, 3, GET), "PROTOCOL_ERROR"),
    ("6.10 DATA within a field block", frame(HEADERS, 0, 1, POST) + frame(DATA, END, 1, b"x"), "PROTOCOL_ERROR"),
    ("6.10 PING within a field block", frame(HEADERS, 0, 1, POST) + frame(PING, 0, 0, b"12345678"), "PROTOCOL_ERROR"),
]


@table("W10.3 9113 {}: GOAWAY, counted, and a row", CONNECTION_ERRORS)
def _(bytes_, error):
    origins()
    before = weir.metric("http2_errors_total")
    with client(start=bytes_ is not None) as conn:
        conn.send(bytes_ if bytes_ is not None else PREFACE + frame(PING, 0, 0, b"12345678"))
        expect_in(conn.until_gone(), error if isinstance(error, tuple) else (error,))
    expect_equal(weir.metric("http2_errors_total"), before + 1)


@test("W10.3 the row of a connection error")
def _():
    weir.row("\"end\" = 'h2-error' AND kind = 'connection' AND http = '2'")


# On stream 1; the error it must be reset with. The connection goes on.
STREAM_ERRORS = [
    ("5.1 DATA after END_STREAM", frame(DATA, 0, 1, b"x"), ask1, "STREAM_CLOSED"),
    ("5.1 HEADERS after END_STREAM", frame(HEADERS, HEAD | END, 1, block(("a", "b"))), ask1, "STREAM_CLOSED"),
    ("6.3 PRIORITY of 4 bytes", frame(PRIORITY, 0, 1, b"\0\0\0\0"), post1, "FRAME_SIZE_ERROR"),
    ("6.9 a window update of 0", frame(WINDOW_UPDATE, 0, 1, u32(0)), post1, "PROTOCOL_ERROR"),
    ("6.9.1 a window over 2^31-1", frame(WINDOW_UPDATE, 0, 1, u32(0x7fffffff)), post1, "FLOW_CONTROL_ERROR"),
    ("8.1 trailers without END_STREAM", frame(HEADERS, HEAD, 1, block(("a", "b"))), post1, "PROTOCOL_ERROR"),
    ("8.1 pseudo fields in trailers", frame(HEADERS, HEAD | END, 1, block((":path", "/"))), post1, "PROTOCOL_ERROR"),
    ("8.2 upper case in trailers", frame(HEADERS, HEAD | END, 1, block(("A", "b"))), post1, "PROTOCOL_ERROR"),
]


@table("W10.1 9113 {}: the stream is reset, or the connection ends; nothing whole reaches the origin",
       [(name, opening + bytes_, error) for name, bytes_, opening, error in STREAM_ERRORS])
def _(bytes_, error):
    gate = Gate()
    origin.on("/a", lambda conn, request: (gate.wait(), conn.send(answer("a"))))
    whole = []
    origin.on("/post", lambda conn, request: (conn.body(), whole.append(1), conn.send(answer("posted"))))
    try:
        with client() as conn:
            conn.send(bytes_)
            conn.next = 101
            while conn.seen(1).error is None and conn.gone is None:
                conn.step()
            got = conn.seen(1).error or conn.gone
            expect_equal(got, error)
            if conn.gone is None:
                gate.open()
                serves(conn)
    finally:
        gate.open()
    expect_equal(whole, [])


# What must be taken.
@test("9113 5.5 6.5.2: unknown frames, settings and flags are passed over")
def _():
    origins()
    with client(settings=[(0x4a4a, 7)]) as conn:
        conn.send(frame(0x4a, 0xff, 0, b"grease"), frame(0x4b, 0, 1, b""), frame(SETTINGS, 0, 0, setting(0xfafa, 1)),
                  frame(HEADERS, HEAD | END | 0x82, 1, GET))
        expect_equal(conn.answer(1).body, b"a")


@test("9113 6.5.3 6.7: SETTINGS and PING are acknowledged, the ping with what it had; acknowledgments are not")
def _():
    with client() as conn:
        conn.send(frame(PING, 0, 0, b"payload8"), frame(PING, ACK, 0, b"unasked!"), frame(SETTINGS, 0, 0, setting(3, 7)),
                  frame(PING, 0, 0, b"the last"))
        seen = []
        while not seen or seen[-1].payload != b"the last":
            seen.append(conn.step())
        expect_equal([each.payload for each in seen if each.kind == PING], [b"payload8", b"the last"])
        expect_equal(sum(1 for each in seen if each.kind == SETTINGS and each.flags & ACK), 2)


@test("9113 6.1 6.2: padding and priority fields are taken off; padding counts for the windows")
def _():
    taken = []
    origin.on("/post", lambda conn, request: (taken.append(conn.body()), conn.send(answer("posted"))))
    with client() as conn:
        conn.send(frame(HEADERS, HEAD | PADDED | PRIO, 1, b"\x05" + b"\0\0\0\0\x10" + POST + bytes(5)))
        for count in (400, 200):  # 256 bytes of padding each: more than the window of the stream
            for _ in range(count):
                conn.send(frame(DATA, PADDED, 1, b"\xff" + b"x" + bytes(255)))
            while count == 400 and not any(each.kind == WINDOW_UPDATE and each.stream == 1 for each in [conn.step()]):
                pass
        conn.send(frame(DATA, END, 1, b""))
        expect_equal(conn.answer(1).body, b"posted")
    expect_equal(taken, [b"x" * 600])


@test("9113 4.3: a head in many CONTINUATIONs, a byte each")
def _():
    origins()
    with client() as conn:
        conn.send(frame(HEADERS, END, 1, GET[:40]), *[frame(CONTINUATION, 0, 1, GET[i:i + 10]) for i in range(40, len(GET), 10)],
                  frame(CONTINUATION, HEAD, 1, b""))
        expect_equal(conn.answer(1).body, b"a")


@test("9113 6.9.2: a window that SETTINGS make negative is waited for until it is positive")
def _():
    origin.on("/wide", answer("w" * 3000))
    with client(window=1000) as conn:
        conn.send(frame(HEADERS, HEAD | END, 1, block(*FIELDS[:3], (":path", "/wide"))))
        while len(conn.seen(1).body) < 1000:
            conn.step(give=False)
        conn.send(frame(SETTINGS, 0, 0, setting(4, 0)), frame(WINDOW_UPDATE, 0, 1, u32(1000)), frame(PING, 0, 0, b"12345678"))
        while conn.step(give=False).kind != PING:
            pass
        expect_equal(len(conn.seen(1).body), 1000, "the window was -1000 + 1000")
        conn.send(frame(WINDOW_UPDATE, 0, 1, u32(5)))
        while len(conn.seen(1).body) == 1000:
            conn.step(give=False)
        expect_equal(len(conn.seen(1).body), 1005)
        conn.send(frame(SETTINGS, 0, 0, setting(4, 100000)))
        expect_equal(len(conn.answer(1).body), 3000)


@test("9113 6.9.1: more DATA than the window of weir allows")
def _():
    gate = Gate()
    origin.on("/post", lambda conn, request: (gate.wait(), conn.body(), conn.send(answer("posted"))))
    with client() as conn:
        conn.send(post1)
        conn.send(*[frame(DATA, 0, 1, b"x" * 16384) for _ in range(200)])
        while conn.gone is None and conn.seen(1).error is None:
            try:
                conn.step()
            except (Closed, ConnectionError):
                break
        expect_in(conn.gone or conn.seen(1).error, ("FLOW_CONTROL_ERROR", None))
    gate.open()


@test("9113 6.8: after the client's GOAWAY its streams are still answered")
def _():
    gate = Gate()
    origin.on("/goaway", lambda conn, request: (gate.wait(), conn.send(answer("all the same"))))
    with client() as conn:
        stream = conn.ask("/goaway", method="OPTIONS")
        conn.send(frame(GOAWAY, 0, 0, u32(0) + u32(0)))
        gate.open()
        expect_equal(conn.answer(stream).body, b"all the same")
        conn.until_gone()


def pinged(conn):
    """All that was sent has been taken in."""
    conn.send(frame(PING, 0, 0, b"a marker"))
    while not (got := conn.step()).kind == PING or got.payload != b"a marker":
        yield got


@test("9113 5.1 6.9: WINDOW_UPDATE, RST_STREAM and PRIORITY on a stream that is over, PRIORITY on an idle one: taken, nothing comes of them")
def _():
    origins()
    with client() as conn:
        expect_equal(conn.get("/a").body, b"a")
        conn.send(frame(WINDOW_UPDATE, 0, 1, u32(10)), frame(PRIORITY, 0, 1, b"\0\0\0\0\x10"), frame(RST_STREAM, 0, 1, u32(8)),
                  frame(PRIORITY, 0, 55, b"\0\0\0\0\x10"))
        expect_equal([each for each in pinged(conn) if each.kind in (RST_STREAM, GOAWAY)], [])
        serves(conn)


@test("9113 5.1: HEADERS or DATA on a stream that is over are no request, and end no other")
def _():
    origins()
    for bytes_ in (frame(HEADERS, HEAD | END, 1, GET), frame(DATA, END, 1, b"x")):
        with client() as conn:
            expect_equal(conn.get("/a").body, b"a")
            before = origin.count("/a")
            conn.send(bytes_)
            told = [each.error for each in pinged_or_gone(conn) if each.kind in (RST_STREAM, GOAWAY)]
            expect_in(told, ([], ["STREAM_CLOSED"]))
            expect_equal((origin.count("/a"), [each for each in conn.answers if each > 1]), (before, []))


def pinged_or_gone(conn):
    try:
        yield from pinged(conn)
    except (Closed, ConnectionError):
        pass
    except TimeoutError:
        raise Failure("neither an answer nor an end") from None


@test("9113 5.4.2 7: a RST_STREAM is not answered by one, whatever its code; the connection goes on")
def _():
    gate = Gate()
    origin.on("/never", lambda conn, request: (gate.wait(), conn.close()))
    with client() as conn:
        for code in (0, 1, 8, 0x4a4a4a4a, 0xffffffff):
            stream = conn.ask("/never", method="OPTIONS")
            conn.send(frame(RST_STREAM, 0, stream, u32(code)))
            expect_equal([each for each in pinged(conn) if each.kind in (RST_STREAM, GOAWAY) or each.stream == stream], [])
        serves(conn)
    gate.open()


@test("9113 6.8 7: a GOAWAY with an error that nobody knows: what is under way is answered")
def _():
    origins()
    with client() as conn:
        stream = conn.ask("/a", method="OPTIONS")
        conn.send(frame(GOAWAY, 0, 0, u32(0) + u32(0x4a4a4a4a) + b"debug data"))
        expect_equal(conn.answer(stream).body, b"a")


@test("9113 6.5.2 8.4: weir's own SETTINGS come first and are in their bounds; nothing is ever pushed")
def _():
    origins()
    with client() as conn:
        first = conn.step()
        expect_equal((first.kind, first.flags & ACK, first.stream, len(first.payload) % 6), (SETTINGS, 0, 0, 0))
        said = dict(struct.unpack("!HI", first.payload[i:i + 6]) for i in range(0, len(first.payload), 6))
        expect_equal(said.get(2, 0), 0, "ENABLE_PUSH")
        expect(said.get(4, 65535) < 1 << 31 and 16384 <= said.get(5, 16384) < 1 << 24 and said.get(9, 0) in (0, 1), repr(said))
        conn.send(frame(HEADERS, HEAD | END, 1, GET))
        conn.next = 3
        expect_equal(conn.answer(1).body, b"a")
        expect_equal([each for each in pinged(conn) if each.kind == 5], [])


@test("9113 6.5 6.5.3: values of SETTINGS are taken in their order, and a frame without any is one")
def _():
    origin.on("/order", answer("o" * 3000))
    with client(window=1 << 20) as conn:
        conn.send(frame(SETTINGS, 0, 0, setting(4, 50) + setting(4, 2000) + setting(4, 1000)), frame(SETTINGS, 0, 0, b""),
                  frame(HEADERS, HEAD | END, 1, block(*FIELDS[:3], (":path", "/order"))))
        while len(conn.seen(1).body) < 1000:
            conn.step(give=False)
        conn.send(frame(PING, 0, 0, b"12345678"))
        while conn.step(give=False).kind != PING:
            pass
        expect_equal(len(conn.seen(1).body), 1000)
        conn.send(frame(WINDOW_UPDATE, 0, 1, u32(5000)))
        expect_equal(len(conn.answer(1).body), 3000)


@test("9113 4.2 6.5.2: no frame of weir's is longer than the client takes")
def _():
    origin.on("/frames", answer("f" * 100_000))
    for size in (16384, 20000):
        with client(window=1 << 20, settings=[(5, size)]) as conn:
            stream = conn.ask("/frames", method="OPTIONS")
            longest = 0
            while not conn.seen(stream).ended:
                longest = max(longest, len(conn.step().payload))
            expect(longest <= size, f"{longest} bytes")
            expect_equal(len(conn.seen(stream).body), 100_000)


@test("9113 6.9.2: SETTINGS that push a window over 2^31-1 are an error of the connection")
def _():
    gate = Gate()
    origin.on("/post", lambda conn, request: (gate.wait(), conn.send(answer("posted"))))
    with client() as conn:
        conn.send(post1, frame(WINDOW_UPDATE, 0, 1, u32(0x7ffeffff)), frame(SETTINGS, 0, 0, setting(4, 0x7fffffff)))
        expect_equal(conn.until_gone(), "FLOW_CONTROL_ERROR")
    gate.open()


@test("9113 8.3.1: OPTIONS * is the server's own, and goes on as it is")
def _():
    origin.on("*", answer("star"))
    with client() as conn:
        expect_equal(conn.answer(conn.headers((":method", "OPTIONS"), FIELDS[1], FIELDS[2], (":path", "*"))).body, b"star")


@test("9218 4, 7.1, 10: the urgent goes first, whenever it was asked for; PRIORITY_UPDATE changes it; incremental ones share")
def _():
    for each in "abcd":
        origin.on(f"/p{each}", answer(each * 90_000))

    def give(conn, size):
        """Who gets so many bytes more of the connection's window."""
        before = {stream: len(conn.seen(stream).body) for stream in streams}
        conn.send(frame(WINDOW_UPDATE, 0, 0, u32(size)))
        while sum(len(conn.seen(stream).body) - before[stream] for stream in streams) < size:
            conn.step(give=False)
        return {stream: len(conn.seen(stream).body) - before[stream] for stream in streams}
    with client(window=1 << 20) as conn:
        streams = [conn.ask("/pa", ("priority", "u=5"), method="OPTIONS")]
        while len(conn.seen(streams[0]).body) < 65535:
            conn.step(give=False)
        streams.append(conn.ask("/pb", ("priority", "u=1"), method="OPTIONS"))
        while not conn.seen(streams[1]).status:
            conn.step(give=False)
        expect_equal(give(conn, 20_000), {streams[0]: 0, streams[1]: 20_000})
        conn.send(frame(0x10, 0, 0, u32(streams[0]) + b"u=0"))
        expect_equal(give(conn, 20_000), {streams[0]: 20_000, streams[1]: 0})
        for path in ("/pc", "/pd"):
            streams.append(conn.ask(path, ("priority", "u=0, i"), method="OPTIONS"))
            while not conn.seen(streams[-1]).status:
                conn.step(give=False)
        conn.send(frame(0x10, 0, 0, u32(streams[0]) + b"u=7"), frame(RST_STREAM, 0, streams[1], u32(8)))
        got = give(conn, 100_000)
        expect(got[streams[0]] == 0 and min(got[streams[2]], got[streams[3]]) > 30_000, repr(got))


def tunnel(conn):
    stream = conn.headers((":method", "CONNECT"), (":authority", tunnelled.name), end=False)
    while conn.seen(stream).body != b"hello":
        conn.step()
    return stream


@table("9113 8.5: a tunnel that the client ends by {}", [
    ("END_STREAM ends for the origin", "end", frame(DATA, END, 1, b"")), ("RST_STREAM is reset for the origin (8.5)", "reset", frame(RST_STREAM, 0, 1, u32(8))),
    ("an error of the connection is reset", "reset", frame(PING, 0, 1, b"12345678")), ("HEADERS, an error of the stream, is reset", "reset", frame(HEADERS, HEAD | END, 1, block(("a", "b"))))])
def _(how, bytes_):
    with H2Client(weir.listener("forward tunnels")) as conn:
        stream = tunnel(conn)
        conn.send(bytes_)
        expect_equal(ends.get(timeout=DEADLINE), how)
        if bytes_[3] == HEADERS:
            expect_equal(conn.answer(stream).error, "PROTOCOL_ERROR")


@test("9113 5.1.1 a stream number below one that was used is an error of the connection, and no request")
def _():
    origins()
    below = block(*FIELDS[:3], (":path", "/below"))
    with client() as conn:
        conn.send(frame(HEADERS, HEAD | END, 1, GET), frame(HEADERS, HEAD | END, 9, GET), frame(HEADERS, HEAD | END, 11, GET))
        expect_equal(conn.answer(11).body, b"a")
        conn.send(frame(HEADERS, HEAD | END, 7, below))
        expect_equal(conn.until_gone(), "PROTOCOL_ERROR")
    expect_equal(origin.count("/below"), 0)


@test("9113 5.1: frames that cross a reset of weir's are taken and dropped")
def _():
    origins()
    with client() as conn:
        conn.send(frame(HEADERS, HEAD, 1, POST + block(("content-length", "3"))), frame(DATA, 0, 1, b"12345"))
        expect_equal(conn.answer(1).error, "PROTOCOL_ERROR")
        conn.send(frame(DATA, 0, 1, b"late"), frame(WINDOW_UPDATE, 0, 1, u32(10)), frame(RST_STREAM, 0, 1, u32(8)))
        serves(conn)


@table("W10.1 9113 {}", [
    ("8.2.1 a value that begins with a space", [*FIELDS, ("a", " x")]), ("8.2.1 a value that ends with a tab", [*FIELDS, ("a", "x\t")]),
    ("8.2.1 a name with a colon", [*FIELDS, ("a:b", "x")]), ("8.2.1 a name with DEL", [*FIELDS, ("a\x7f", "x")]),
    ("8.2.1 a name of obs-text", [*FIELDS, ("\xe4", "x")]),
    ("8.3.1 no :authority and no Host", [FIELDS[0], FIELDS[1], FIELDS[3]]), ("8.3.1 an empty :authority", [*FIELDS[:2], (":authority", ""), FIELDS[3]]),
    ("8.3.1 two Hosts", [FIELDS[0], FIELDS[1], FIELDS[3], ("host", "www.test"), ("host", "www.test")]),
    ("8.3.1 an empty Host beside :authority", [*FIELDS, ("host", "")]),
    ("8.3.1 :authority with a path", [*FIELDS[:2], (":authority", "www.test/x"), FIELDS[3]]),
    ("8.3.1 :scheme with an authority in it", [FIELDS[0], (":scheme", "http://evil.test/?"), *FIELDS[2:]]),
    ("8.3.1 an empty :method", [(":method", ""), *FIELDS[1:]]), ("8.3.1 an empty :scheme", [FIELDS[0], (":scheme", ""), *FIELDS[2:]]),
    ("8.3.1 * with GET", [*FIELDS[:3], (":path", "*")]),
    ("8.3.1 two :method", [*FIELDS[:1], *FIELDS]), ("8.3.1 two :authority", [*FIELDS[:3], *FIELDS[2:]]),
    ("8.5 CONNECT with :path", [(":method", "CONNECT"), (":authority", "www.test:443"), (":path", "/")]),
    ("8.5 CONNECT with :scheme", [(":method", "CONNECT"), (":scheme", "http"), (":authority", "www.test:443")]),
    ("8.5 CONNECT without :authority", [(":method", "CONNECT")]),
    ("8441 :protocol without CONNECT", [*FIELDS, (":protocol", "websocket")]),
    ("8.2.2 TE with trailers and more", [*FIELDS, ("te", "trailers, gzip")]),
    ("8.1.1 content-length twice, unlike", [*FIELDS, ("content-length", "0"), ("content-length", "1")]),
    ("8.1.1 content-length with a sign", [*FIELDS, ("content-length", "+0")]),
    ("8.1.1 content-length over 2^64", [*FIELDS, ("content-length", "18446744073709551616")]),
])
def _(pairs):
    origin.on("/bad", answer("bad"))
    before = [origin.count(target) for target in ("/bad", "*", "/")]
    with client() as conn:
        got = conn.answer(conn.headers(*((":path", "/bad") if pair == FIELDS[3] else pair for pair in pairs)))
        expect(got.error == "PROTOCOL_ERROR" or got.status == 400, repr(got))
        serves(conn)
    expect_equal([origin.count(target) for target in ("/bad", "*", "/")], before)


@test("W10.1 8.2.2 te: trailers is taken, and does not reach the origin; 8.3.1 Host may stand for :authority")
def _():
    origins()
    with client() as conn:
        expect_equal(conn.answer(conn.headers(FIELDS[0], FIELDS[1], (":path", "/a"), ("host", "www.test"), ("te", "trailers"))).body, b"a")
    expect("TE" not in origin.requests[-1].fields, "TE went on")


@test("W10.3 a connection error with streams under way: they end, so do their requests, and weir goes on")
def _():
    gate, ended = Gate(), Gate()

    def held(conn, request):
        conn.send(head("HTTP/1.1 200 OK", "Content-Length: 100000"), b"x" * 50000)
        gate.wait()
        try:
            for _ in range(100):
                conn.send(b"x" * 500)
        except OSError:
            pass
        ended.open()
    origin.on("/held", held)
    with client() as conn:
        streams = [conn.ask(f"/held", ("x-number", str(i)), method="OPTIONS") for i in range(5)]
        while not all(conn.seen(stream).body for stream in streams):
            conn.step()
        conn.send(frame(DATA, 0, 0, b"x"))
        expect_equal(conn.until_gone(), "PROTOCOL_ERROR")
    gate.open()
    ended.wait()
    expect_equal(len(weir.rows("path = '/held' AND \"end\" LIKE 'client-%'", count=5)), 5)
    with client() as conn:
        serves(conn)


@test("W10.4 8.2.3 thousands of cookie crumbs cost what they hold, not its square")
def _():
    origins()
    before = weir.memory()
    with client() as conn:
        for i in range(20):
            conn.send(frame(HEADERS, HEAD | END, 2 * i + 1, GET + b"\xa0" * 5000))  # "cookie" with no value, by index
        for i in range(20):
            expect_in(conn.answer(2 * i + 1).status, (200, 431))
    expect(weir.memory() - before < 12 << 20, f"{weir.memory() - before} bytes more")


@table("W10.4 what was sent on streams that end unread does not use up the connection's window: {}",
       [("denied", "/denied"), ("the client resets", "/never")])
def _(path):
    gate = Gate()
    origin.on("/never", lambda conn, request: (gate.wait(), conn.close()))
    try:
        with client() as conn:
            for i in range(20):
                stream = conn.ask(path, method="POST", end=False)
                for _ in range(6):
                    while conn.room(stream) < 16000:
                        conn.step()
                    conn.data(stream, b"x" * 16000, end=False)
                if path == "/never":
                    conn.send(frame(RST_STREAM, 0, stream, u32(8)))
                    conn.send(frame(PING, 0, 0, b"12345678"))
                    while conn.step().kind != PING:
                        pass
                else:
                    expect_equal(conn.answer(stream).status, 403)
            origin.on("/post", lambda conn, request: (conn.body(), conn.send(answer("posted"))))
            stream = conn.ask("/post", method="POST", end=False)
            conn.upload(stream, b"y" * 400000)
            expect_equal(conn.answer(stream).body, b"posted")
    finally:
        gate.open()


@test("W10.4 a stream that waits for others on a busy connection is not a stalled one")
def _():
    origin.on("/first", answer("f" * 200000))
    origin.on("/second", answer("second"))
    with client(window=1 << 20) as conn:
        first = conn.ask("/first", ("priority", "u=0"), method="OPTIONS")
        while len(conn.seen(first).body) < 65535:
            conn.step(give=False)
        second = conn.ask("/second", ("priority", "u=7"), method="OPTIONS")
        while not conn.seen(second).status:
            conn.step(give=False)
        for i in range(1, 11):
            conn.send(frame(WINDOW_UPDATE, 0, 0, u32(1000)))
            while len(conn.seen(first).body) < 65535 + 1000 * i:
                conn.step(give=False)
            weir.advance(1)
        conn.send(frame(WINDOW_UPDATE, 0, 0, u32(1 << 20)))
        expect_equal(len(conn.answer(first).body), 200000)
        expect_equal(conn.answer(second).body, b"second")


@test("W10.4 a connection whose window never opens is stalled, whatever its streams have")
def _():
    origin.on("/first", answer("f" * 200000))
    with client(window=1 << 20) as conn:
        stream = conn.ask("/first", method="OPTIONS")
        while len(conn.seen(stream).body) < 65535:
            conn.step(give=False)
        for _ in range(10):
            weir.advance(1)
            conn.send(frame(PING, 0, 0, b"12345678"))
            while conn.step(give=False).kind != PING:
                pass
        expect_equal(conn.seen(stream).error, "CANCEL")


main(origin, tunnelled, weir)
