#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Variants. CACHE_RULES section 6."""
from lib import *

origin = Origin()
weir = Weir(config(origin), clock=True)
both = both_ways(weir, origin)


def by(name, *vary):
    """A script whose answer tells the request's field, and varies by it."""
    return lambda conn, request: conn.send(fresh(f"{name}={request.field(name)}", *(f"Vary: {each}" for each in vary or (name,))))


@both("C6.1 C6.2 several variants side by side; absent matches only absent")
def _(way):
    origin.on("/v", by("X-V"))
    with way.client() as client:
        for value in ("a", "b", None, ""):
            line = None if value is None else f"X-V: {value}"
            expect_equal(client.get("/v", line).body.decode(), f"X-V={value}")
        for value in ("a", "b", None, ""):
            line = None if value is None else f"X-V: {value}"
            response = client.get("/v", line)
            expect(response.hit, f"no hit for {value!r}")
            expect_equal(response.body.decode(), f"X-V={value}")
    expect_equal(origin.count("/v"), 4)


@both("C6.1 three fields, in any order on the wire, over several Vary lines")
def _(way):
    origin.on("/three", by("X-A", "X-A, X-B", "X-C"))
    with way.client() as client:
        client.get("/three", "X-A: 1", "X-B: 2", "X-C: 3")
        expect(client.get("/three", "X-C: 3", "X-A: 1", "X-B: 2", "X-D: 9").hit)
        for lines in (["X-A: 0", "X-B: 2", "X-C: 3"], ["X-A: 1", "X-B: 0", "X-C: 3"], ["X-A: 1", "X-B: 2"]):
            expect(not client.get("/three", *lines).hit, repr(lines))


@both("C6.7 no variant matches: the origin is told the tags of all, and its 304 says which one is meant")
def _(way):
    def script(conn, request):
        language = request.field("Accept-Language")
        if language == "de-CH":
            expect_equal(request.field("If-None-Match"), '"en", "de"')
            expect_equal(request.field("X-Own"), "1", "C6.8")
            conn.send(head("HTTP/1.1 304 Not Modified", 'ETag: "de"', "Vary: Accept-Language", "X-New: 1", "Cache-Control: max-age=100"))
        else:
            conn.send(fresh(language, f'ETag: "{language}"', "Vary: Accept-Language"))
    origin.on("/tags", script)
    with way.client() as client:
        client.get("/tags", "Accept-Language: de")
        client.get("/tags", "Accept-Language: en")
        chosen = client.get("/tags", "Accept-Language: de-CH", "X-Own: 1", 'If-None-Match: "own"')
        expect_equal((chosen.status, chosen.body, chosen.field("X-New")), (200, b"de", "1"))
        expect_in("fwd=vary-miss", chosen.field("Cache-Status"))
        for language, body in (("de-CH", b"de"), ("de", b"de"), ("en", b"en")):
            again = client.get("/tags", f"Accept-Language: {language}")
            expect(again.hit, f"no hit for {language}")
            expect_equal(again.body, body)
    expect_equal(origin.count("/tags"), 3)


@both("C6.7 C8.6 a 304 that names none of them: asked once more, without conditions")
def _(way):
    def script(conn, request):
        if request.field("X-V") == "1":
            conn.send(fresh("one", 'ETag: "1"', "Vary: X-V"))
        elif request.field("If-None-Match"):
            conn.send(head("HTTP/1.1 304 Not Modified", 'ETag: "7"', "Vary: X-V"))
        else:
            conn.send(fresh("two", 'ETag: "2"', "Vary: X-V"))
    origin.on("/no-tag", script)
    with way.client() as client:
        client.get("/no-tag", "X-V: 1")
        expect_equal(client.get("/no-tag", "X-V: 2").body, b"two")
        expect_equal(client.get("/no-tag", "X-V: 1").body, b"one")
    expect_equal(origin.count("/no-tag"), 3)


@both("C6.7 what may not be used for an authorized request is not offered for one")
def _(way):
    seen = []

    def script(conn, request):
        seen.append(request.field("If-None-Match"))
        conn.send(answer("mine", 'ETag: "a"', "Vary: X-V", "Cache-Control: max-age=100"))
    origin.on("/authorized", script)
    with way.client() as client:
        client.get("/authorized", "X-V: 1")
        client.get("/authorized", "X-V: 2", "Authorization: Basic YTpi")
    expect_equal(seen, [None, None])


