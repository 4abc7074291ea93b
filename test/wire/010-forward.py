#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Absolute-URI requests through the forward proxy."""
from lib import *

origin = Origin()
weir = Weir(config(origin))


@test("GET: the answer comes through, the origin gets origin-form, its own Host, and Via")
def _():
    origin.on("/one?a=b", answer("hello\n", "X-Answer: yes", "Content-Type: text/plain"))
    with weir.forward() as client:
        response = client.get(origin.url("/one?a=b"), "User-Agent: t", "X-Asked: 1", host=origin.name)
    expect_equal((response.status, response.body, response.field("x-answer")), (200, b"hello\n", "yes"))
    seen = origin.seen("/one?a=b")[0]
    expect_equal((seen.line, seen.field("Host"), seen.field("X-Asked"), seen.field("User-Agent")),
                 ("GET /one?a=b HTTP/1.1", origin.name, "1", "t"))
    expect_in("1.1 ", seen.field("Via", ""), "Via of the request")
    expect_in("1.1 ", response.field("Via", ""), "Via of the response")
    expect("Date" in response.fields, "no Date")


@test("W4.3 the authority of the target replaces Host")
def _():
    origin.on("/authority", answer("x"))
    with weir.forward() as client:
        client.get(origin.url("/authority"), host="other.test")
    expect_equal(origin.seen("/authority")[0].fields.all("Host"), [origin.name])


@test("W4.3 an absolute target without a path asks for /")
def _():
    origin.on("/", answer("root"))
    with weir.forward() as client:
        expect_equal(client.get(f"http://{origin.name}", host=origin.name).body, b"root")


@test("keep-alive: many requests on one client connection, one origin connection")
def _():
    origin.on("/again", answer("x", "Cache-Control: no-store"))
    with weir.forward() as client:
        for _ in range(10):
            expect_equal(client.get(origin.url("/again"), host=origin.name).status, 200)
    numbers = {each.connection for each in origin.seen("/again")}
    expect(len(numbers) == 1, f"ten requests took {len(numbers)} origin connections")


@test("W5.8 pipelined requests are answered in order")
def _():
    for number in range(8):
        origin.on(f"/pipe{number}", answer(f"answer {number}"))
    with weir.forward() as client:
        client.send(b"".join(head(f"GET {origin.url(f'/pipe{number}')} HTTP/1.1", f"Host: {origin.name}") for number in range(8)))
        bodies = [client.response().body for _ in range(8)]
    expect_equal(bodies, [f"answer {number}".encode() for number in range(8)])


