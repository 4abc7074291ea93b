#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""memory-limit: above it nothing new is begun, what is stored is served, what is under way goes on; below it all is as
before. W9.6"""
import os

from lib import *

LIMIT = 96 << 20
HOG = head("GET /hog HTTP/1.1", "Host: www.test", *(f"X-{i}: {'h' * 8000}" for i in range(7)))[:-2]  # a head without its end

half = Gate()
origin, tunnelled = Origin(), Origin(tunnel=lambda conn: conn.send(conn.exactly(4)))


def in_two(conn, request):
    conn.send(head("HTTP/1.1 200 OK", "Cache-Control: no-store", "Content-Length: 8"), "half")
    half.wait()
    conn.send("rest")


origin.on("/hit", fresh("hit"))
origin.on("/stale", fresh("old", "Cache-Control: max-age=1, stale-if-error=600"))
origin.on("/miss", answer("miss"))
origin.on("/two", in_two)
weir = Weir(config(origin, top=f"memory-limit {LIMIT >> 20}MB\nheader-timeout 5min", cache="memory 8MB", connect=str(tunnelled.port)), clock=True)


def hog():
    """Clients that each leave a head of 56 KB unfinished, until there is too much of it."""
    if os.environ.get("WEIR_SANITIZED") == "1":
        raise Skip("a sanitizer's heap keeps what was freed")
    clients = []
    while weir.metric("memory_short") == 0:
        expect(len(clients) < 4000, f"{len(clients)} clients, {weir.memory() >> 20} MB and no end")
        for _ in range(50):
            client = weir.site()
            client.send(HOG)
            clients.append(client)
    return clients


def let_go(clients):
    for client in clients:
        client.reset()


@test("W9.6 above memory-limit new work is refused, work under way finishes, what is stored is served; then all is as before")
def _():
    idle, slow, tunnel = weir.site(), weir.site(), weir.forward()
    for path in ("/hit", "/stale"):
        expect_equal(idle.get(path).status, 200)
    weir.advance(5)
    slow.ask("/two")
    half.reached()
    tunnel.ask(tunnelled.name, method="CONNECT", host=tunnelled.name)
    expect_equal(tunnel.response("CONNECT").status, 200)

    hogs = hog()
    late = weir.site()
    late.ask("/hit")
    expect_equal(idle.get("/hit").body, b"hit")
    refused = idle.get("/miss")
    expect_equal((refused.status, origin.count("/miss")), (503, 0))
    expect_equal(weir.row("path = '/miss'")["end"], "overloaded")
    expect_equal(idle.get("/stale").body, b"old")
    half.open()
    expect_equal(slow.response().body, b"halfrest")
    tunnel.send("ping")
    expect_equal(tunnel.exactly(4), b"ping")
    expect(weir.metric("memory_refused_total") >= 1, "not counted")
    expect(late.is_quiet(), "it was accepted")
    expect_in("memory-limit is 96 MB: no new connections and no new fetches", weir.stderr)

    let_go(hogs)
    expect_equal(late.response().body, b"hit")
    expect_equal((weir.metric("memory_short"), weir.memory() < LIMIT), (0, True))
    expect_equal((idle.get("/miss").status, late.get("/miss").status), (200, 200))
    expect_in("memory is below memory-limit again", weir.stderr)


@test("a reload that takes the limit away ends the shortage")
def _():
    hogs = hog()
    late = weir.site()
    late.ask("/miss")
    weir.write("weir.conf", weir.text.replace(f"memory-limit {LIMIT >> 20}MB", "memory-limit none"))
    weir.ctl("reload")
    expect_equal(late.response().status, 200)
    let_go(hogs)


@test("a limit that the caches fill is refused at load")
def _():
    wrong = weir.write("wrong.conf", weir.text.replace("memory 8MB", "memory 80MB"))
    code, output = run_weir("weirctl", "config", "test", str(wrong))
    expect_equal(code, 1)
    expect_in("the caches leave too little of memory-limit (96MB)", output)
    expect_in("with 80MB in caches it is 132MB at least", output)


main(origin, tunnelled, weir)
