#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Concurrent misses on one key: one fetch, many clients; and what may never be shared."""
import itertools
import threading

from lib import *

origin = Origin()
weir = Weir(config(origin, cache="memory 512MB"))
both = both_ways(weir, origin)


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


@both("C16.4 200 clients of one cold URL, one request; the bytes reach all of them before the last byte exists")
def _(way):
    gate = Gate()
    path = origin.on("/n", held(gate, fresh("first " + "last!!")))
    clients = [way.client() for _ in range(200)]
    for client in clients:
        client.ask(path)
    gate.reached()
    for client in clients:
        expect_equal(client.response(body=False).status, 200)
        expect_equal(client.exactly(6), b"first ")
    expect(not gate.event.is_set(), "the origin has sent it all")
    gate.open()
    for client in clients:
        expect_equal(client.exactly(6), b"last!!")
        client.close()
    expect_equal(origin.count(path), 1)


@both("clients that wait before the head get it too, with all interim answers on the way")
def _(way):
    gate = Gate()

    def script(conn, request):
        gate.wait()
        conn.send(fresh("all"))
    origin.on("/before", script)
    clients = [way.client() for _ in range(20)]
    for client in clients:
        client.ask("/before")
    gate.reached()
    gate.open()
    responses = [client.response() for client in clients]
    expect_equal({each.body for each in responses}, {b"all"})
    expect_equal(origin.count("/before"), 1)
    expect(sum("collapsed" in each.cache or each.hit for each in responses) >= 19, repr([each.cache for each in responses]))


@both("W7.7 {} is never shared", [("private", "Cache-Control: private, max-age=60"), ("no-store", "Cache-Control: no-store"), ("Vary: *", "Vary: *")])
def _(way, line):
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
    clients = [way.client() for _ in range(5)]
    for client in clients:
        client.ask(path)
    gate.reached()
    gate.open()
    bodies = sorted(client.response().body for client in clients)
    expect_equal(len(set(bodies)), 5, f"{bodies}: answers")


@both("C16.4 {} is for one request alone: stored, and validated for each, without a queue", [
    ("no-cache", "no-cache, max-age=60"), ("max-age=0", "max-age=0"), ("no freshness", "public")])
def _(way, value):
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
    clients = [way.client() for _ in range(5)]
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


@both("W7.7 an answer that varies goes only to those that match")
def _(way):
    gate = Gate()
    count = [0]

    def script(conn, request):
        count[0] += 1
        if count[0] == 1:
            gate.wait()
        conn.send(fresh("for " + request.field("X-V"), "Vary: X-V"))
    origin.on("/vary", script)
    clients = [(way.client(), value) for value in "abab"]
    for client, value in clients:
        client.ask("/vary", f"X-V: {value}")
    gate.reached()
    gate.open()
    for client, value in clients:
        expect_equal(client.response().body.decode(), "for " + value)


@both("W7.7 an answer to a request with Authorization is not shared by max-age")
def _(way):
    gate = Gate()
    count = [0]

    def script(conn, request):
        count[0] += 1
        if count[0] == 1:
            gate.wait()
        conn.send(fresh(f"for {request.field('Authorization')}"))
    origin.on("/authorized", script)
    clients = [(way.client(), value) for value in ("a", "b", None)]
    for client, value in clients:
        client.ask("/authorized", value and f"Authorization: {value}")
    gate.reached()
    gate.open()
    for client, value in clients:
        expect_equal(client.response().body.decode(), f"for {value}")


@both("C16.4 what was not to be stored, and now may be, is stored at once and joined while it arrives")
def _(way):
    gate = Gate()
    origin.on("/turns", answer("not yet", "Cache-Control: no-store"))
    expect_equal(way.client().get("/turns").body, b"not yet")
    expect_equal(way.client().get("/turns").body, b"not yet")
    origin.on("/turns", held(gate, fresh("now " + "stored")))
    first, second = way.client(), way.client()
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
    expect_in("hit", way.client().get("/turns").field("Cache-Status"))


