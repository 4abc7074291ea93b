#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a route says of its cache: lifetimes, what is not obeyed, the key, sizes, cookies."""
from lib import *

origin = Origin()
ROUTES = """
    route /ttl/     { cache main ttl 100s ttl-status 404 5xx 10s; pool app }
    route /bounds/  { cache main ttl-min 20s ttl-max 40s; pool app }
    route /ignore/  { cache main ttl 100s ignore freshness no-store private set-cookie; pool app }
    route /drop/    { cache main key-query drop tracking session; pool app }
    route /sort/    { cache main key-query sort; pool app }
    route /parts/   { cache main key-cookie lang key-header X-Device; pool app }
    route /alias/   { cache main key-host www.test; pool app }
    route /size/    { cache main object-min 10B object-max 100B; pool app }
    route /firm/    { cache main client-directives no; pool app }
    route /stale/   { cache main stale-while-revalidate 60s stale-if-error 100s; pool app }
    route /own/     { cache main; targeted-fields Own-Cache-Control CDN-Cache-Control; pool app }
    route /untold/  { cache main; targeted-fields none; pool app }
    route /rules/   { cache main; pool app; rules { cache bypass header X-Fresh; cache no-store header X-Not } }
    route /         { cache main; pool app }
"""
weir = Weir(config(origin, routes=ROUTES), clock=True)
number = [0]


def new_path(folder, script):
    number[0] += 1
    return origin.on(f"/{folder}/{number[0]}", script)


def hits(path, *fields, host="www.test"):
    with weir.site() as client:
        return client.get(path, *fields, host=host).hit


@test("ttl: what the origin says nothing of is fresh that long, and no longer")
def _():
    path = new_path("ttl", answer("x"))
    expect(not hits(path) and hits(path))
    weir.advance(99)
    expect(hits(path))
    weir.advance(2)
    expect(not hits(path))
    said = new_path("ttl", answer("x", "Cache-Control: no-store"))
    expect(not hits(said) and not hits(said), "no-store was not obeyed")


@test("ttl-status: errors for ten seconds")
def _():
    for status in (404, 503):
        path = new_path("ttl", answer("gone", status=status, reason="Said"))
        expect(not hits(path) and hits(path))
        weir.advance(11)
        expect(not hits(path))


@test("C12.1 targeted-fields: the first of them that is well-formed counts; a forward asks none")
def _():
    cases = [("own", ["Own-Cache-Control: no-store", "CDN-Cache-Control: max-age=60", "Cache-Control: max-age=60"], False),
             ("own", ["Own-Cache-Control: max-age=60", "CDN-Cache-Control: no-store", "Cache-Control: no-store"], True),
             ("own", ["Own-Cache-Control: &&&", "CDN-Cache-Control: max-age=60", "Cache-Control: no-store"], True),
             ("own", ["Cache-Control: max-age=60"], True),
             ("untold", ["CDN-Cache-Control: no-store", "Cache-Control: max-age=60"], True),
             ("plain", ["Own-Cache-Control: no-store", "Cache-Control: max-age=60"], True),
             ("plain", ["CDN-Cache-Control: no-store", "Cache-Control: max-age=60"], False)]
    for folder, fields, stored in cases:
        path = new_path(folder, answer("x", *fields))
        hits(path)
        expect_equal(hits(path), stored, (folder, fields))
    for _ in range(2):
        with weir.forward() as client:
            response = client.get(f"http://{origin.name}{path}", host=origin.name)
    expect(response.hit)


@test("ttl-min and ttl-max bound what the origin says")
def _():
    short = new_path("bounds", answer("x", "Cache-Control: max-age=1"))
    long = new_path("bounds", answer("x", "Cache-Control: max-age=9999"))
    hits(short), hits(long)
    weir.advance(15)
    expect(hits(short) and hits(long))
    weir.advance(26)
    expect(not hits(short) and not hits(long))


