#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk tier takes everything until it is full, then only what is asked for again (admit-frequent)."""
from lib import *

origin = Origin()
BODY = bytes(range(256)) * 16384  # 4 MiB: too large for the memory tier
weir = Weir(config(origin, cache="memory 2MB", memory_only=False, disk="512MB"))


def refused_first(client, number):
    """The path of an object nobody asked for before, which the disk did not take. None: it took it.
    The storage thread lags behind on a slow disk: what it has dropped meanwhile is room again."""
    wait_until(lambda: weir.ctl_json("status")["caches"][0]["disk"]["queue_bytes"] == 0, "an empty queue to the disk")
    refused = weir.metric("disk_admit_refused_total")
    path = origin.on(f"/object{number}", fresh(BODY))
    expect(client.get(path).body == BODY)
    return path if weir.metric("disk_admit_refused_total") > refused else None


def fill(client, numbers):
    for number in numbers:
        if path := refused_first(client, number):
            return number, path
    raise AssertionError("nothing was ever refused")


@test("what was asked for once is stored while there is room, and refused once there is none")
def _():
    with weir.site() as client:
        number, _ = fill(client, range(400))
    print(f"# the first refusal after {number} objects of 4 MiB", flush=True)
    expect(number > 60, f"refused after {number}")


@test("it is stored when it is asked for again")
def _():
    with weir.site() as client:
        _, path = fill(client, range(400, 800))
        refused = weir.metric("disk_admit_refused_total")
        expect(not client.get(path).hit, "a hit on what was refused")
        expect_equal(weir.metric("disk_admit_refused_total"), refused)
        wait_until(lambda: "disk" in weir.ctl("cache", "show", f"http://www.test{path}", code=None)[1], "it on disk")
        expect(client.get(path).hit)
    expect_equal(origin.count(path), 2)


main(origin, weir)
