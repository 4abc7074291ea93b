#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`connections N`: no more to a server, idle ones among them; who waits is served, or leaves no trace."""
import threading

from lib import *

origin = Origin()
weir = Weir(config(origin, app="connections 2\n    queue-timeout 500ms", routes="route / { pool app }"))


def open_now():
    """Connections to the origin that weir has not closed, as the kernel counts them."""
    count = 0
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            fields = line.split()
            if fields[2].endswith(f":{origin.port:04X}") and fields[3] == "01":
                count += 1
    return count


def server_facts():
    return weir.ctl_json("status")["pools"][0]["servers"][0]


def ask(path):
    with weir.site() as client:
        return client.get(path).status


@test("never more than 2 connections, on however many workers; everybody is served")
def _():
    most, statuses = [0], []

    def script(conn, request):
        most[0] = max(most[0], open_now())
        conn.send(answer("x"))
    origin.on("/count", script)

    def load():
        for _ in range(20):
            statuses.append(ask("/count"))
    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect_equal(statuses, [200] * 120)
    expect(1 <= most[0] <= 2, f"{most[0]} connections")
    wait_until(lambda: server_facts()["in_use"] == 0, "no slot in use")
    expect(open_now() <= 2, "idle ones count")


@test("an idle connection is used again while nobody else waits")
def _():
    origin.on("/again", answer("x"))
    with weir.site() as client:
        client.get("/again")
        before = origin.connections
        for _ in range(10):
            client.get("/again")
    expect_equal(origin.connections, before)


@test("who waits too long gets 503, who leaves is forgotten; the next ones are served")
def _():
    gate = Gate()

    def script(conn, request):
        gate.wait()
        conn.send(answer("held"))
    origin.on("/held", script)
    origin.on("/next", answer("x"))
    with weir.site() as one, weir.site() as two:
        one.ask("/held")
        two.ask("/held")
        gate.reached()
        gate.reached()
        expect_equal(ask("/next"), 503)
        row = weir.row("path = '/next' AND status = 503")
        expect(row["duration"] >= 500_000, f"after {row['duration']} us")
        expect_equal(server_facts()["waiting"], 0)
        with weir.site() as leaver:
            leaver.ask("/next")
            wait_until(lambda: server_facts()["waiting"] == 1, "one to wait")
        wait_until(lambda: server_facts()["waiting"] == 0, "nobody to wait")
        done = []
        waiting = threading.Thread(target=lambda: done.append(ask("/next")))
        waiting.start()
        wait_until(lambda: server_facts()["waiting"] == 1, "one to wait")
        gate.open()
        waiting.join()
        expect_equal(done, [200])
        expect_equal(one.response().status, 200)
        expect_equal(two.response().status, 200)


main(origin, weir)
