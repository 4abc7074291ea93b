#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that drip heads and sip answers, beside ordinary ones: these are served, and memory stays in its bounds.
WEIR_LONG=1: 5,000 of them, and the median latency of the ordinary ones is compared. W9."""
import resource
import statistics
import subprocess
import sys
import time

from lib import *

SLOW = 5000 if LONG else 500
MOST = 64 << 10  # bytes of memory a slow client may cost

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
origin = Origin()
weir = Weir(config(origin, site="header-timeout 3s"))


def load(count):
    """The median time of so many requests, in milliseconds: hits and misses by turns."""
    times = []
    with weir.site() as client:
        for i in range(count):
            begun = time.monotonic()
            got = client.get("/small" if i % 2 else "/passed")
            times.append((time.monotonic() - begun) * 1000)
            expect_equal((got.status, got.body), (200, b"small" if i % 2 else b"passed"))
    return statistics.median(times)


@test(f"{SLOW} clients that drip and sip: the others are served as before, memory is bounded")
def _():
    origin.on("/small", fresh("small"))
    origin.on("/passed", answer("passed", "Cache-Control: no-store"))
    origin.on("/large", fresh(bytes(1 << 20)))
    with weir.site() as client:
        expect_equal(len(client.get("/large").body), 1 << 20)
    load(200)
    alone, before = load(2000 if LONG else 200), weir.memory()
    host, port = weir.listener("site")
    slow = subprocess.Popen([sys.executable, str(ROOT / "test/wire/lib/slow.py"), host, str(port), str(SLOW)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        expect_equal(slow.stdout.readline(), "ready\n")
        wait_until(lambda: weir.metric("client_connections") >= SLOW, "all of them to be there")
        beside = load(2000 if LONG else 200)
        weir.row("\"end\" = 'timeout' AND path IS NULL OR status = 408")
        grown = weir.memory() - before
        print(f"# median {alone:.2f} ms alone, {beside:.2f} ms beside {SLOW} slow clients; {grown // SLOW} bytes each", flush=True)
        expect_grown(grown, SLOW * MOST)
        if LONG:
            expect(beside < 2 * alone, "more than twice the latency")
        slow.stdin.close()
        expect(int(slow.stdout.readline()) > 0, "no slow client was ever cut")
    finally:
        slow.stdin.close()
        slow.wait()
    wait_until(lambda: weir.metric("client_connections") == 0, "all of them to be gone")


main(origin, weir)
