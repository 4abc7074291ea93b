#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The harness itself: its client talks to its origin, nothing in between."""
from lib import *

origin = Origin()


def connect():
    return Client(origin.address)


@test("a scripted answer, and what came is counted")
def _():
    origin.on("/a", fresh("hello", "X-Test: 1"))
    with connect() as client:
        response = client.get("/a")
    expect_equal((response.status, response.body, response.field("x-test")), (200, b"hello", "1"))
    expect_equal(origin.count("/a"), 1)
    expect_equal(origin.seen("/a")[0].field("Host"), "www.test")


@test("a list of answers is given in order, the last one again and again")
def _():
    origin.on("/list", [answer("1"), answer("2")])
    with connect() as client:
        expect_equal([client.get("/list").body for _ in range(3)], [b"1", b"2", b"2"])


@test("chunked both ways, with trailers")
def _():
    def echo(conn, request):
        body = conn.body()
        conn.send(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), chunks(body, "!", trailers=["X-End: 1"]))
    origin.on("/echo", echo)
    with connect() as client:
        client.send(head("POST /echo HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"), chunks("ab", "cd"))
        response = client.response()
    expect_equal((response.body, response.chunks, response.trailers("x-end")), (b"abcd!", [b"abcd", b"!"], "1"))


@test("a cut body is Closed, a reset says so")
def _():
    def cut(conn, request):
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        conn.close()
    origin.on("/cut", cut)
    origin.on("/reset", lambda conn, request: conn.reset())
    for path, reset in (("/cut", False), ("/reset", True)):
        with connect() as client:
            try:
                client.get(path)
            except Closed as closed:
                expect_equal(closed.reset, reset, path)
            else:
                raise Failure("a cut answer was read as whole")


@test("interim answers are collected")
def _():
    origin.on("/103", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer("done"))
    with connect() as client:
        response = client.get("/103")
    expect_equal(([each.status for each in response.interim], response.body), ([103], b"done"))


@test("Cache-Status is taken apart")
def _():
    origin.on("/cs", answer("", 'Cache-Status: other; hit, weir; fwd=uri-miss; stored; ttl=-3'))
    with connect() as client:
        response = client.get("/cs")
    expect_equal(response.cache, {"fwd": "uri-miss", "stored": True, "ttl": "-3"})
    expect(not response.hit)


@test("a gate holds a script")
def _():
    gate = Gate()

    def held(conn, request):
        gate.wait()
        conn.send(answer("open"))
    origin.on("/gate", held)
    with connect() as client:
        client.ask("/gate")
        gate.reached()
        expect(client.is_quiet())
        gate.open()
        expect_equal(client.response().body, b"open")


@test("a head that is not HTTP is Malformed")
def _():
    origin.on("/bad", b"HTTP/1.1 200 OK\r\nBad Name : x\r\n\r\n")
    with connect() as client:
        try:
            client.get("/bad")
        except Malformed:
            return
    raise Failure("taken as well-formed")


@test("a name server answers what it was told")
def _():
    import socket
    dns = Dns({"www.test": ["127.0.0.1", "::1"]})
    dns.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(DEADLINE)
        sock.sendto(b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x03www\x04test\0\0\x01\0\x01", ("127.0.0.1", dns.port))
        reply = sock.recv(500)
    dns.stop()
    expect(reply.endswith(b"\x7f\0\0\x01") and reply[6:8] == b"\0\x01", repr(reply))


main(origin)
