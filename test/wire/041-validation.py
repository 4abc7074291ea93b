#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Validation, both ways, and serving stale. CACHE_RULES sections 7 to 9 and 14."""
from lib import *

origin = Origin()
weir = Weir(config(origin), clock=True)
number = [0]
MODIFIED = "Sat, 01 Nov 2025 10:00:00 GMT"


def new_path(script):
    number[0] += 1
    return origin.on(f"/{number[0]}", script)


def not_modified(*fields):
    return head("HTTP/1.1 304 Not Modified", *fields)


@test("C8.1 C8.4 stale: If-None-Match and If-Modified-Since as stored; the 304 renews the head")
def _():
    path = new_path([fresh("body", 'ETag: W/"v1"', f"Last-Modified: {MODIFIED}", "X-Old: 1", "X-Changes: 1", seconds=10),
                     not_modified('ETag: W/"v1"', "Cache-Control: max-age=100", "X-Changes: 2", "X-New: 3", "Content-Length: 0")])
    with weir.site() as client:
        client.get(path)
        weir.advance(11)
        response = client.get(path, 'If-None-Match: "own"')
        seen = origin.seen(path)[1]
        expect_equal((seen.field("If-None-Match"), seen.field("If-Modified-Since")), ('W/"v1"', MODIFIED))
        expect_equal((response.status, response.body), (200, b"body"))
        again = client.get(path)
    expect(again.hit)
    expect_equal([again.field(name) for name in ("X-Old", "X-Changes", "X-New", "Content-Length")], ["1", "2", "3", "4"])
    expect_equal(origin.count(path), 2)


@test("C8.5 a 304 has no body, whatever its Content-Length says: what follows is the next answer")
def _():
    kept = []

    def script(conn, request):
        kept.append(conn.number)
        if len(kept) == 1:
            conn.send(fresh("body", 'ETag: "1"', seconds=10))
        elif len(kept) == 2:
            conn.send(not_modified('ETag: "1"', "Cache-Control: max-age=10", "Content-Length: 100"))
        else:
            conn.send(answer("another", "Cache-Control: no-store"))
    path = new_path(script)
    with weir.site() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path).body, b"body")
        weir.advance(11)
        expect_equal(client.get(path).body, b"another")
    expect_equal(len(set(kept)), 1, "the connection was used on")


@test("C8.4 a head that 304s have grown past the parser's limit still answers conditions and ranges")
def _():
    first = [f"X-{n}: 1" for n in range(100)]
    more = [f"X-{n}: 2" for n in range(90, 190)]
    path = new_path([fresh("body", 'ETag: "1"', *first, seconds=10), not_modified('ETag: "1"', "Cache-Control: max-age=100", *more)])
    with weir.site() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path).field("X-95"), "2")
        expect_equal(client.get(path, 'If-None-Match: "1"').status, 304)
        expect_equal(client.get(path, "Range: bytes=1-2").body, b"od")
        expect_equal(client.get(path).field("X-189"), "2")


@test("C8.4 a 304 that forbids storing: what the origin says now is not kept")
def _():
    path = new_path([fresh("old", 'ETag: "1"', seconds=10), not_modified('ETag: "1"', "Cache-Control: no-store, max-age=100"),
                     answer("new", "Cache-Control: no-store")])
    with weir.site() as client:
        client.get(path)
        weir.advance(11)
        expect(not client.get(path).hit)
        expect(not client.get(path).hit)


@test("C8.6 a full 200 replaces")
def _():
    path = new_path([fresh("old", 'ETag: "1"', seconds=10), fresh("new", 'ETag: "2"')])
    with weir.site() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path).body, b"new")
        again = client.get(path)
    expect_equal((again.hit, again.body), (True, b"new"))


@test("C8.2 no-cache is stored, and validated at each use")
def _():
    path = new_path([answer("x", "Cache-Control: no-cache, max-age=60", 'ETag: "1"'), not_modified('ETag: "1"')])
    with weir.site() as client:
        for _ in range(3):
            response = client.get(path)
            expect_equal((response.status, response.body), (200, b"x"))
    expect_equal([each.field("If-None-Match") for each in origin.seen(path)], [None, '"1"', '"1"'])


@test("C8.3 must-revalidate and fresh: no validation")
def _():
    path = new_path(answer("x", "Cache-Control: must-revalidate, max-age=60", 'ETag: "1"'))
    with weir.site() as client:
        client.get(path)
        expect(client.get(path).hit)


@test("C8.6 a 304 with a strong tag that is not stored updates nothing: asked again without conditions")
def _():
    path = new_path([fresh("old", 'ETag: "1"', seconds=10), not_modified('ETag: "other"'), fresh("new", 'ETag: "2"')])
    with weir.site() as client:
        client.get(path)
        weir.advance(11)
        response = client.get(path)
    expect_equal((response.status, response.body), (200, b"new"))


@test("C8.7 a 304 to the client's own condition, with nothing stored, is passed on and not stored")
def _():
    path = new_path([not_modified('ETag: "1"', "Cache-Control: max-age=60"), fresh("x", 'ETag: "1"')])
    with weir.site() as client:
        expect_equal(client.get(path, 'If-None-Match: "1"').status, 304)
        expect_equal(origin.seen(path)[0].field("If-None-Match"), '"1"')
        expect_equal(client.get(path).body, b"x")


