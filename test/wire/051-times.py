#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Deadlines on everything that waits. WIRE_RULES section 9. The test clock makes minutes short."""
import threading

from lib import *

origin = Origin()
tunnelled = Origin(tunnel=lambda conn: conn.to_end())
weir = Weir(config(origin, connect=str(tunnelled.port)), clock=True)


def logged(path, end):
    row = weir.row(f"path = '{path}'")
    expect_in(end, row["end"])
    return row


@test("W9.1 a head that drips does not extend its time")
def _():
    with weir.site() as client:
        client.send("GET /drip HTTP/1.1\r\nHost: www.test\r\n")
        for _ in range(6):
            client.send("X-Drip: 1\r\n")
            client.is_quiet(0.02)
            weir.advance(3)
        got = client.end()
    expect(got == b"" or got.startswith(b"HTTP/1.1 408 "), repr(got[:60]))


@test("W9.4 pipelined requests are read only as fast as answered")
def _():
    gate = Gate()

    def script(conn, request):
        gate.wait()
        conn.send(answer("x"))
    origin.on("/first", script)
    origin.on("/piped", answer("x"))
    piece = head("GET /piped HTTP/1.1", "Host: www.test", "X-Long: " + "x" * 8000) * 16
    with weir.site() as client:
        client.ask("/first")
        gate.reached()
        client.sock.settimeout(1)
        taken = 0
        try:
            while taken < 64 << 20:  # the kernel's buffers of both ends have about ten
                taken += client.sock.send(piece)
        except TimeoutError:
            pass
        expect(taken < 64 << 20, "everything was taken in")
        expect_equal(origin.count("/piped"), 0)
        client.reset()
    gate.open()


@test("an idle client connection is closed after its time, not before")
def _():
    origin.on("/idle", answer("x"))
    with weir.site() as client:
        client.get("/idle")
        weir.advance(50)
        expect(client.is_quiet())
        client.get("/idle")
        weir.advance(61)
        expect_equal(client.end(), b"")


@test("W6.10 an origin that does not answer is 504")
def _():
    gate = Gate()

    def script(conn, request):
        gate.wait()
    origin.on("/silent", script)
    with weir.site() as client:
        client.ask("/silent")
        gate.reached()
        expect(client.is_quiet())
        weir.advance(61)
        expect_equal(client.response().status, 504)
    gate.open()
    expect_equal(weir.row("path = '/silent'")["status"], 504)


@test("W9.2 a body that stops is cut after the idle time, and the cut shows")
def _():
    gate = Gate()

    def script(conn, request):
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        gate.wait()
    origin.on("/stops", script)
    with weir.site() as client:
        client.ask("/stops")
        client.response(body=False)
        expect_equal(client.exactly(4), b"some")
        weir.advance(31)
        expect_equal(client.end(), b"")
    gate.open()
    logged("/stops", "timeout")


@test("W9.2 an upload that stops ends too")
def _():
    def script(conn, request):
        conn.body()
        conn.send(answer("x"))
    origin.on("/upload", script)
    with weir.site() as client:
        client.send(head("POST /upload HTTP/1.1", "Host: www.test", "Content-Length: 100"), "some")
        origin.wait("/upload")
        weir.advance(31)
        got = client.end()
    expect(got == b"" or got.startswith(b"HTTP/1.1 408 "), repr(got[:60]))


@test("W9.2 a download that is taken slowly, but steadily, lasts longer than the body's timeout")
def _():
    gate = Gate()

    def script(conn, request):
        conn.send(head("HTTP/1.1 200 OK", f"Content-Length: {64 << 20}", "Cache-Control: no-store"))
        gate.wait()
        conn.send(b"x" * (64 << 20))
    origin.on("/steady", script)
    with weir.site() as client:
        client.ask("/steady")
        expect_equal(client.response(body=False).status, 200)  # the fetch waits for the body now
        gate.reached()
        gate.open()
        for _ in range(6):
            client.exactly(4 << 20)  # less than the sockets hold: weir always finds more
            weir.advance(12)
        expect_equal(len(client.exactly(40 << 20)), 40 << 20)


@test("W9.2 an upload that is taken slowly, but steadily, lasts longer than the body's timeout")
def _():
    gates = [Gate() for _ in range(4)]

    def script(conn, request):
        for gate in gates:
            gate.wait()
            conn.exactly(12 << 20)
        conn.exactly(16 << 20)
        conn.send(answer("thanks"))
    origin.on("/steadily", script)
    with weir.site() as client:
        client.send(head("POST /steadily HTTP/1.1", "Host: www.test", f"Content-Length: {64 << 20}"))
        origin.wait("/steadily")  # weir waits for the body now
        sender = threading.Thread(target=client.send, args=(b"x" * (64 << 20),))
        sender.start()
        for gate in gates:
            gate.reached()
            gate.open()
            weir.advance(20)
        sender.join()
        expect_equal(client.response().body, b"thanks")


@test("W8.4 an idle tunnel ends after its time; a busy one does not")
def _():
    with weir.forward() as client:
        client.ask(tunnelled.name, method="CONNECT", host=tunnelled.name)
        expect_equal(client.response("CONNECT", body=False).status, 200)
        weir.advance(500)
        client.send("x")
        seen = weir.metrics
        wait_until(lambda: seen() and client.is_quiet())
        weir.advance(500)
        expect(client.is_quiet())
        weir.advance(101)
        expect_equal(client.end(), b"")


@test("W11.7 the clock jumps far: no crash, a sane freshness")
def _():
    origin.on("/jump", fresh("x", seconds=100000))
    with weir.site() as client:
        client.get("/jump")
    weir.advance(90000)
    with weir.site() as client:
        response = client.get("/jump")
        expect(response.hit and response.age >= 90000, repr(response))
    weir.advance(10 ** 7)
    with weir.site() as client:
        expect(not client.get("/jump").hit)


main(origin, tunnelled, weir)
