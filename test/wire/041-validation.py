#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Validation, both ways, and serving stale. CACHE_RULES sections 7 to 9 and 14."""
from lib import *

origin = Origin()
weir = Weir(config(origin), clock=True)
both = both_ways(weir, origin)
number = [0]
MODIFIED = "Sat, 01 Nov 2025 10:00:00 GMT"


def new_path(script):
    number[0] += 1
    return origin.on(f"/{number[0]}", script)


def not_modified(*fields):
    return head("HTTP/1.1 304 Not Modified", *fields)


@both("C8.1 C8.4 stale: If-None-Match and If-Modified-Since as stored; the 304 renews the head")
def _(way):
    path = new_path([fresh("body", 'ETag: W/"v1"', f"Last-Modified: {MODIFIED}", "X-Old: 1", "X-Changes: 1", seconds=10),
                     not_modified('ETag: W/"v1"', "Cache-Control: max-age=100", "X-Changes: 2", "X-New: 3", "Content-Length: 0")])
    with way.client() as client:
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


@both("C8.1 a Range and its If-Range stay behind when the whole is validated; the part is cut from it")
def _(way):
    path = new_path([fresh("0123456789", 'ETag: "1"', seconds=10), not_modified('ETag: "1"', "Cache-Control: max-age=100")])
    way.get(path)
    weir.advance(11)
    response = way.get(path, "Range: bytes=2-3", 'If-Range: "1"')
    expect_equal((response.status, response.body, response.field("Content-Range")), (206, b"23", "bytes 2-3/10"))
    seen = origin.seen(path)[1]
    expect_equal([seen.field(name) for name in ("Range", "If-Range", "If-None-Match")], [None, None, '"1"'])


@both("C8.4 fields of every kind of a 304 are stored, but for those of the connection; age and Expires are its own")
def _(way):
    path = new_path([answer("body", 'ETag: "1"', "Expires: Sat, 01 Nov 2025 10:00:00 GMT", "Content-Type: a/b", "Set-Cookie: a=1", "Age: 100"),
                     not_modified('ETag: "1"', "Expires: Fri, 01 Jan 2100 10:00:00 GMT", "Content-Type: c/d", "Set-Cookie: b=2", "Set-Cookie: c=3",
                                  "Content-Security-Policy: x", "Connection: X-Hop", "X-Hop: 1", "Keep-Alive: 1", "Proxy-Authenticate: 1", "Age: 7",
                                  "Content-Encoding: gzip", "Content-Length: 77")])
    way.get(path)
    for hit in (False, True):
        response = way.get(path)
        expect_equal((response.hit, response.status, response.body), (hit, 200, b"body"))
        expect_equal([response.fields.all(name) for name in ("Content-Type", "Set-Cookie", "Content-Security-Policy", "Expires", "Content-Length")],
                     [["c/d"], ["b=2", "c=3"], ["x"], ["Fri, 01 Jan 2100 10:00:00 GMT"], ["4"]])
        expect_equal([response.field(name) for name in ("X-Hop", "Keep-Alive", "Proxy-Authenticate")], [None] * 3)
        expect(7 <= response.age <= 9, str(response.age))


@both("C8.5 a 304 has no body, whatever its Content-Length says: what follows is the next answer")
def _(way):
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
    with way.client() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path).body, b"body")
        weir.advance(11)
        expect_equal(client.get(path).body, b"another")
    expect_equal(len(set(kept)), 1, "the connection was used on")


@both("C8.4 a head that 304s have grown past the parser's limit still answers conditions and ranges")
def _(way):
    first = [f"X-{n}: 1" for n in range(100)]
    more = [f"X-{n}: 2" for n in range(90, 190)]
    path = new_path([fresh("body", 'ETag: "1"', *first, seconds=10), not_modified('ETag: "1"', "Cache-Control: max-age=100", *more)])
    with way.client() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path).field("X-95"), "2")
        expect_equal(client.get(path, 'If-None-Match: "1"').status, 304)
        expect_equal(client.get(path, "Range: bytes=1-2").body, b"od")
        expect_equal(client.get(path).field("X-189"), "2")


@both("C8.4 a 304 that forbids storing: what the origin says now is not kept")
def _(way):
    path = new_path([fresh("old", 'ETag: "1"', seconds=10), not_modified('ETag: "1"', "Cache-Control: no-store, max-age=100"),
                     answer("new", "Cache-Control: no-store")])
    with way.client() as client:
        client.get(path)
        weir.advance(11)
        expect(not client.get(path).hit)
        expect(not client.get(path).hit)


@both("C8.6 a full 200 replaces")
def _(way):
    path = new_path([fresh("old", 'ETag: "1"', seconds=10), fresh("new", 'ETag: "2"')])
    with way.client() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path).body, b"new")
        again = client.get(path)
    expect_equal((again.hit, again.body), (True, b"new"))


