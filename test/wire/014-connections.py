#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`connections N`: no more to a server, idle ones among them; who waits is served, or leaves no trace; no more wait than queue-max."""
import threading

from lib import *

origin = Origin()
hasty = f"""pool hasty {{ server {origin.name}; connections 2; queue-timeout 500ms }}
pool short {{ server {origin.name}; connections 2; queue-max 3; queue-timeout 60s }}"""
weir = Weir(config(origin, top=hasty, app="connections 2\n    queue-timeout 60s",
                   routes="route /hasty { pool hasty }\n    route /short { pool short }\n    route / { pool app }"))


def open_now():
    """Connections to the origin that weir has not closed, as the kernel counts them."""
    count = 0
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            fields = line.split()
            if fields[2].endswith(f":{origin.port:04X}") and fields[3] == "01":
                count += 1
    return count


def server_facts(pool="app"):
    return next(p for p in weir.ctl_json("status")["pools"] if p["name"] == pool)["servers"][0]


def ask(path):
    with weir.site() as client:
        return client.get(path).status


@test("never more than 2 connections, on however many workers; everybody is served")
def _():
    lock, active, most, statuses, gate = threading.Lock(), [0], [0], [], Gate()

    def script(conn, request):
        with lock:
            active[0] += 1
            most[0] = max(most[0], active[0])
        gate.wait()
        with lock:
            active[0] -= 1
        conn.send(answer("x"))
    origin.on("/count", script)

    def load():
        for _ in range(20):
            statuses.append(ask("/count"))
    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: server_facts()["waiting"] == 4, "four to wait")
    wait_until(lambda: most[0] == 2, "the origin to have two")
    expect_equal((most[0], server_facts()["in_use"], origin.connections), (2, 2, 2))
    gate.open()
    for thread in threads:
        thread.join()
    expect_equal(statuses, [200] * 120)
    expect(most[0] <= 2, f"{most[0]} requests at once")
    wait_until(lambda: server_facts()["in_use"] == 0, "no slot in use")
    wait_until(lambda: open_now() <= 2, "no more than 2 idle ones")


@test("an idle connection is used again while nobody else waits")
def _():
    origin.on("/again", answer("x"))
    with weir.site() as client:
        client.get("/again")
        before = origin.connections
        for _ in range(10):
            client.get("/again")
    expect_equal(origin.connections, before)


def hold(gate, path):
    """Two clients whose requests for path fill a pool until the gate opens."""
    def script(conn, request):
        gate.wait()
        conn.send(answer("held"))
    origin.on(path, script)
    clients = [weir.site(), weir.site()]
    for client in clients:
        client.ask(path)
        gate.reached()
    return clients


def let_go(gate, clients):
    gate.open()
    for client in clients:
        expect_equal(client.response().status, 200)
        client.close()


@test("who waits too long gets 503, and the connection is not taken from who holds it")
def _():
    gate = Gate()
    held = hold(gate, "/hasty/held")
    origin.on("/hasty/next", answer("x"))
    expect_equal(ask("/hasty/next"), 503)
    row = weir.row("path = '/hasty/next' AND status = 503")
    expect(row["duration"] >= 500_000, f"after {row['duration']} us")
    expect_equal(server_facts("hasty")["waiting"], 0)
    let_go(gate, held)


@test("more than queue-max do not wait: 503 at once; those who wait are served")
def _():
    gate, done = Gate(), []
    held = hold(gate, "/short/held")
    origin.on("/short/next", answer("x"))
    waiting = [threading.Thread(target=lambda: done.append(ask("/short/next"))) for _ in range(3)]
    for each in waiting:
        each.start()
    wait_until(lambda: server_facts("short")["waiting"] == 3, "three to wait")
    expect_equal([ask("/short/next") for _ in range(5)], [503] * 5)
    row = weir.row("path = '/short/next' AND status = 503")
    expect(row["duration"] < 10_000_000, f"after {row['duration']} us")
    expect_equal(server_facts("short")["waiting"], 3)
    let_go(gate, held)
    for each in waiting:
        each.join()
    expect_equal(done, [200] * 3)


@test("who leaves while waiting is forgotten; the next ones are served")
def _():
    gate = Gate()
    held = hold(gate, "/held")
    origin.on("/next", answer("x"))
    with weir.site() as leaver:
        leaver.ask("/next")
        wait_until(lambda: server_facts()["waiting"] == 1, "one to wait")
        leaver.reset()  # an end alone may be a client that only has no more to ask
    wait_until(lambda: server_facts()["waiting"] == 0, "nobody to wait")
    done = []
    waiting = threading.Thread(target=lambda: done.append(ask("/next")))
    waiting.start()
    wait_until(lambda: server_facts()["waiting"] == 1, "one to wait")
    let_go(gate, held)
    waiting.join()
    expect_equal(done, [200])


main(origin, weir)
