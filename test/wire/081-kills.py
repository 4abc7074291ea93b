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
LARGE = "/large"  # stored in many pieces, so that a kill comes between them
PURGES = {  # by what each of these paths is purged, soft and hard
    "/purged/url": "http://www.test/purged/url", "/purged/tag": "tag = those", "/purged/prefix": "http://www.test/purged/pre*",
    "/purged/filter": "path = /purged/filter and size < 1GB"}


def body_of(path, version=0):
    seed = f"{path} {version}\n".encode()
    return seed * (1 + hash_of(path) % 3000 if path != LARGE else 300_000)


def hash_of(text):
    value = 5381
    for each in text.encode():
        value = (value * 33 + each) & 0xFFFFFFFF
    return value


versions = {}


def script(conn, request):
    conn.send(fresh(body_of(request.target, versions.get(request.target, 0)), "Surrogate-Key: those" if request.target == "/purged/tag" else None))


def get(path):
    with weir.site() as client:
        return client.get(path)


def is_on_disk(path):
    return "disk" in weir.ctl("cache", "show", f"http://www.test{path}", code=None)[1]


@test(f"{KILLS} kills under load: never a wrong byte, and a purge that was acknowledged holds")
def _():
    origin.default = script
    wrong = []
    served = [0]

    def load(ending, seed):
        choice = random.Random(seed)
        client = None
        while not ending.is_set():
            path = f"/object{choice.randrange(OBJECTS)}" if choice.random() < 0.97 else LARGE
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
    for round_number in range(KILLS):
        ending = threading.Event()
        threads = [threading.Thread(target=load, args=(ending, round_number * 10 + each), daemon=True) for each in range(4)]
        for thread in threads:
            thread.start()
        goal = served[0] + choice.randrange(50, 400)
        wait_until(lambda: served[0] >= goal, "load", 60 * SLOWNESS)
        for path in PURGES:
            expect(get(path).body == body_of(path, versions.get(path, 0)), f"{path}: an old version after a purge")
            if round_number % 2 == 0:  # else it is on its way there
                wait_until(lambda: is_on_disk(path), f"{path} on disk")
            versions[path] = versions.get(path, 0) + 1
            weir.ctl("purge", *(["--hard"] if choice.random() < 0.5 else []), PURGES[path])
        if round_number % 3 == 2:  # the newest large one is being stored
            count = origin.count(LARGE)
            weir.ctl("purge", "--hard", f"http://www.test{LARGE}")
            wait_until(lambda: origin.count(LARGE) > count, "a fetch of the large one", 60 * SLOWNESS)
        weir.kill()
        ending.set()
        for thread in threads:
            thread.join()
        weir.launch()
        for path, what in PURGES.items():
            expect(get(path).body == body_of(path, versions[path]), f"the purge by {what} before kill {round_number + 1} is lost")
        expect(get(LARGE).body == body_of(LARGE), "the large one is wrong")
        expect(not wrong, f"{len(wrong)} wrong: {wrong[:3]}")


main(origin, weir)
