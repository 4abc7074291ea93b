#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Large bodies and many clients in bounded memory. WEIR_LONG=1: 4 GiB down, 1 GiB up, 10,000 idle."""
import resource
import threading
import zlib

from lib import *

origin = Origin()
weir = Weir(config(origin, cache="memory 32MB", memory_only=False))
BLOCK = bytes(range(256)) * 4096
DOWN = 4 << 30 if LONG else 200 << 20
UP = 1 << 30 if LONG else 100 << 20
IDLE = 10000 if LONG else 2000


def watch(peak, ending):
    while not ending.wait(0.02):
        peak[0] = max(peak[0], weir.memory())


def measured(work):
    """Runs work(); gives how far weir's memory rose above where it was."""
    before = weir.memory()
    peak, ending = [before], threading.Event()
    watcher = threading.Thread(target=watch, args=(peak, ending))
    watcher.start()
    try:
        work()
    finally:
        ending.set()
        watcher.join()
    return peak[0] - before


def pour(conn, request):
    conn.send(head("HTTP/1.1 200 OK", f"Content-Length: {DOWN}", "Cache-Control: max-age=60" if "store" in request.target else "Cache-Control: no-store"))
    for _ in range(DOWN // len(BLOCK)):
        conn.send(BLOCK)


def drink(path):
    with weir.site() as client:
        client.ask(path)
        expect_equal(client.response(body=False).status, 200)
        left = DOWN
        while left:
            part = client.exactly(min(left, len(BLOCK)))
            expect(part == BLOCK, "wrong bytes")
            left -= len(part)


@test(f"a download of {DOWN >> 20} MiB that is not stored")
def _():
    origin.on("/pass", pour)
    grown = measured(lambda: drink("/pass"))
    print(f"# memory rose by {grown >> 10} KiB", flush=True)
    expect_grown(grown, 16 << 20)


@test(f"a download of {DOWN >> 20} MiB that may be stored")
def _():
    origin.on("/store", pour)
    grown = measured(lambda: drink("/store"))
    print(f"# memory rose by {grown >> 10} KiB", flush=True)
    expect_grown(grown, 150 << 20)


@test(f"an upload of {UP >> 20} MiB")
def _():
    def script(conn, request):
        left, check = UP, 0
        conn.pending = None
        while left:
            part = conn.exactly(min(left, len(BLOCK)))
            check = zlib.crc32(part, check)
            left -= len(part)
        conn.send(answer(str(check)))
    origin.on("/up", script)
    check = 0
    for _ in range(UP // len(BLOCK)):
        check = zlib.crc32(BLOCK, check)

    def up():
        with weir.site() as client:
            client.send(head("PUT /up HTTP/1.1", "Host: www.test", f"Content-Length: {UP}"))
            for _ in range(UP // len(BLOCK)):
                client.send(BLOCK)
            expect_equal(client.response().body.decode(), str(check))
    grown = measured(up)
    print(f"# memory rose by {grown >> 10} KiB", flush=True)
    expect_grown(grown, 16 << 20)


@test("what a fetch held is let go of when it is over")
def _():
    with weir.site() as client:
        for number in range(20):
            origin.on(f"/fetched{number}", fresh(BLOCK))
            expect_equal(client.get(f"/fetched{number}").status, 200)
    wait_until(lambda: weir.ctl_json("status")["caches"][0]["fill_bytes"] == 0, "no bytes of fetches")


@test(f"{IDLE} idle keep-alive clients cost at most 1 KiB each")
def _():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, IDLE + 1000), hard))
    origin.on("/idle", fresh("x"))
    clients = []

    def open_some(count):
        for _ in range(count):
            client = weir.site()
            client.get("/idle")
            clients.append(client)
    open_some(200)  # pools and tables that are made once
    before = weir.memory()
    open_some(IDLE)
    wait_until(lambda: weir.metric("client_connections") >= IDLE, "all to be counted")
    grown = weir.memory() - before
    for client in clients:
        client.close()
    print(f"# {grown / IDLE:.0f} bytes for each of {IDLE} idle clients", flush=True)
    expect_grown(grown, IDLE * 1024, "memory for idle clients")


main(origin, weir)
