#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 under load, again and again: no wrong byte, no lost purge. WEIR_LONG=1: 50 times. W11.1."""
import random
import threading

from lib import *

origin = Origin()
weir = Weir(config(origin, cache="memory 4MB", memory_only=False))
KILLS = 50 if LONG else 5
OBJECTS = 300


def body_of(path, version=0):
    seed = f"{path} {version}\n".encode()
    return seed * (1 + hash_of(path) % 3000)


def hash_of(text):
    value = 5381
    for each in text.encode():
        value = (value * 33 + each) & 0xFFFFFFFF
    return value


versions = {}


def script(conn, request):
    conn.send(fresh(body_of(request.target, versions.get(request.target, 0))))


@test(f"{KILLS} kills under load: never a wrong byte, and a purge that was acknowledged holds")
def _():
    origin.default = script
    wrong = []
    served = [0]

    def load(ending, seed):
        choice = random.Random(seed)
        client = None
        while not ending.is_set():
            path = f"/object{choice.randrange(OBJECTS)}"
            try:
                client = client or weir.site()
                response = client.get(path)
            except (Closed, OSError, Failure):
                client = None
                continue
            if response.status == 200:
                served[0] += 1
                if response.body != body_of(path):
                    wrong.append(f"{path}: {response.body[:60]!r} of {len(response.body)}")
        if client:
            client.close()
    choice = random.Random(1)
    purged = "/purged"
    for round_number in range(KILLS):
        ending = threading.Event()
        threads = [threading.Thread(target=load, args=(ending, round_number * 10 + each)) for each in range(4)]
        for thread in threads:
            thread.start()
        goal = served[0] + choice.randrange(50, 400)
        wait_until(lambda: served[0] >= goal, "load", 60 * SLOWNESS)
        with weir.site() as client:
            expect(client.get(purged).body == body_of(purged, versions.get(purged, 0)), "an old version after a purge")
        versions[purged] = versions.get(purged, 0) + 1
        weir.ctl("purge", f"http://www.test{purged}")
        weir.kill()
        ending.set()
        for thread in threads:
            thread.join()
        weir.launch()
        with weir.site() as client:
            expect(client.get(purged).body == body_of(purged, versions[purged]), f"the purge before kill {round_number + 1} is lost")
        expect(not wrong, f"{len(wrong)} wrong: {wrong[:3]}")


main(origin, weir)
