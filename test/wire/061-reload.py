#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reload is a swap of generations: nothing under way is hurt, a bad file changes nothing. W11.4."""
import signal
import threading

from lib import *

origin = Origin()
other = Origin()
tunnelled = Origin(tunnel=lambda conn: (conn.send(conn.until(b"\n")), conn.send(conn.until(b"\n")), conn.close()))
weir = Weir(config(origin, connect=str(tunnelled.port), top=f"pool other {{ server {other.name} }}"))
RELOADS = 1000 if LONG else 50


@test("a reload changes routes; requests and tunnels under way go on")
def _():
    gate = Gate()

    def script(conn, request):
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        gate.wait()
        conn.send("last!")
    origin.on("/held", script)
    other.on("/routed", answer("other"))
    origin.on("/routed", answer("app"))
    with weir.site() as client, weir.site() as fresh_client, weir.forward() as tunnel:
        client.ask("/held")
        client.response(body=False)
        tunnel.ask(tunnelled.name, method="CONNECT", host=tunnelled.name)
        tunnel.response("CONNECT", body=False)
        tunnel.send("one\n")
        expect_equal(tunnel.exactly(4), b"one\n")
        expect_equal(fresh_client.get("/routed").body, b"app")
        weir.write("weir.conf", weir.text.replace("route / { cache main; pool app }", "route / { pool app }\n route /routed { pool other }"))
        weir.ctl("reload")
        expect_equal(fresh_client.get("/routed").body, b"other")
        gate.open()
        expect_equal(client.exactly(10), b"firstlast!")
        tunnel.send("two\n")
        expect_equal(tunnel.end(), b"two\n")


@test("a bad file changes nothing and says why")
def _():
    weir.write("weir.conf", weir.text + "\nnonsense here\n")
    generation = weir.metric("generation")
    code, text = weir.ctl("reload", code=None)
    expect(code == 1, text)
    expect_in("nonsense", text)
    told = weir.ctl_json("status")["reload_error"]
    expect("nonsense" in told and "\n" not in told, told)
    expect_in("error config: ", weir.stderr)
    expect("\\x0a" not in weir.stderr, "several lines in one of the error log")
    expect_equal(weir.metric("generation"), generation)
    with weir.site() as client:
        expect_equal(client.get("/routed").body, b"other")


@test("SIGHUP reloads too")
def _():
    weir.write("weir.conf", weir.text)
    generation = weir.metric("generation")
    weir.process.send_signal(signal.SIGHUP)
    wait_until(lambda: weir.metric("generation") == generation + 1, "the next generation")
    with weir.site() as client:
        expect_equal(client.get("/routed").body, b"app")


@test("a listener that goes is closed, one that comes listens, one that stays keeps its connections")
def _():
    origin.on("/stays", answer("x"))
    with weir.site() as client:
        client.get("/stays")
        weir.write("weir.conf", weir.text + "\nsite new.test { listen 127.0.0.9:0; route / { respond 200 \"new\" } }\n")
        weir.ctl("reload")
        expect_equal(client.get("/stays").status, 200)


@test(f"{RELOADS} reloads under load: no failed request, memory flat")
def _():
    origin.on("/load", fresh("x" * 1000))
    origin.on("/pass", answer("y" * 1000, "Cache-Control: no-store"))
    ending = threading.Event()
    failures = []
    done = [0]

    def load(path):
        try:
            while not ending.is_set():
                with weir.site() as client:
                    for _ in range(20):
                        response = client.get(path)
                        if response.status != 200 or len(response.body) != 1000:
                            failures.append(repr(response))
                        done[0] += 1
        except Exception as error:
            failures.append(f"{type(error).__name__}: {error}")
    threads = [threading.Thread(target=load, args=(path,)) for path in ("/load", "/pass", "/load", "/pass")]
    for thread in threads:
        thread.start()
    try:
        for each in range(RELOADS // 5):
            weir.ctl("reload")
        before = weir.memory()
        for each in range(RELOADS):
            weir.ctl("reload")
        after = weir.memory()
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    expect(not failures, f"{len(failures)} of {done[0]} failed: {failures[:3]}")
    expect(done[0] > 100, f"only {done[0]} requests")
    print(f"# {done[0]} requests; memory grew by {(after - before) >> 10} KiB", flush=True)
    # The load goes on touching the log rings (one of 16 MiB for each worker) and the chunk pools.
    expect_grown(after - before, 2 * (16 << 20) + 20_000_000 + RELOADS * 2000)


main(origin, other, tunnelled, weir)