@both("C6.6 of several that match, the one with the newest Date")
def _(way):
    for newest in (0, 1):
        path = origin.on(f"/newest/{newest}", lambda conn, request: conn.send(
            fresh("both", "Vary: X-A") if request.field("X-A") == "1" else fresh("other", "Vary: X-B")))
        with way.client() as client:
            asked = [("X-A: 1", "X-B: 2"), ("X-A: 2", "X-B: 1")]
            if newest == 0:
                asked.reverse()
            for lines in asked:
                client.get(path, *lines)
                weir.advance(1)
            response = client.get(path, "X-A: 1", "X-B: 1")
            expect(response.hit)
            expect_equal(response.body, [b"both", b"other"][newest])


@both("C6.4 white space and split lines are normalised")
def _(way):
    origin.on("/norm", by("X-V"))
    with way.client() as client:
        client.get("/norm", "X-V: a,b")
        for lines in (["X-V: a, b"], ["X-V:  a ,b "], ["X-V: a", "X-V: b"]):
            expect(client.get("/norm", *lines).hit, repr(lines))
        expect(not client.get("/norm", "X-V: b,a").hit)


@both("C6.4 preferences have no letter case, and among equal weights no order; other fields have both")
def _(way):
    for name in ("Accept-Language", "Accept-Encoding"):
        path = origin.on(f"/preferences-{name}", by(name, name))
        way.get(path, f"{name}: de, en;q=0.5")
        for value, hit in (("DE,EN;q=0.5", True), ("en;q=0.5, de", True), ("de;q=0.5, en", False), ("de", False)):
            expect_equal(way.get(path, f"{name}: {value}").hit, hit, value)
        way.get(path, f"{name}: a, b")
        expect(way.get(path, f"{name}: b, a").hit)
    origin.on("/no-preference", by("X-V"))
    way.get("/no-preference", "X-V: a")
    expect(not way.get("/no-preference", "X-V: A").hit)


@both("C6.1 names in Vary have no letter case")
def _(way):
    origin.on("/case", by("X-V", "x-v"))
    with way.client() as client:
        client.get("/case", "X-V: 1")
        expect(client.get("/case", "x-V: 1").hit)
        expect(not client.get("/case", "X-V: 2").hit)


@both("C6.3 Vary {}: never reused", [("*", ["*"]), ("*, *", ["*, *"]), (", *", [", *"]), ("*, X-V", ["*, X-V"]), ("X-V, *", ["X-V, *"]), ("in two lines", ["", "*"])])
def _(way, vary):
    path = "/star-" + "-".join(vary).replace("*", "s").replace(" ", "").replace(",", "c")
    origin.on(path, by("X-V", *vary))
    with way.client() as client:
        client.get(path)
        expect(not client.get(path).hit)
    expect_equal(origin.count(path), 2)


@both("C6.8 the validation of a variant carries the request's own fields, and replaces only it")
def _(way):
    origin.on("/both", by("X-V"))
    with way.client() as client:
        client.get("/both", "X-V: a")
        client.get("/both", "X-V: b")
        client.get("/both", "X-V: b", "Cache-Control: no-cache")
        expect_equal(origin.seen("/both")[2].field("X-V"), "b")
        expect(client.get("/both", "X-V: a").hit)
        expect(client.get("/both", "X-V: b").hit)


@both("C6.2 an answer that nobody may store ends its own variant, and no other")
def _(way):
    origin.on("/last", by("X-V"))
    with way.client() as client:
        for value in "abc":
            client.get("/last", f"X-V: {value}")
        origin.on("/last", lambda conn, request: conn.send(answer("new", "Cache-Control: no-store", "Vary: X-V")))
        expect(not client.get("/last", "X-V: b", "Cache-Control: no-cache").hit)
        expect_equal(client.get("/last", "X-V: b").body, b"new")
        for value in "ac":
            response = client.get("/last", f"X-V: {value}")
            expect(response.hit, value)
            expect_equal(response.body.decode(), f"X-V={value}")


@both("W7.5 the number of variants is bounded; the newest still hit")
def _(way):
    origin.on("/many", by("X-V"))
    with way.client() as client:
        for value in range(200):
            client.get("/many", f"X-V: {value}")
        hits = sum(client.get("/many", f"X-V: {value}", "Cache-Control: only-if-cached").hit for value in range(200))
        expect(1 <= hits <= 64, f"{hits} variants kept")


main(origin, weir)