@both("C8.2 no-cache is stored, and validated at each use")
def _(way):
    path = new_path([answer("x", "Cache-Control: no-cache, max-age=60", 'ETag: "1"'), not_modified('ETag: "1"')])
    with way.client() as client:
        for _ in range(3):
            response = client.get(path)
            expect_equal((response.status, response.body), (200, b"x"))
    expect_equal([each.field("If-None-Match") for each in origin.seen(path)], [None, '"1"', '"1"'])


@both("C8.3 must-revalidate and fresh: no validation")
def _(way):
    path = new_path(answer("x", "Cache-Control: must-revalidate, max-age=60", 'ETag: "1"'))
    with way.client() as client:
        client.get(path)
        expect(client.get(path).hit)


@both("C8.6 a 304 with a strong tag that is not stored updates nothing: asked again without conditions")
def _(way):
    path = new_path([fresh("old", 'ETag: "1"', seconds=10), not_modified('ETag: "other"'), fresh("new", 'ETag: "2"')])
    with way.client() as client:
        client.get(path)
        weir.advance(11)
        response = client.get(path)
    expect_equal((response.status, response.body), (200, b"new"))


@both("C8.7 a 304 to the client's own condition, with nothing stored, is passed on and not stored")
def _(way):
    path = new_path([not_modified('ETag: "1"', "Cache-Control: max-age=60"), fresh("x", 'ETag: "1"')])
    with way.client() as client:
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


@both("{}: from the cache", CONDITIONS)
def _(way, line, status):
    path = new_path(fresh("body", 'ETag: "tag"', f"Last-Modified: {MODIFIED}", "Vary: X-No", "Content-Location: /x"))
    with way.client() as client:
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


@both("C9.2 If-None-Match present: If-Modified-Since is ignored")
def _(way):
    path = new_path(fresh("body", 'ETag: "tag"', f"Last-Modified: {MODIFIED}"))
    with way.client() as client:
        client.get(path)
        expect_equal(client.get(path, 'If-None-Match: "no"', f"If-Modified-Since: {MODIFIED}").status, 200)


@both("C9.3 without a Last-Modified the Date is compared with")
def _(way):
    path = new_path(fresh("body", f"Date: {MODIFIED}", seconds=10**9))
    way.get(path)
    for line, status in ((MODIFIED, 304), ("Sun, 02 Nov 2025 10:00:00 GMT", 304), ("Sat, 01 Nov 2025 09:59:59 GMT", 200)):
        expect_equal(way.get(path, f"If-Modified-Since: {line}").status, status, line)
    expect_equal(origin.count(path), 1)


@both("C9.6 tags are opaque octets; one without quotes compares with itself alone")
def _(way):
    for tag in (b'"\xe9\xff"', b'"a, b"', b"abc", b'W/"\xe9"'):
        path = new_path(fresh("body", b"ETag: " + tag))
        way.get(path)
        expect_equal(way.get(path, b"If-None-Match: " + tag).status, 304, repr(tag))
        expect_equal(way.get(path, b"If-None-Match: " + tag.replace(b"a", b"c").replace(b"\xe9", b"\xe8")).status, 200, repr(tag))
        expect_equal(origin.count(path), 1)
    path = new_path(fresh("body", "ETag: abc"))
    way.get(path)
    expect_equal(way.get(path, 'If-None-Match: "abc"').status, 200, "quotes were added")


@both("C9.5 nothing stored: the client's conditions go on as they are, odd tags too; If-Match of a GET goes past what is stored")
def _(way):
    for line in ('If-None-Match: abc, W/"x", "', b'If-None-Match: "\xe9"', f"If-Modified-Since: {MODIFIED}", "If-Modified-Since: yesterday"):
        path = new_path(answer("x", "Cache-Control: no-store"))
        way.get(path, line)
        name, _, value = (line if isinstance(line, str) else line.decode("latin-1")).partition(": ")
        expect_equal(origin.seen(path)[0].field(name), value)
    path = new_path([fresh("x", 'ETag: "1"'), answer("no", status=412, reason="No")])
    way.get(path)
    expect_equal(way.get(path, 'If-Match: "2"').status, 412)
    expect(way.get(path).hit)


@both("C9.4 stale: validated first, then the client's condition is answered")
def _(way):
    path = new_path([fresh("body", 'ETag: "tag"', seconds=10), not_modified('ETag: "tag"', "Cache-Control: max-age=100")])
    with way.client() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path, 'If-None-Match: "tag"').status, 304)
    expect_equal(origin.count(path), 2)


