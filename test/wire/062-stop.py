#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stop lets responses finish, closes the rest, and drains the log. W11.5."""
import signal

from lib import *

origin = Origin()


def stopping(by):
    """A weir that is told to stop while it has an idle client, and one in the middle of an answer."""
    gate = Gate()

    def script(conn, request):
        conn.send(head("HTTP/1.1 200 OK", "Content-Length: 10", "Cache-Control: max-age=60") + b"first")
        gate.wait()
        conn.send("last!")
    origin.on("/held", script)
    origin.on("/idle", answer("x"))
    weir = Weir(config(origin))
    weir.start()
    try:
        idle, busy = weir.site(), weir.site()
        address = weir.listener("site")
        idle.get("/idle")
        busy.ask("/held")
        busy.response(body=False)
        expect_equal(busy.exactly(5), b"first")
        by(weir)
        expect_equal(idle.end(), b"", "an idle client gets nothing more")

        def refused():
            try:
                Client(address).close()
                return False
            except OSError:
                return True
        wait_until(refused, "the listener to close")
        expect(weir.alive, "it did not wait for the answer under way")
        gate.open()
        expect_equal(busy.exactly(5), b"last!")
        expect_equal(busy.end(), b"")
        expect_equal(wait_until(lambda: weir.process.poll() is not None and [weir.process.returncode], "weir to end"), [0])
        expect(not weir.has_reported(), weir.stderr)
    finally:
        gate.open()
        weir.abandon()


@test("SIGTERM")
def _():
    stopping(lambda weir: weir.process.send_signal(signal.SIGTERM))


@test("SIGINT")
def _():
    stopping(lambda weir: weir.process.send_signal(signal.SIGINT))


@test("weirctl stop")
def _():
    stopping(lambda weir: weir.ctl("stop"))


@test("the last requests are in the log after a stop and a start")
def _():
    weir = Weir(config(origin))
    origin.on("/last", answer("x"))
    weir.start()
    with weir.site() as client:
        for _ in range(20):
            client.get("/last")
    weir.restart()
    expect_equal(weir.sql("SELECT count(*) AS n FROM access WHERE path = '/last'"), [{"n": 20}])
    weir.stop()


main(origin)