@test("W5.8 a bad request behind one with a chunked body: one is answered, one refused, and the connection ends")
def _():
    origin.on("/chunked", answer("ok"))
    good = head(f"POST http://{origin.name}/chunked HTTP/1.1", f"Host: {origin.name}", "Transfer-Encoding: chunked") + chunks("hello")
    for _ in range(20):  # the session told the fetch that was gone of what came after the body, if it came at that moment
        with weir.forward() as client:
            client.send(good + b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n" + b"z" * 50_000)
            expect_equal([client.response("POST").status, client.response().status], [200, 400])


@test("W5.8 after Connection: close nothing more is answered, and the connection ends")
def _():
    origin.on("/close", answer("last"))
    origin.on("/after", answer("never"))
    with weir.forward() as client:
        client.send(head(f"GET {origin.url('/close')} HTTP/1.1", f"Host: {origin.name}", "Connection: close")
                    + head(f"GET {origin.url('/after')} HTTP/1.1", f"Host: {origin.name}"))
        response = client.response()
        expect_equal(response.body, b"last")
        expect_equal(response.field("Connection", "").lower(), "close")
        expect_equal(client.end(), b"")
    expect_equal(origin.count("/after"), 0)


@test("HTTP/1.0: answered and closed; no chunked coding, no 1xx")
def _():
    origin.on("/ten", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
              head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunks("one", "two"))
    with weir.forward() as client:
        client.send(f"GET {origin.url('/ten')} HTTP/1.0\r\n\r\n")
        text = client.end()
    expect(text.startswith(b"HTTP/1.1 200 "), repr(text[:60]))
    expect(text.endswith(b"\r\n\r\nonetwo"), repr(text))
    expect(b"hunked" not in text, repr(text))


@test("HTTP/1.0 with keep-alive and a known length may stay open")
def _():
    origin.on("/ten-keep", answer("abc"))
    with weir.forward() as client:
        client.send(f"GET {origin.url('/ten-keep')} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        response = client.response()
        expect_equal(response.body, b"abc")
        if "keep-alive" not in response.field("Connection", "").lower():
            expect_equal(client.end(), b"")


@test("W1.8 HTTP/1.2 is handled as 1.1")
def _():
    origin.on("/twelve", answer("x"))
    with weir.forward() as client:
        expect_equal(client.get(origin.url("/twelve"), version="HTTP/1.2", host=origin.name).status, 200)
    expect_equal(origin.seen("/twelve")[0].version, "HTTP/1.1")


@table("C16.8 method {} passes, with its body", [(each, each) for each in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FROB", "M-SEARCH", "get")])
def _(method):
    path = "/method-" + method
    origin.on(path, lambda conn, request: conn.send(answer(request.method + " " + conn.body().decode())))
    with weir.forward() as client:
        response = client.get(origin.url(path), method=method, body=b"payload", host=origin.name)
    expect_equal((response.status, response.body), (200, f"{method} payload".encode()))


@test("HEAD: fields, no body, the connection goes on")
def _():
    origin.on("/head", lambda conn, request: conn.send(head("HTTP/1.1 200 OK", "Content-Length: 1234", "X-A: 1")))
    origin.on("/after-head", answer("next"))
    with weir.forward() as client:
        response = client.get(origin.url("/head"), method="HEAD", host=origin.name)
        expect_equal((response.status, response.field("Content-Length"), response.field("X-A")), (200, "1234", "1"))
        expect_equal(client.get(origin.url("/after-head"), host=origin.name).body, b"next")


@test("W5.1 W5.2 hop-by-hop fields do not pass, in either direction")
def _():
    origin.on("/hop", answer("x", "Connection: X-Private, , close-not", "X-Private: 1", "Keep-Alive: timeout=5",
                             "Proxy-Authenticate: Basic", "X-Kept: 1", "Upgrade: foo"))
    with weir.forward() as client:
        response = client.get(origin.url("/hop"), "Connection: x-secret, keep-alive", "X-Secret: 1", "TE: trailers",
                              "Keep-Alive: 5", "Proxy-Connection: keep-alive", "Upgrade: h2c", "HTTP2-Settings: AA",
                              "X-Stays: 1", host=origin.name)
    seen = origin.seen("/hop")[0]
    for name in ("X-Secret", "Keep-Alive", "Proxy-Connection", "Upgrade", "HTTP2-Settings"):
        expect(name not in seen.fields, f"{name} reached the origin")
    expect_equal(seen.field("X-Stays"), "1")
    for name in ("X-Private", "Keep-Alive", "Upgrade"):
        expect(name not in response.fields, f"{name} reached the client")
    expect_equal(response.field("X-Kept"), "1")


@test("W5.3 W3.7 Via, Host and framing cannot be nominated away")
def _():
    origin.on("/nominated", lambda conn, request: conn.send(answer(conn.body())))
    with weir.forward() as client:
        response = client.get(origin.url("/nominated"), "Connection: via, host, content-length, transfer-encoding",
                              method="POST", body=b"12345", host=origin.name)
    expect_equal(response.body, b"12345")
    seen = origin.seen("/nominated")[0]
    expect_equal(seen.field("Host"), origin.name)
    expect("Via" in seen.fields)


@test("W8.6 Proxy-Authorization is not forwarded")
def _():
    origin.on("/auth", answer("x"))
    with weir.forward() as client:
        client.get(origin.url("/auth"), "Proxy-Authorization: Basic eDp5", "Authorization: Basic eDp5", host=origin.name)
    seen = origin.seen("/auth")[0]
    expect("Proxy-Authorization" not in seen.fields)
    expect_equal(seen.field("Authorization"), "Basic eDp5")


@test("W5.6 our own pseudonym in Via is a loop")
def _():
    origin.on("/via", answer("x"))
    origin.on("/loop", answer("x"))
    with weir.forward() as client:
        client.get(origin.url("/via"), host=origin.name)
        via = origin.seen("/via")[0].field("Via")
        response = client.get(origin.url("/loop"), f"Via: 1.0 fred, {via}", host=origin.name)
    expect(response.status in (508, 400), str(response.status))
    expect_equal(origin.count("/loop"), 0)


@test("W8.7 a request to ourselves ends with an error in bounded time")
def _():
    host, port = weir.listener("forward")
    with weir.forward() as client:
        response = client.get(f"http://{host}:{port}/self", host=f"{host}:{port}")
    expect(response.status in (400, 403, 502, 508), str(response.status))


@test("W5.5 Max-Forwards: 0 stops OPTIONS, else it counts down")
def _():
    origin.on("/max", answer("x"))
    with weir.forward() as client:
        response = client.get(origin.url("/max"), "Max-Forwards: 0", method="OPTIONS", host=origin.name)
        expect(response.status in (200, 204), str(response.status))
        expect_equal(origin.count("/max"), 0)
        client.get(origin.url("/max"), "Max-Forwards: 5", method="OPTIONS", host=origin.name)
    expect_equal(origin.seen("/max")[0].field("Max-Forwards"), "4")


@table("W8.5 {} of a plain origin is refused, never fetched in clear", [(each, each) for each in ("https", "ftp", "file", "gopher", "foo")])
def _(scheme):
    path = "/scheme-" + scheme
    with weir.forward() as client:
        response = client.get(f"{scheme}://{origin.name}{path}", host=origin.name)
    expect(response.status in (400, 403, 501, 502, 504), str(response.status))
    expect_equal(origin.count(path), 0)


@test("C16.3 repeated fields keep their order, Set-Cookie its lines")
def _():
    origin.on("/cookies", answer("x", "Set-Cookie: a=1, b", "X-M: 1", "Set-Cookie: c=2", "X-M: 2"))
    with weir.forward() as client:
        response = client.get(origin.url("/cookies"), "X-L: 1", "X-L: 2", host=origin.name)
    expect_equal(response.fields.all("Set-Cookie"), ["a=1, b", "c=2"])
    expect_equal(response.field("X-M"), "1, 2")
    expect_equal(origin.seen("/cookies")[0].field("X-L"), "1, 2")


@test("W2.5 obs-text, TAB inside a value, and empty values pass unchanged")
def _():
    origin.on("/obs", answer("x", b"X-Obs: \xe9\xff", "X-Empty:"))
    with weir.forward() as client:
        response = client.get(origin.url("/obs"), b"X-In: a\tb\xfc", "X-None:", host=origin.name)
    seen = origin.seen("/obs")[0]
    expect_equal((seen.field("X-In"), seen.field("X-None")), ("a\tb\xfc", ""))
    expect_equal((response.field("X-Obs"), response.field("X-Empty")), ("\xe9\xff", ""))


@test("W1.12 percent-encoded octets stay as they are")
def _():
    path = "/%0d%0aX:%20y/%2F/%41?q=%00"
    origin.on(path, answer("x"))
    with weir.forward() as client:
        expect_equal(client.get(origin.url(path), host=origin.name).status, 200)
    expect_equal(origin.count(path), 1)


@test("W1.1 an empty line before the request line is skipped")
def _():
    origin.on("/crlf", answer("x"))
    with weir.forward() as client:
        client.send("\r\n")
        expect_equal(client.get(origin.url("/crlf"), host=origin.name).status, 200)


@test("a request that arrives octet by octet")
def _():
    origin.on("/drip", lambda conn, request: conn.send(answer(conn.body())))
    text = head(f"POST {origin.url('/drip')} HTTP/1.1", f"Host: {origin.name}", "Content-Length: 3") + b"abc"
    with weir.forward() as client:
        client.send(*(bytes([each]) for each in text))
        expect_equal(client.response().body, b"abc")


@test("an answer that arrives octet by octet")
def _():
    text = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunks("abc", "def")
    origin.on("/drip-answer", lambda conn, request: conn.send(*(bytes([each]) for each in text)))
    with weir.forward() as client:
        expect_equal(client.get(origin.url("/drip-answer"), host=origin.name).body, b"abcdef")


@test("every request has its row in the log")
def _():
    origin.on("/logged?x=1", answer("12345", status=203, reason="Fine"))
    with weir.forward() as client:
        client.get(origin.url("/logged?x=1"), host=origin.name)
        own = client.name[0]
    row = weir.row("path = '/logged'")
    expect_equal((row["method"], row["host"], row["status"]), ("GET", "127.0.0.1", 203))
    expect_equal((row["port"], row["scheme"], row["query"], row["client"]), (origin.port, "http", "x=1", own))


main(origin, weir)
