#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Malformed requests: each gets its status, a closed connection and a log row; what follows it is
never read as a request; the origin never sees it. WIRE_RULES sections 1 to 4 and 8."""
from lib import *

origin = Origin()
origin.on("/smuggled", answer("smuggled"))
weir = Weir(config(origin))
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: www.test\r\n\r\n"
sent = []


def refused(make_client, text, statuses):
    before = len(origin.requests)
    with make_client() as client:
        client.send(text + SMUGGLED)
        got = client.end()
    sent.append(text)
    expect(got.startswith(b"HTTP/1.1 "), f"answered {got[:100]!r}")
    status = int(got[9:12])
    expect(status in statuses, f"answered {status}, wanted {statuses}")
    expect(b"HTTP/1.1 " not in got[9:], f"a second answer: {got!r}")
    expect_equal(len(origin.requests), before, "requests that reached the origin")


def line(text, host="Host: www.test"):
    return text + b"\r\n" + (host.encode() + b"\r\n" if host else b"") + b"\r\n"


def fields(*lines):
    return b"POST /fields HTTP/1.1\r\nHost: www.test\r\n" + b"".join(each + b"\r\n" for each in lines) + b"\r\n"


B = 400
REQUEST_LINES = [
    ("W1.1 a space in front", line(b" GET / HTTP/1.1"), [B]),
    ("W1.1 a NUL in front", line(b"\0GET / HTTP/1.1"), [B]),
    ("W1.1 a BOM in front", line(b"\xef\xbb\xbfGET / HTTP/1.1"), [B]),
    ("W1.1 a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 50 + b"\r\n\r\n", [B]),
    ("W1.2 a method with an octet outside token", line(b"GE(T / HTTP/1.1"), [B, 501]),
    ("W1.2 a method of 65 octets", line(b"A" * 65 + b" / HTTP/1.1"), [B, 501]),
    ("W1.2 an empty method", line(b" / HTTP/1.1"), [B]),
    ("W1.4 two spaces after the method", line(b"GET  / HTTP/1.1"), [B]),
    ("W1.4 a TAB as separator", line(b"GET\t/ HTTP/1.1"), [B]),
    ("W1.4 a space after the version", line(b"GET / HTTP/1.1 "), [B]),
    ("W1.4 a word after the version", line(b"GET / HTTP/1.1 x"), [B]),
    ("W1.5 a bare LF as line end", b"GET / HTTP/1.1\nHost: www.test\n\n", [B]),
    ("W1.5 a bare LF after a field", b"GET / HTTP/1.1\r\nHost: www.test\nX: 1\r\n\r\n", [B]),
    ("W1.5 a bare LF ends the head", b"GET / HTTP/1.1\r\nHost: www.test\r\n\n", [B]),
    ("W1.5 a bare CR in the request line", line(b"GET /\r HTTP/1.1"), [B]),
    ("W1.5 a bare CR as line end", b"GET / HTTP/1.1\rHost: www.test\r\r\n\r\n", [B]),
    ("W1.6 HTTP/1", line(b"GET / HTTP/1"), [B]),
    ("W1.6 HTTP/1.", line(b"GET / HTTP/1."), [B]),
    ("W1.6 HTTP/1.10", line(b"GET / HTTP/1.10"), [B]),
    ("W1.6 HTTP/+1.1", line(b"GET / HTTP/+1.1"), [B]),
    ("W1.6 http/1.1", line(b"GET / http/1.1"), [B]),
    ("W1.6 HTTPS/1.1", line(b"GET / HTTPS/1.1"), [B]),
    ("W1.7 HTTP/2.0", line(b"GET / HTTP/2.0"), [505]),
    ("W1.7 HTTP/0.9", line(b"GET / HTTP/0.9"), [505, B]),
    ("W1.7 HTTP/9.1", line(b"GET / HTTP/9.1"), [505]),
    ("W1.7 the HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505, B]),
    ("W1.7 a line without version", line(b"GET /"), [B]),
    ("W1.7 a method alone", line(b"GET"), [B]),
    ("W1.10 a path without slash", line(b"GET index.html HTTP/1.1"), [B]),
    ("W1.10 a star for GET", line(b"GET * HTTP/1.1"), [B]),
    ("W1.10 an authority for GET", line(b"GET www.test:80 HTTP/1.1"), [B]),
    ("W1.10 an empty scheme", line(b"GET ://www.test/ HTTP/1.1"), [B]),
] + [
    (f"W1.9 {name} in the target", line(b"GET /a" + octets + b"b HTTP/1.1"), [B]) for name, octets in [
        ("a control octet", b"\x01"), ("NUL", b"\0"), ("DEL", b"\x7f"), ("a raw non-ASCII octet", b"\xc3\xa9"), ("#", b"#"), ("a backslash", b"\\"),
        ("a quote", b'"'), ("<", b"<"), (">", b">"), ("^", b"^"), ("{", b"{"), ("|", b"|"), ("}", b"}"), ("a backtick", b"`"),
        ("%zz", b"%zz"), ("%4", b"%4/"), ("a lone %", b"%"), ("a space", b" ")]
] + [
    ("W1.13 a target over the limit", line(b"GET /" + b"a" * 20000 + b" HTTP/1.1"), [414]),
    ("W1.13 a target without end", b"GET /" + b"a" * 200000, [414]),
    ("W1.14 a field over the limit", fields(b"X-Big: " + b"a" * 33000), [431]),
    ("W1.14 a head over the limit", fields(*[b"X-%d: " % each + b"a" * 8000 for each in range(10)]), [431]),
    ("W1.14 too many fields", fields(*[b"X-%d: a" % each for each in range(140)]), [431]),
    ("W1.14 a field name without end", b"GET / HTTP/1.1\r\nHost: www.test\r\n" + b"a" * 200000, [431, B]),
]

FIELDS = [
    ("W2.1 a space before the colon", fields(b"X-A : 1"), [B]),
    ("W2.1 a TAB before the colon", fields(b"X-A\t: 1"), [B]),
    ("W2.1 an empty name", fields(b": 1"), [B]),
    ("W2.1 no colon", fields(b"X-A"), [B]),
    ("W2.1 a name that is no token", fields(b"X(A): 1"), [B]),
    ("W2.1 a name with an octet above 127", fields(b"X\xe9: 1"), [B]),
    ("W2.1 a space inside Transfer-Encoding's name", fields(b"Transfer-Encoding : chunked"), [B]),
    ("W2.2 NUL in a value", fields(b"X-A: a\0b"), [B]),
    ("W2.2 bare CR in a value", fields(b"X-A: a\rb"), [B]),
    ("W2.2 another control octet in a value", fields(b"X-A: a\x01b"), [B]),
    ("W2.2 DEL in a value", fields(b"X-A: a\x7fb"), [B]),
    ("W2.3 a folded line", fields(b"X-A: a", b" b"), [B]),
    ("W2.3 a line folded by TAB", fields(b"X-A: a", b"\tb"), [B]),
    ("W2.4 white space right after the request line", b"GET / HTTP/1.1\r\n Host: www.test\r\n\r\n", [B]),
]

LENGTHS = [
    (f"W3.1 Content-Length {name}", fields(b"Content-Length:" + value), [B, 413] if "2^" in name else [B]) for name, value in [
        ("+5", b" +5"), ("-5", b" -5"), ("0x5", b" 0x5"), ("5 6", b" 5 6"), ("1e1", b" 1e1"), ("empty", b""), ("5a", b" 5a"), ("5.0", b" 5.0"), ("5;", b" 5;"),
        ("with a vertical TAB", b" \x0b5"), ("with NBSP", b" \xa05"), ("2^63", b" 9223372036854775808"), ("2^64", b" 18446744073709551616"),
        ("2^64+5", b" 18446744073709551621"), ("of a hundred digits, over 2^64", b" " + b"9" * 100)]
] + [
    ("W3.2 two equal Content-Lengths", fields(b"Content-Length: 5", b"Content-Length: 5"), [B]),
    ("W3.2 two unlike Content-Lengths", fields(b"Content-Length: 5", b"Content-Length: 6"), [B]),
    ("W3.2 a list of unlike", fields(b"Content-Length: 5, 6"), [B]),
    ("W3.2 one of two empty", fields(b"Content-Length: 5", b"Content-Length:"), [B]),
    ("W3.2 a list with an empty member", fields(b"Content-Length: 5,"), [B]),
] + [
    (f"W3.3 Transfer-Encoding {name}", fields(b"Transfer-Encoding: " + value), status) for name, value, status in [
        ("identity", b"identity", [B, 501]), ("gzip", b"gzip", [B, 501]), ("gzip, chunked", b"gzip, chunked", [B, 501]), ("chunked, gzip", b"chunked, gzip", [B, 501]),
        ("chunked twice", b"chunked, chunked", [B]), ("quoted", b'"chunked"', [B, 501]), ("with a parameter", b"chunked;q=1", [B, 501]),
        ("with an empty member", b", chunked", [B]), ("with a trailing comma", b"chunked,", [B]), ("with a vertical TAB", b"\x0bchunked", [B]), ("empty", b"", [B, 501]),
        ("xchunked", b"xchunked", [B, 501]), ("chunkedx", b"chunkedx", [B, 501]), ("with NBSP", b"\xa0chunked", [B, 501])]
] + [
    ("W3.3 two Transfer-Encoding lines", fields(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), [B]),
    ("W3.3 two lines, identity first", fields(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"), [B, 501]),
    ("W3.4 Transfer-Encoding with Content-Length", fields(b"Transfer-Encoding: chunked", b"Content-Length: 5") + b"0\r\n\r\n", [B]),
    ("W3.4 Content-Length with Transfer-Encoding", fields(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n", [B]),
    ("W3.5 Transfer-Encoding in HTTP/1.0", b"POST / HTTP/1.0\r\nHost: www.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [B]),
]


def hosts(*lines):
    return b"GET / HTTP/1.1\r\n" + b"".join(each + b"\r\n" for each in lines) + b"\r\n"


HOSTS = [
    ("W4.1 no Host", hosts(), [B]),
    ("W4.1 two Hosts", hosts(b"Host: www.test", b"Host: other.test"), [B]),
    ("W4.1 two equal Hosts", hosts(b"Host: www.test", b"Host: www.test"), [B]),
    ("W4.1 no Host beside an absolute target", b"GET http://www.test/ HTTP/1.1\r\n\r\n", [B]),
] + [
    (f"W4.2 Host {name}", hosts(b"Host: " + value), [B]) for name, value in [
        ("with userinfo", b"u@www.test"), ("with a path", b"www.test/"), ("with a query", b"www.test?x"), ("as a list", b"www.test, b.test"),
        ("with a blank", b"www. test"), ("with a non-ASCII octet", b"www.t\xe9st"), ("port 65536", b"www.test:65536"), ("port 8o", b"www.test:8o"),
        ("port -1", b"www.test:-1"), ("two ports", b"www.test:80:80"), ("IPv6 without brackets", b"::1"), ("IPv6 that is none", b"[::g]"),
        ("IPv6 not closed", b"[::1"), ("with #", b"www.test#a"), ("with a backslash", b"www\\test"), ("with NUL", b"www\0.test")]
] + [
    ("W4.3 an empty host in the target", b"GET http:///x HTTP/1.1\r\nHost: www.test\r\n\r\n", [B]),
    ("W4.3 only a port in the target", b"GET http://:80/x HTTP/1.1\r\nHost: www.test\r\n\r\n", [B]),
    ("W4.4 userinfo in the target", b"GET http://u:p@www.test/x HTTP/1.1\r\nHost: www.test\r\n\r\n", [B]),
    ("W4.2 an absolute target with a bad port", b"GET http://www.test:99999/x HTTP/1.1\r\nHost: www.test\r\n\r\n", [B]),
]

ALL = REQUEST_LINES + FIELDS + LENGTHS + HOSTS


@table("{}, to the site", ALL)
def _(text, statuses):
    refused(weir.site, text, statuses)


@table("{}, to the forward proxy", [each for each in ALL if "absolute" not in each[0]])
def _(text, statuses):
    if b" /" in text.split(b"\r\n")[0] and b"://" not in text.split(b"\r\n")[0]:
        text = text.replace(b" /", b" http://www.test/", 1)
    refused(weir.forward, text, statuses)


CHUNKS = [
    ("W3.9 a size with a sign", b"+5\r\nhello\r\n0\r\n\r\n"), ("W3.9 a size with 0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
    ("W3.9 a blank before the size", b" 5\r\nhello\r\n0\r\n\r\n"), ("W3.9 a blank after the size", b"5 \r\nhello\r\n0\r\n\r\n"),
    ("W3.9 an underscore in the size", b"1_0\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n"), ("W3.9 an empty size", b"\r\nhello\r\n0\r\n\r\n"),
    ("W3.9 a size of 17 digits", b"10000000000000005\r\nhello\r\n0\r\n\r\n"), ("W3.9 a size of 2^63", b"8000000000000000\r\nhello\r\n"),
    ("W3.9 a size of 2^64-1", b"ffffffffffffffff\r\nhello\r\n"), ("W3.9 a negative size", b"-1\r\nhello\r\n0\r\n\r\n"), ("W3.9 no hex", b"g\r\nhello\r\n0\r\n\r\n"),
    ("W3.10 an extension over 4 kB", b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n"), ("W3.10 a LF in an extension", b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("W3.10 a CR in an extension", b"5;a\rb\r\nhello\r\n0\r\n\r\n"), ("W3.10 a NUL in an extension", b"5;a\0b\r\nhello\r\n0\r\n\r\n"),
    ("W3.11 a bare LF after the size", b"5\nhello\r\n0\r\n\r\n"), ("W3.11 a bare LF after the data", b"5\r\nhello\n0\r\n\r\n"),
    ("W3.11 data longer than its size", b"5\r\nhelloo\r\n0\r\n\r\n"), ("W3.11 data shorter than its size", b"5\r\nhell\r\n0\r\n\r\n"),
    ("W3.11 a bare CR after the size", b"5\rhello\r\n0\r\n\r\n"), ("W3.11 no CRLF after the data", b"5\r\nhello0\r\n\r\n"),
    ("W3.12 a trailer without colon", b"5\r\nhello\r\n0\r\nbad\r\n\r\n"), ("W3.12 a folded trailer", b"5\r\nhello\r\n0\r\nX: 1\r\n 2\r\n\r\n"),
    ("W3.12 trailers without end", b"5\r\nhello\r\n0\r\n" + b"X-Trailer: abcdefghijklmnopqrstuvwxyz\r\n" * 3000),
]


@table("{}: 400, and the origin sees no whole message", CHUNKS)
def _(body):
    def script(conn, request):
        conn.body()
        conn.send(answer("taken"))
    origin.on("/chunks", script)
    count = len(origin.requests)
    with weir.site() as client:
        client.send(head("POST /chunks HTTP/1.1", "Host: www.test", "Transfer-Encoding: chunked") + body + SMUGGLED)
        got = client.end()
    sent.append(body)
    expect(got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")), f"answered {got[:100]!r}")
    expect(b"HTTP/1.1 " not in got[9:], f"a second answer: {got!r}")
    expect(not any(each.complete for each in origin.requests[count:]), "the origin got a whole message")
    expect_equal(origin.count("/smuggled"), 0)


@test("W3.8 a body of a GET is never read as a request")
def _():
    origin.on("/get-body", lambda conn, request: conn.send(answer(conn.body())))
    with weir.site() as client:
        client.send(head("GET /get-body HTTP/1.1", "Host: www.test", f"Content-Length: {len(SMUGGLED)}") + SMUGGLED)
        response = client.response()
        expect_equal((response.status, response.body), (200, SMUGGLED))
        expect(client.is_quiet())
    expect_equal(origin.count("/smuggled"), 0)


@test("W3.6 no framing means no body, also for POST")
def _():
    origin.on("/no-body", answer("x"))
    origin.on("/next", answer("next"))
    with weir.site() as client:
        client.send("POST /no-body HTTP/1.1\r\nHost: www.test\r\n\r\nGET /next HTTP/1.1\r\nHost: www.test\r\n\r\n")
        expect_equal(client.response().body, b"x")
        expect_equal(client.response().body, b"next")


@test("W2.6 names that look like framing fields are ordinary")
def _():
    origin.on("/looks", answer("x"))
    with weir.site() as client:
        response = client.get("/looks", "Content_Length: 5", "Transfer_Encoding: chunked", "XContent-Length: 7")
        expect_equal(response.status, 200)
        expect_equal(client.get("/looks").status, 200)


@test("W3.1 the longest sizes that fit are taken (and time out or end), never wrap")
def _():
    origin.on("/long", lambda conn, request: conn.close())
    with weir.site() as client:
        client.send(head("POST /long HTTP/1.1", "Host: www.test", "Content-Length: 9223372036854775807") + b"x")
        got = client.end()
    expect(got[9:12] in (b"502", b"413", b"400"), repr(got[:60]))
    expect(b"HTTP/1.1 " not in got[9:])


@test("W1.13 a target of 8000 octets is accepted")
def _():
    path = "/" + "a" * 8000
    origin.on(path, answer("x"))
    with weir.site() as client:
        expect_equal(client.get(path).status, 200)


@test("a client that sends nothing, or half a head, and leaves: nothing happens")
def _():
    for text in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: www.test\r\n"):
        with weir.site() as client:
            client.send(text)
            client.half_close()
            got = client.end()
            expect(got == b"" or got.startswith(b"HTTP/1.1 400 "), repr(got))


@test("each refused request left a row in the log")
def _():
    wanted = len(sent)
    counted = wait_until(lambda: (n := weir.sql("SELECT count(*) AS n FROM access WHERE status IN (400, 413, 414, 431, 501, 505)")[0]["n"]) >= wanted and n,
                         f"{wanted} rows")
    expect(counted >= wanted)


@test("W7.2 the page for a malformed request tells nothing of a request before, on whatever connection")
def _():
    origin.on("/of-somebody-else", answer("x"))
    for _ in range(20):
        with weir.site() as client:
            client.get("/of-somebody-else")
            client.send("GET /bad HTTP/1.1\r\nHost: www.test\r\nBad Name: 1\r\n\r\n")
            response = client.response()
        expect_equal(response.status, 400)
        expect(b"somebody" not in response.body and b"www.test" not in response.body, repr(response.body))


main(origin, weir)