@test("ignore: stored all the same; the cookies reach nobody")
def _():
    path = new_path("ignore", answer("x", "Cache-Control: no-store, private, max-age=0", "Set-Cookie: id=1"))
    with weir.site() as client:
        first = client.get(path)
        second = client.get(path)
    expect(second.hit)
    expect("Set-Cookie" not in first.fields and "Set-Cookie" not in second.fields, "a cookie was handed out")


@test("C1.1 key-query drop: tracking parameters make no second entry; the origin sees them")
def _():
    path = new_path("drop", fresh("x"))
    full = origin.on(f"{path}?b=1&utm_source=mail&session=7", fresh("x"))
    expect(not hits(full))
    for query in ("?b=1", "?b=1&utm_source=other&gclid=3", "?session=9&b=1"):
        expect(hits(path + query), query)
    expect_equal(origin.count(full), 1)
    other = origin.on(f"{path}?b=2", fresh("y"))
    expect(not hits(other))


@test("C1.1 key-query sort: the order of names is no matter")
def _():
    path = new_path("sort", fresh("x"))
    origin.on(path + "?b=1&a=2", fresh("x"))
    expect(not hits(path + "?b=1&a=2") and hits(path + "?a=2&b=1"))


@test("key-cookie and key-header: one entry for each value, and never another's")
def _():
    def script(conn, request):
        conn.send(fresh(request.field("Cookie", "none") + request.field("X-Device", "")))
    path = new_path("parts", script)
    with weir.site() as client:
        for fields in (["Cookie: lang=de"], ["Cookie: lang=fr"], [], ["Cookie: lang=de", "X-Device: phone"]):
            first = client.get(path, *fields)
            second = client.get(path, *fields)
            expect(not first.hit and second.hit, str(fields))
            expect_equal(second.body, first.body)
        expect(client.get(path, "Cookie: other=1; lang=fr").body == b"lang=fr")


@test("key-host: all names of the site have one entry")
def _():
    path = new_path("alias", fresh("x"))
    expect(not hits(path, host="a.test") and hits(path, host="b.test") and hits(path, host="www.test"))


@test("object-min and object-max, with a length and without")
def _():
    for size, kept in ((9, False), (10, True), (100, True), (101, False)):
        path = new_path("size", fresh("x" * size))
        expect(not hits(path))
        expect_equal(hits(path), kept)
        path = new_path("size", head("HTTP/1.1 200 OK", "Cache-Control: max-age=60", "Transfer-Encoding: chunked") + chunks("x" * size))
        expect(not hits(path))
        expect_equal(hits(path), kept)


@test("C13 client-directives no: a client cannot force a miss")
def _():
    path = new_path("firm", fresh("x"))
    hits(path)
    for field in ("Cache-Control: no-cache", "Cache-Control: no-store", "Cache-Control: max-age=0", "Pragma: no-cache"):
        expect(hits(path, field), field)
    with weir.site() as client:
        expect_equal(client.get(new_path("firm", fresh("x")), "Cache-Control: only-if-cached").status, 504)


@test("C7.4 the route's stale-while-revalidate, where the origin gives none")
def _():
    path = new_path("stale", [answer("old", "Cache-Control: max-age=10", 'ETag: "1"'), fresh("new")])
    with weir.site() as client:
        client.get(path)
        weir.advance(20)
        expect_equal(client.get(path).body, b"old")
        origin.wait(path, 2)
        wait_until(lambda: client.get(path).body == b"new", "the new one")


@test("rules: cache bypass asks the origin and stores; cache no-store answers and does not store")
def _():
    path = new_path("rules", [fresh("1"), fresh("2"), fresh("3")])
    with weir.site() as client:
        expect_equal(client.get(path, "X-Not: 1").body, b"1")
        expect_equal(client.get(path).body, b"2")
        expect(client.get(path, "X-Not: 1").hit)
        expect_equal(client.get(path, "X-Fresh: 1").body, b"3")
        response = client.get(path)
        expect(response.hit and response.body == b"3", "what a bypass fetched was not stored")


@test("config show and config test know the words")
def _():
    shown = weir.ctl("config", "show", "--effective")
    for words in ("ttl-status", "key-query", "client-directives", "object-max"):
        expect(words in shown, words)


main(origin, weir)