@both("C16.4 it becomes cacheable while many ask for it: one more request at most of each, then hits")
def _(way):
    cacheable, ending = threading.Event(), threading.Event()
    serials = itertools.count()

    def script(conn, request):
        serial = next(serials)
        conn.send(fresh(f"kept {serial}") if cacheable.is_set() else answer(f"passing {serial}", "Cache-Control: no-store"))
    path = origin.on("/becomes", script)
    begun, late, wrong = [0] * 8, [[] for _ in range(8)], []

    def load(number):
        with way.client() as client:
            while not ending.is_set() and len(late[number]) < 20:
                after = cacheable.is_set()
                response = client.get(path)
                begun[number] += 1
                if after:
                    late[number].append("hit" in response.cache or "collapsed" in response.cache)
                    if not response.body.startswith(b"kept"):
                        wrong.append(response.body)
    threads = [threading.Thread(target=load, args=(number,), daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: min(begun) > 20, "load")
    cacheable.set()
    for thread in threads:
        thread.join(DEADLINE)
    ending.set()
    expect_equal([all(each[1:]) and len(each) == 20 for each in late], [True] * 8, repr(late))
    expect_equal(wrong, [])


@both("C16.4 it becomes cacheable while older requests are still under way, whose answers may not be kept: it stays a hit")
def _(way):
    gate = Gate()
    count = [0]

    def script(conn, request):
        count[0] += 1
        if 1 < count[0] <= 6:
            gate.wait()
        conn.send(fresh("kept") if count[0] == 7 else answer("passing", "Cache-Control: no-store"))
    path = origin.on("/overlapping", script)
    expect_equal(way.get(path).body, b"passing")
    clients = [way.client() for _ in range(5)]
    for client in clients:
        client.ask(path)
        gate.reached()
    expect_equal(way.get(path).body, b"kept")
    response = way.get(path)
    expect_equal((response.hit, response.body), (True, b"kept"), "the next but one")
    count[0] = 100
    gate.open()
    for client in clients:
        expect_equal(client.response().body, b"passing")
        client.close()
    expect(way.get(path).hit, "an older answer has ended it")


@both("a POST while the answer that may be stored after all is on its way: it is not stored")
def _(way):
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
    expect_equal(way.client().get("/overtaken").body, b"not yet")
    slow = way.client()
    slow.ask("/overtaken")
    gate.reached()
    expect_equal(way.client().get("/overtaken", method="POST").status, 200)
    gate.open()
    expect_equal(slow.response().body, b"old")
    expect_equal(way.client().get("/overtaken").body, b"new")


@both("W9.7 the first client leaves: the fetch goes on for the others")
def _(way):
    gate = Gate()
    origin.on("/lead", held(gate, fresh("0123456789")))
    lead, follower = way.client(), way.client()
    lead.ask("/lead")
    gate.reached()
    follower.ask("/lead")
    expect_equal(follower.response(body=False).status, 200)
    lead.reset()
    gate.open()
    expect_equal(follower.exactly(10), b"0123456789")
    expect_equal(origin.count("/lead"), 1)


@both("W7.1 a cut answer is seen cut by all that wait, and not stored")
def _(way):
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
    clients = [way.client() for _ in range(5)]
    for client in clients:
        client.ask("/cut")
    gate.reached()
    for client in clients:
        expect_equal(client.response(body=False).status, 200)
    gate.open()
    for client in clients:
        got = client.end()
        expect(len(got) < 10, f"{got!r} looks whole")
    with way.client() as client:
        expect_equal(client.get("/cut").body, b"0123456789")


@both("a slow reader does not slow the others down")
def _(way):
    body = b"x" * 900_000  # the memory tier takes it whole
    origin.on("/slow-reader", fresh(body))
    slow = way.client(receive_buffer=4096)
    slow.ask("/slow-reader")
    slow.response(body=False)
    with way.client() as quick:
        expect_equal(len(quick.get("/slow-reader").body), len(body))
    expect_equal(len(slow.exactly(len(body))), len(body))
    expect_equal(origin.count("/slow-reader"), 1)


main(origin, weir)
