#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Concurrent misses on one key: one fetch, many clients; and what may never be shared."""
from lib import *

origin = Origin()
weir = Weir(config(origin, cache="memory 512MB"))


def held(gate, *answers):
    """A script: the first request sends its head and half its body, then waits at the gate."""
    first, later = answers[0], answers[1:] or answers
    rest = list(later)
    count = [0]

    def script(conn, request):
        count[0] += 1
        if count[0] == 1:
            at = first.index(b"\r\n\r\n") + 4
            conn.send(first[:at + (len(first) - at) // 2])
            gate.wait()
            conn.send(first[at + (len(first) - at) // 2:])
        else:
            conn.send(rest.pop(0) if len(rest) > 1 else rest[0])
    return script


@test("C16.4 N clients, one request; the bytes reach all of them before the last byte exists")
def _():
    gate = Gate()
    origin.on("/n", held(gate, fresh("first " + "last!!")))
    clients = [weir.site() for _ in range(50)]
    clients[0].ask("/n")
    gate.reached()
    for client in clients[1:]:
        client.ask("/n")
    for client in clients:
        expect_equal(client.response(body=False).status, 200)
        expect_equal(client.exactly(6), b"first ")
    gate.open()
    for client in clients:
        expect_equal(client.exactly(6), b"last!!")
        client.close()
    expect_equal(origin.count("/n"), 1)


@test("clients that wait before the head get it too, with all interim answers on the way")
def _():
    gate = Gate()

    def script(conn, request):
        gate.wait()
        conn.send(fresh("all"))
    origin.on("/before", script)
    clients = [weir.site() for _ in range(20)]
    for client in clients:
        client.ask("/before")
    gate.reached()
    gate.open()
    responses = [client.response() for client in clients]
    expect_equal({each.body for each in responses}, {b"all"})
    expect_equal(origin.count("/before"), 1)
    expect(sum("collapsed" in each.cache or each.hit for each in responses) >= 19, repr([each.cache for each in responses]))


@table("W7.7 {} is never shared", [("private", "Cache-Control: private, max-age=60"), ("no-store", "Cache-Control: no-store"), ("Vary: *", "Vary: *")])
def _(line):
    path = "/unshared-" + line.replace(" ", "").replace("*", "s")
    gate = Gate()
    count = [0]

    def script(conn, request):
        count[0] += 1
        mine = count[0]
        if mine == 1:
            gate.wait()
        conn.send(answer(f"answer {mine}", line))
    origin.on(path, script)
    clients = [weir.site() for _ in range(5)]
    for client in clients:
        client.ask(path)
    gate.reached()
    gate.open()
    bodies = sorted(client.response().body for client in clients)
    expect_equal(len(set(bodies)), 5, f"{bodies}: answers")


@table("C16.4 {} is for one request alone: stored, and validated for each, without a queue", [
    ("no-cache", "no-cache, max-age=60"), ("max-age=0", "max-age=0"), ("no freshness", "public")])
def _(value):
    path = "/alone-" + value.split(",")[0].replace("=", "")
    gates = [Gate(), Gate()]
    count = [0]

    def script(conn, request):
        count[0] += 1
        mine = count[0]
        if mine == 1:
            gates[0].wait()
        elif mine > 5:
            gates[1].wait()
        conn.send(answer(f"answer {mine}", f"Cache-Control: {value}", f'ETag: "{mine}"'))
    origin.on(path, script)
    clients = [weir.site() for _ in range(5)]
    for client in clients:
        client.ask(path)
    gates[0].reached()
    gates[0].open()
    bodies = {client.response().body for client in clients}
    expect_equal(len(bodies), 5, f"{bodies}: answers")
    for client in clients:
        client.ask(path)
    for _ in clients:
        gates[1].reached()  # all of them are at the origin at once
    gates[1].open()
    bodies = {client.response().body for client in clients}
    expect_equal(len(bodies), 5, f"{bodies}: answers")
    expect(all(request.field("If-None-Match") for request in origin.seen(path)[-5:]), "not validated")


@test("W7.7 an answer that varies goes only to those that match")
def _():
    gate = Gate()
    count = [0]

    def script(conn, request):
        count[0] += 1
        if count[0] == 1:
            gate.wait()
        conn.send(fresh("for " + request.field("X-V"), "Vary: X-V"))
    origin.on("/vary", script)
    clients = [(weir.site(), value) for value in "abab"]
    for client, value in clients:
        client.ask("/vary", f"X-V: {value}")
    gate.reached()
    gate.open()
    for client, value in clients:
        expect_equal(client.response().body.decode(), "for " + value)


@test("W7.7 an answer to a request with Authorization is not shared by max-age")
def _():
    gate = Gate()
    count = [0]

    def script(conn, request):
        count[0] += 1
        if count[0] == 1:
            gate.wait()
        conn.send(fresh(f"for {request.field('Authorization')}"))
    origin.on("/authorized", script)
    clients = [(weir.site(), value) for value in ("a", "b", None)]
    for client, value in clients:
        client.ask("/authorized", value and f"Authorization: {value}")
    gate.reached()
    gate.open()
    for client, value in clients:
        expect_equal(client.response().body.decode(), f"for {value}")


@test("C16.4 what was not to be stored, and now may be, is stored at once and joined while it arrives")
def _():
    gate = Gate()
    origin.on("/turns", answer("not yet", "Cache-Control: no-store"))
    expect_equal(weir.site().get("/turns").body, b"not yet")
    expect_equal(weir.site().get("/turns").body, b"not yet")
    origin.on("/turns", held(gate, fresh("now " + "stored")))
    first, second = weir.site(), weir.site()
    first.ask("/turns")
    gate.reached()
    expect_equal(first.response(body=False).status, 200)
    second.ask("/turns")
    expect_equal(second.response(body=False).status, 200)
    expect_equal(second.exactly(5), b"now s")
    gate.open()
    expect_equal(first.exactly(10), b"now stored")
    expect_equal(second.exactly(5), b"tored")
    expect_equal(origin.count("/turns"), 3)
    expect_in("hit", weir.site().get("/turns").field("Cache-Status"))


@test("a POST while the answer that may be stored after all is on its way: it is not stored")
def _():
    gate = Gate()
    count = [0]

    def script(conn, request):
        count[0] += 1
        if request.method == "POST":
            conn.send(answer("done"))
        elif count[0] == 1:
            conn.send(answer("not yet", "Cache-Control: no-store"))
        elif count[0] == 2:
            gate.wait()
            conn.send(fresh("old"))
        else:
            conn.send(fresh("new"))
    origin.on("/overtaken", script)
    expect_equal(weir.site().get("/overtaken").body, b"not yet")
    slow = weir.site()
    slow.ask("/overtaken")
    gate.reached()
    expect_equal(weir.site().get("/overtaken", method="POST").status, 200)
    gate.open()
    expect_equal(slow.response().body, b"old")
    expect_equal(weir.site().get("/overtaken").body, b"new")


@test("W9.7 the first client leaves: the fetch goes on for the others")
def _():
    gate = Gate()
    origin.on("/lead", held(gate, fresh("0123456789")))
    lead, follower = weir.site(), weir.site()
    lead.ask("/lead")
    gate.reached()
    follower.ask("/lead")
    expect_equal(follower.response(body=False).status, 200)
    lead.reset()
    gate.open()
    expect_equal(follower.exactly(10), b"0123456789")
    expect_equal(origin.count("/lead"), 1)


@test("W7.1 a cut answer is seen cut by all that wait, and not stored")
def _():
    gate = Gate()
    count = [0]

    def script(conn, request):
        count[0] += 1
        if count[0] == 1:
            conn.send(head("HTTP/1.1 200 OK", "Content-Length: 10", "Cache-Control: max-age=60") + b"first")
            gate.wait()
            conn.close()
        else:
            conn.send(fresh("0123456789"))
    origin.on("/cut", script)
    clients = [weir.site() for _ in range(5)]
    for client in clients:
        client.ask("/cut")
    gate.reached()
    for client in clients:
        expect_equal(client.response(body=False).status, 200)
    gate.open()
    for client in clients:
        got = client.end()
        expect(len(got) < 10, f"{got!r} looks whole")
    with weir.site() as client:
        expect_equal(client.get("/cut").body, b"0123456789")


@test("a slow reader does not slow the others down")
def _():
    body = b"x" * 900_000  # the memory tier takes it whole
    origin.on("/slow-reader", fresh(body))
    slow = weir.site(receive_buffer=4096)
    slow.ask("/slow-reader")
    slow.response(body=False)
    with weir.site() as quick:
        expect_equal(len(quick.get("/slow-reader").body), len(body))
    expect_equal(len(slow.exactly(len(body))), len(body))
    expect_equal(origin.count("/slow-reader"), 1)


main(origin, weir)
