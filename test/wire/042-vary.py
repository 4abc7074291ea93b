#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Variants. CACHE_RULES section 6."""
from lib import *

origin = Origin()
weir = Weir(config(origin), clock=True)


def by(name, *vary):
    """A script whose answer tells the request's field, and varies by it."""
    return lambda conn, request: conn.send(fresh(f"{name}={request.field(name)}", *(f"Vary: {each}" for each in vary or (name,))))


@test("C6.1 C6.2 several variants side by side; absent matches only absent")
def _():
    origin.on("/v", by("X-V"))
    with weir.site() as client:
        for value in ("a", "b", None, ""):
            line = None if value is None else f"X-V: {value}"
            expect_equal(client.get("/v", line).body.decode(), f"X-V={value}")
        for value in ("a", "b", None, ""):
            line = None if value is None else f"X-V: {value}"
            response = client.get("/v", line)
            expect(response.hit, f"no hit for {value!r}")
            expect_equal(response.body.decode(), f"X-V={value}")
    expect_equal(origin.count("/v"), 4)


@test("C6.1 three fields, in any order on the wire, over several Vary lines")
def _():
    origin.on("/three", by("X-A", "X-A, X-B", "X-C"))
    with weir.site() as client:
        client.get("/three", "X-A: 1", "X-B: 2", "X-C: 3")
        expect(client.get("/three", "X-C: 3", "X-A: 1", "X-B: 2", "X-D: 9").hit)
        for lines in (["X-A: 0", "X-B: 2", "X-C: 3"], ["X-A: 1", "X-B: 0", "X-C: 3"], ["X-A: 1", "X-B: 2"]):
            expect(not client.get("/three", *lines).hit, repr(lines))


@test("C6.6 of several that match, the one with the newest Date")
def _():
    for newest in (0, 1):
        path = origin.on(f"/newest/{newest}", lambda conn, request: conn.send(
            fresh("both", "Vary: X-A") if request.field("X-A") == "1" else fresh("other", "Vary: X-B")))
        with weir.site() as client:
            asked = [("X-A: 1", "X-B: 2"), ("X-A: 2", "X-B: 1")]
            if newest == 0:
                asked.reverse()
            for lines in asked:
                client.get(path, *lines)
                weir.advance(1)
            response = client.get(path, "X-A: 1", "X-B: 1")
            expect(response.hit)
            expect_equal(response.body, [b"both", b"other"][newest])


@test("C6.4 white space and split lines are normalised")
def _():
    origin.on("/norm", by("X-V"))
    with weir.site() as client:
        client.get("/norm", "X-V: a,b")
        for lines in (["X-V: a, b"], ["X-V:  a ,b "], ["X-V: a", "X-V: b"]):
            expect(client.get("/norm", *lines).hit, repr(lines))
        expect(not client.get("/norm", "X-V: b,a").hit)


@test("C6.1 names in Vary have no letter case")
def _():
    origin.on("/case", by("X-V", "x-v"))
    with weir.site() as client:
        client.get("/case", "X-V: 1")
        expect(client.get("/case", "x-V: 1").hit)
        expect(not client.get("/case", "X-V: 2").hit)


@table("C6.3 Vary {}: never reused", [("*", ["*"]), ("*, *", ["*, *"]), (", *", [", *"]), ("*, X-V", ["*, X-V"]), ("X-V, *", ["X-V, *"]), ("in two lines", ["", "*"])])
def _(vary):
    path = "/star-" + "-".join(vary).replace("*", "s").replace(" ", "").replace(",", "c")
    origin.on(path, by("X-V", *vary))
    with weir.site() as client:
        client.get(path)
        expect(not client.get(path).hit)
    expect_equal(origin.count(path), 2)


@test("C6.8 the validation of a variant carries the request's own fields, and replaces only it")
def _():
    origin.on("/both", by("X-V"))
    with weir.site() as client:
        client.get("/both", "X-V: a")
        client.get("/both", "X-V: b")
        client.get("/both", "X-V: b", "Cache-Control: no-cache")
        expect_equal(origin.seen("/both")[2].field("X-V"), "b")
        expect(client.get("/both", "X-V: a").hit)
        expect(client.get("/both", "X-V: b").hit)


@test("W7.5 the number of variants is bounded; the newest still hit")
def _():
    origin.on("/many", by("X-V"))
    with weir.site() as client:
        for value in range(200):
            client.get("/many", f"X-V: {value}")
        hits = sum(client.get("/many", f"X-V: {value}", "Cache-Control: only-if-cached").hit for value in range(200))
        expect(1 <= hits <= 64, f"{hits} variants kept")


main(origin, weir)