CONDITIONS = [
    ("C9.1 the tag", 'If-None-Match: "tag"', 304), ("C9.1 the tag, weakly", 'If-None-Match: W/"tag"', 304), ("C9.1 the last of a list", 'If-None-Match: "a", W/"b", "tag"', 304),
    ("C9.1 a star", "If-None-Match: *", 304), ("C9.1 another tag", 'If-None-Match: "tags"', 200), ("C9.6 a tag without quotes", "If-None-Match: tag", 200),
    ("C9.3 the date", f"If-Modified-Since: {MODIFIED}", 304), ("C9.3 a later date", "If-Modified-Since: Sun, 02 Nov 2025 10:00:00 GMT", 304),
    ("C9.3 an earlier date", "If-Modified-Since: Fri, 31 Oct 2025 10:00:00 GMT", 200), ("C9.3 the date as RFC 850", "If-Modified-Since: Saturday, 01-Nov-25 10:00:00 GMT", 304),
    ("C9.3 the date as asctime", "If-Modified-Since: Sat Nov  1 10:00:00 2025", 304), ("C9.3 no date", "If-Modified-Since: yesterday", 200),
]


@table("{}: from the cache", CONDITIONS)
def _(line, status):
    path = new_path(fresh("body", 'ETag: "tag"', f"Last-Modified: {MODIFIED}", "Vary: X-No", "Content-Location: /x"))
    with weir.site() as client:
        client.get(path)
        response = client.get(path, line)
        expect_equal(response.status, status)
        if status == 304:
            expect_equal(response.body, b"")
            for name in ("ETag", "Date", "Cache-Control", "Vary", "Content-Location", "Age"):
                expect(name in response.fields, f"no {name} in the 304")
            expect(response.field("Content-Length", "4") == "4")
        expect_equal(client.get(path).body, b"body")
    expect_equal(origin.count(path), 1)


@test("C9.2 If-None-Match present: If-Modified-Since is ignored")
def _():
    path = new_path(fresh("body", 'ETag: "tag"', f"Last-Modified: {MODIFIED}"))
    with weir.site() as client:
        client.get(path)
        expect_equal(client.get(path, 'If-None-Match: "no"', f"If-Modified-Since: {MODIFIED}").status, 200)


@test("C9.4 stale: validated first, then the client's condition is answered")
def _():
    path = new_path([fresh("body", 'ETag: "tag"', seconds=10), not_modified('ETag: "tag"', "Cache-Control: max-age=100")])
    with weir.site() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path, 'If-None-Match: "tag"').status, 304)
    expect_equal(origin.count(path), 2)


@test("C9.5 If-Match and If-Unmodified-Since are for the origin")
def _():
    path = new_path(answer("x", status=412, reason="No"))
    with weir.site() as client:
        expect_equal(client.get(path, 'If-Match: "1"', f"If-Unmodified-Since: {MODIFIED}", method="PUT", body=b"x").status, 412)
    expect_equal(origin.seen(path)[0].field("If-Match"), '"1"')


def closes(conn, request):
    conn.close()


@test("C7.1 stale is not served while the origin answers")
def _():
    path = new_path([fresh("old", seconds=10), answer("gone", status=404)])
    with weir.site() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path).status, 404)


@test("C7.2 the origin closes without an answer: the stale copy")
def _():
    path = new_path([fresh("old", 'ETag: "1"', seconds=10), closes])
    with weir.site() as client:
        client.get(path)
        weir.advance(11)
        response = client.get(path)
    expect_equal((response.status, response.body), (200, b"old"))
    expect(response.age >= 11, str(response.age))
    expect("Warning" not in response.fields, "C7.6")


@table("C7.3 {}: an error, never the old body", [(each, each) for each in ("must-revalidate", "proxy-revalidate", "s-maxage=10", "no-cache")])
def _(directive):
    path = new_path([answer("old", f"Cache-Control: max-age=10, {directive}", 'ETag: "1"'), closes])
    with weir.site() as client:
        client.get(path)
        weir.advance(11)
        response = client.get(path)
    expect(response.status in (502, 504), repr(response))
    expect(b"old" != response.body)


@test("C7.2 stale-if-error covers a 503")
def _():
    path = new_path([answer("old", "Cache-Control: max-age=10, stale-if-error=100", 'ETag: "1"'), answer("down", status=503)])
    with weir.site() as client:
        client.get(path)
        weir.advance(50)
        expect_equal(client.get(path).body, b"old")


@test("C7.2 a 503 to a validation, with nothing said of errors; not for a client that refused it")
def _():
    path = new_path([answer("old", "Cache-Control: max-age=10", 'ETag: "1"'), answer("down", status=503)])
    with weir.site() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path).body, b"old")
        expect_equal(client.get(path, "Cache-Control: no-cache").status, 503)


@test("C7.4 stale-while-revalidate: at once, one validation behind; the next sees its result")
def _():
    path = new_path([answer("old", "Cache-Control: max-age=10, stale-while-revalidate=60", 'ETag: "1"'), fresh("new")])
    with weir.site() as client:
        client.get(path)
        weir.advance(20)
        response = client.get(path)
        expect_equal((response.status, response.body), (200, b"old"))
        origin.wait(path, 2)
        wait_until(lambda: client.get(path).body == b"new", "the new answer")
    expect_equal(origin.count(path), 2)


@test("C14 a HEAD that contradicts a stale stored GET makes it invalid; one that agrees renews it")
def _():
    def script(length):
        def run(conn, request):
            conn.send(fresh("0123456789", 'ETag: "1"', seconds=10) if request.method == "GET"
                      else head("HTTP/1.1 200 OK", f"Content-Length: {length}", 'ETag: "1"', "Cache-Control: max-age=1000", "X-Head: 1"))
        return run
    with weir.site() as client:
        for length, count in ((99, 2), (10, 1)):
            path = new_path(script(length))
            client.get(path)
            weir.advance(11)
            client.get(path, method="HEAD")
            client.get(path)
            gets = [each for each in origin.seen(path) if each.method == "GET"]
            expect(len(gets) >= count, f"HEAD said {length} bytes")


main(origin, weir)
