#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ranges of stored responses. CACHE_RULES section 10, WIRE_RULES W7.10."""
from lib import *

origin = Origin()
weir = Weir(config(origin))
both = both_ways(weir, origin)
BODY = bytes(each % 251 for each in range(100000))


def stored(way, path, body=BODY, *fields):
    origin.on(path, fresh(body, 'ETag: "tag"', "Content-Type: x/y", "Last-Modified: Sat, 01 Nov 2025 10:00:00 GMT", *fields))
    with way.client() as client:
        expect_equal(client.get(path).body, body)
    return path


PARTS = [("0-0", 0, 1), ("0-99", 0, 100), ("100-199", 100, 200), ("99999-99999", 99999, 100000), ("99990-", 99990, 100000), ("-10", 99990, 100000),
         ("-200000", 0, 100000), ("50-200000", 50, 100000), ("0-18446744073709551615", 0, 100000), ("16383-16385", 16383, 16386), ("65535-65537", 65535, 65538)]


@both("C10.1 bytes={}: 206 from the cache", [(each[0], *each) for each in PARTS])
def _(way, spec, start, end):
    path = stored(way, "/ranges")
    count = origin.count(path)
    with way.client() as client:
        response = client.get(path, f"Range: bytes={spec}")
        if response.status == 200:
            expect_equal((start, end), (0, len(BODY)), "a 200 for less than the whole")
        else:
            expect_equal((response.status, response.field("Content-Range")), (206, f"bytes {start}-{end - 1}/{len(BODY)}"))
        expect(response.body == BODY[start:end], f"{len(response.body)} bytes, not the right ones")
        expect_equal((response.field("ETag"), response.field("Content-Type")), ('"tag"', "x/y"))
        expect("Age" in response.fields)
    expect_equal(origin.count(path), count)


@both("C10.1 W7.10 {}: 416", [(each, each) for each in ("bytes=100000-", "bytes=200000-300000", "bytes=-0", "bytes=99999999999999999999999-")])
def _(way, spec):
    path = stored(way, "/unsatisfiable")
    with way.client() as client:
        response = client.get(path, f"Range: {spec}")
        expect_equal((response.status, response.field("Content-Range")), (416, f"bytes */{len(BODY)}"))
        expect_equal(client.get(path).status, 200)


@both("C10.1 Range {}: ignored", [(each, each) for each in ("lines=1-2", "bytes=a-b", "bytes", "bytes=5-4", "bytes=", "bytes=--5", "bytes=1-2-3")])
def _(way, spec):
    path = stored(way, "/ignored")
    with way.client() as client:
        response = client.get(path, f"Range: {spec}")
    expect_equal((response.status, len(response.body)), (200, len(BODY)))


@both("W7.10 many and overlapping ranges never make the answer exceed the object")
def _(way):
    path = stored(way, "/many")
    with way.client() as client:
        response = client.get(path, "Range: bytes=" + ",".join(["0-"] * 500))
        expect(response.status in (200, 206, 416), str(response.status))
        expect(len(response.body) < len(BODY) + 2000, f"{len(response.body)} bytes")
        response = client.get(path, "Range: bytes=0-1,10-11")
        expect(response.status in (200, 206), str(response.status))
        expect(BODY[10:12] in response.body)


@both("C10.2 If-Range {}", [("with the tag", 'If-Range: "tag"', 206), ("with another tag", 'If-Range: "other"', 200), ("with the tag as a weak one", 'If-Range: W/"tag"', 200),
                             ("with the date", "If-Range: Sat, 01 Nov 2025 10:00:00 GMT", 206), ("with another date", "If-Range: Sun, 02 Nov 2025 10:00:00 GMT", 200)])
def _(way, line, status):
    path = stored(way, "/if-range")
    with way.client() as client:
        expect_equal(client.get(path, "Range: bytes=0-9", line).status, status)


@both("C10.5 a Range on a miss reaches the origin, or its part is cut from the whole; the answer is the part")
def _(way):
    def script(conn, request):
        if request.field("Range") == "bytes=10-19":
            conn.send(fresh(BODY[10:20], f"Content-Range: bytes 10-19/{len(BODY)}", 'ETag: "tag"', status=206, reason="Partial Content"))
        else:
            conn.send(fresh(BODY, 'ETag: "tag"'))
    origin.on("/miss", script)
    with way.client() as client:
        response = client.get("/miss", "Range: bytes=10-19")
        expect_equal((response.status, response.body), (206, BODY[10:20]))
        whole = client.get("/miss")
        expect_equal(whole.status, 200)
        expect(whole.body == BODY, "C10.3 a part was served as the whole")


@both("C10.3 a 206 without Content-Range is not stored; HEAD with Range")
def _(way):
    origin.on("/no-range", fresh("0123456789", status=206, reason="Partial Content"))
    with way.client() as client:
        client.get("/no-range", "Range: bytes=0-9")
        client.get("/no-range", "Range: bytes=0-9")
        expect_equal(origin.count("/no-range"), 2)
        path = stored(way, "/head")
        expect(client.get(path, "Range: bytes=0-9", method="HEAD").status in (200, 206))


main(origin, weir)