@both("C9.5 If-Match and If-Unmodified-Since are for the origin")
def _(way):
    path = new_path(answer("x", status=412, reason="No"))
    with way.client() as client:
        expect_equal(client.get(path, 'If-Match: "1"', f"If-Unmodified-Since: {MODIFIED}", method="PUT", body=b"x").status, 412)
    expect_equal(origin.seen(path)[0].field("If-Match"), '"1"')


def closes(conn, request):
    conn.close()


@both("C7.1 stale is not served while the origin answers")
def _(way):
    path = new_path([fresh("old", seconds=10), answer("gone", status=404)])
    with way.client() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path).status, 404)


@both("C7.2 the origin closes without an answer: the stale copy")
def _(way):
    path = new_path([fresh("old", 'ETag: "1"', seconds=10), closes])
    with way.client() as client:
        client.get(path)
        weir.advance(11)
        response = client.get(path)
    expect_equal((response.status, response.body), (200, b"old"))
    expect(response.age >= 11, str(response.age))
    expect("Warning" not in response.fields, "C7.6")


@both("C7.3 {}: an error, never the old body", [(each, each) for each in ("must-revalidate", "proxy-revalidate", "s-maxage=10", "no-cache")])
def _(way, directive):
    path = new_path([answer("old", f"Cache-Control: max-age=10, {directive}", 'ETag: "1"'), closes])
    with way.client() as client:
        client.get(path)
        weir.advance(11)
        response = client.get(path)
    expect(response.status in (502, 504), repr(response))
    expect(b"old" != response.body)


@both("C7.3 {}: nor after a server error, nor within windows that are given beside it",
      [(each, each) for each in ("must-revalidate", "proxy-revalidate", "s-maxage=10", "no-cache")])
def _(way, directive):
    path = new_path([answer("old", f"Cache-Control: max-age=10, stale-while-revalidate=1000, stale-if-error=1000, {directive}", 'ETag: "1"'),
                     answer("down", status=503)])
    way.get(path)
    weir.advance(11)
    for _ in range(2):
        response = way.get(path)
        expect_equal((response.status, response.body), (503, b"down"))


@both("C7.2 nobody listens at the origin: the stale copy; with must-revalidate 504")
def _(way):
    for directive, status in (("max-age=10", 200), ("max-age=10, must-revalidate", 504)):
        path = new_path(answer("old", f"Cache-Control: {directive}"))
        way.get(path)
        weir.advance(11)
        origin.close_listener()
        origin.close_connections()
        try:
            response = way.get(path)
            expect_equal((response.status, response.body == b"old"), (status, status == 200), directive)
        finally:
            origin.open_listener()
        wait_until(lambda: way.get(new_path(answer("up"))).status == 200, "the origin to be used again")


@both("C7.2 {} to a validation: the stale copy, however long; within stale-if-error where it is given", [(each, each) for each in (500, 502, 503, 504)])
def _(way, status):
    path = new_path([fresh("old", 'ETag: "1"', seconds=10), answer("down", status=status)])
    way.get(path)
    weir.advance(1000)
    expect_equal(way.get(path).body, b"old")
    path = new_path([answer("old", "Cache-Control: max-age=10, stale-if-error=100", 'ETag: "1"'), answer("down", status=status)])
    way.get(path)
    weir.advance(100)
    expect_equal(way.get(path).body, b"old")
    weir.advance(20)
    expect_equal(way.get(path).status, status, "after the window")


@both("C7.2 stale-if-error covers a 503")
def _(way):
    path = new_path([answer("old", "Cache-Control: max-age=10, stale-if-error=100", 'ETag: "1"'), answer("down", status=503)])
    with way.client() as client:
        client.get(path)
        weir.advance(50)
        expect_equal(client.get(path).body, b"old")


@both("C7.2 a 503 to a validation, with nothing said of errors; not for a client that refused it")
def _(way):
    path = new_path([answer("old", "Cache-Control: max-age=10", 'ETag: "1"'), answer("down", status=503)])
    with way.client() as client:
        client.get(path)
        weir.advance(11)
        expect_equal(client.get(path).body, b"old")
        expect_equal(client.get(path, "Cache-Control: no-cache").status, 503)


@both("C7.4 stale-while-revalidate: at once, one validation behind; the next sees its result")
def _(way):
    path = new_path([answer("old", "Cache-Control: max-age=10, stale-while-revalidate=60", 'ETag: "1"'), fresh("new")])
    with way.client() as client:
        client.get(path)
        weir.advance(20)
        response = client.get(path)
        expect_equal((response.status, response.body), (200, b"old"))
        origin.wait(path, 2)
        wait_until(lambda: client.get(path).body == b"new", "the new answer")
    expect_equal(origin.count(path), 2)


