#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk tier takes everything until it is full, then only what is asked for again (admit-frequent)."""
from lib import *

origin = Origin()
BODY = bytes(range(256)) * 16384  # 4 MiB: too large for the memory tier
weir = Weir(config(origin, cache="memory 2MB", memory_only=False, disk="512MB"))


@test("what was asked for once is stored while there is room, and refused once there is none")
def _():
    number = 0
    with weir.site() as client:
        while weir.metric("disk_admit_refused_total") == 0:
            expect(number < 400, "nothing was ever refused")
            expect(client.get(origin.on(f"/filler{number}", fresh(BODY))).body == BODY)
            number += 1
    print(f"# the first refusal after {number} objects of 4 MiB", flush=True)
    expect(number > 60, f"refused after {number}")


@test("it is stored when it is asked for again")
def _():
    path = origin.on("/again", fresh(BODY))
    refused = weir.metric("disk_admit_refused_total")
    with weir.site() as client:
        expect(not client.get(path).hit)
        expect_equal(weir.metric("disk_admit_refused_total"), refused + 1)
        expect(not client.get(path).hit, "a hit on what was refused")
        expect_equal(weir.metric("disk_admit_refused_total"), refused + 1)
        wait_until(lambda: "disk" in weir.ctl("cache", "show", "http://www.test/again", code=None)[1], "it on disk")
        expect(client.get(path).hit)
    expect_equal(origin.count(path), 2)


main(origin, weir)