@both("C7.4 many at once: all get the stale one, and there is one validation; after the window it is waited for")
def _(way):
    gate = Gate()

    def script(conn, request):
        if origin.count(path) > 1:
            gate.wait()
        conn.send(answer(f"{origin.count(path)}", "Cache-Control: max-age=10, stale-while-revalidate=60", 'ETag: "1"'))
    path = new_path(script)
    way.get(path)
    weir.advance(20)
    clients = [way.client() for _ in range(20)]
    for client in clients:
        client.ask(path)
    for client in clients:
        expect_equal(client.response().body, b"1")
        client.close()
    gate.reached()
    expect_equal(origin.count(path), 2)
    gate.open()
    wait_until(lambda: way.get(path).body == b"2", "the new answer")
    weir.advance(71)
    response = way.get(path)
    expect_equal((response.body, response.hit), (b"3", False))


@both("C7.4 the validation behind replaces the stored one with a 200 that is no-cache, and ends it with one that is no-store")
def _(way):
    for directive in ("no-cache", "no-store"):
        path = new_path([answer("old", "Cache-Control: max-age=10, stale-while-revalidate=600", 'ETag: "1"'), answer("new", f"Cache-Control: {directive}", 'ETag: "2"')])
        way.get(path)
        weir.advance(20)
        expect_equal(way.get(path).body, b"old")
        origin.wait(path, 2)
        wait_until(lambda: way.get(path).body == b"new", "the new answer")
        expect_equal(way.get(path).body, b"new")


@both("C14 a HEAD whose answer fits renews the stored GET as a 304 would: fields, freshness, age")
def _(way):
    def script(conn, request):
        conn.send(fresh("0123456789", 'ETag: "1"', f"Last-Modified: {MODIFIED}", "X-Old: 1", "X-Both: 1", seconds=10) if request.method == "GET"
                  else head("HTTP/1.1 200 OK", *said, "Cache-Control: max-age=1000", "X-Both: 2", "X-New: 3", "Age: 5", "Connection: X-Hop", "X-Hop: 1"))
    for said in (["Content-Length: 10", 'ETag: "1"', f"Last-Modified: {MODIFIED}"], ["Content-Length: 10"], ['ETag: "1"'], []):
        path = new_path(script)
        way.get(path)
        weir.advance(11)
        expect_equal(way.get(path, method="HEAD").field("X-New"), "3")
        weir.advance(30)
        response = way.get(path)
        expect_equal((response.hit, response.body), (True, b"0123456789"), repr(said))
        expect_equal([response.fields.all(name) for name in ("X-Old", "X-Both", "X-New", "X-Hop", "Content-Length")],
                     [["1"], ["2"], ["3"], [], ["10"]])
        expect(35 <= response.age <= 38, str(response.age))
        expect_equal([each.method for each in origin.seen(path)], ["GET", "HEAD"])


@both("C14 a HEAD that contradicts the stored GET ends it; a conflict of fields not sent is none")
def _(way):
    for said in (["Content-Length: 99", 'ETag: "1"'], ["Content-Length: 10", 'ETag: "2"'], ["Content-Length: 10", "Last-Modified: Sun, 02 Nov 2025 10:00:00 GMT"]):
        first = [True]

        def script(conn, request):
            if request.method == "HEAD":
                return conn.send(head("HTTP/1.1 200 OK", *said, "Cache-Control: max-age=1000"))
            if not first[0]:
                return conn.close()
            first[0] = False
            conn.send(fresh("0123456789", 'ETag: "1"', f"Last-Modified: {MODIFIED}", seconds=10))
        path = new_path(script)
        way.get(path)
        weir.advance(11)
        way.get(path, method="HEAD")
        expect_equal(way.get(path).status, 502, f"{said}: it was used, and the origin is gone")


@both("C14 an error answer to HEAD does not touch what is stored; a HEAD alone stores nothing")
def _(way):
    path = new_path([fresh("body", 'ETag: "1"', "X-A: 1", seconds=10), head("HTTP/1.1 410 Gone", "Content-Length: 0", "X-A: 2", "Cache-Control: max-age=1000"),
                     head("HTTP/1.1 304 Not Modified", 'ETag: "1"')])
    way.get(path)
    weir.advance(11)
    expect_equal(way.get(path, method="HEAD").status, 410)
    response = way.get(path)
    expect_equal((response.status, response.body, response.field("X-A"), origin.seen(path)[2].field("If-None-Match")), (200, b"body", "1", '"1"'))
    path = new_path([head("HTTP/1.1 200 OK", "Content-Length: 4", "Cache-Control: max-age=60"), fresh("body")])
    way.get(path, method="HEAD")
    expect_equal(way.get(path).body, b"body")


main(origin, weir)
