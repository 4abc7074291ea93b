#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Parts of bodies: 206 stored, reused, joined, completed (RFC 9111 sections 3.3 and 3.4)."""
import os
import random

from lib import *

origin = Origin()
weir = Weir(config(origin, memory_only=False), clock=True)
BODY = "".join(chr(97 + i % 26) for i in range(100))
number = [0]
SEED = int(os.environ.get("WEIR_SEED", "1"))


def new_path(script):
    number[0] += 1
    return origin.on(f"/{number[0]}", script)


def part(first, last, *fields, body=BODY, length=None, **keys):
    """A 206 as an origin sends it."""
    return fresh(body[first:last + 1], f"Content-Range: bytes {first}-{last}/{length or len(body)}", *fields, status=206, reason="Partial Content", **keys)


def ranges(*fields, body=BODY, tag='"v1"', **keys):
    """An origin that does ranges by the book."""
    def script(conn, request):
        asked = request.field("Range")
        if asked is None or request.field("If-Range") not in (None, tag):
            return conn.send(fresh(body, f"ETag: {tag}", *fields, **keys))
        first, last = asked.removeprefix("bytes=").split("-")
        first, last = (int(first), int(last) if last else len(body) - 1) if first else (len(body) - int(last), len(body) - 1)
        conn.send(part(first, min(last, len(body) - 1), f"ETag: {tag}", *fields, body=body, **keys))
    return script


def get(path, asked=None, *fields, **keys):
    with weir.site() as client:
        return client.get(path, *([f"Range: bytes={asked}"] if asked else []), *fields, **keys)


def is_part(response, first, last, hit, body=BODY):
    expect_equal((response.status, response.field("Content-Range")), (206, f"bytes {first}-{last}/{len(body)}"))
    expect_equal(response.body.decode(), body[first:last + 1])
    expect_equal(response.hit, hit, response.field("Cache-Status"))
    expect_equal(response.field("Content-Length"), str(last - first + 1))


def is_whole(response, hit, body=BODY):
    expect_equal((response.status, response.body.decode(), response.field("Content-Range")), (200, body, None))
    expect_equal(response.hit, hit, response.field("Cache-Status"))


@test("C10.3 a 206 is stored, and answers every range that it covers; the origin is asked for the others")
def _():
    path = new_path(ranges("X: y", "Content-Type: text/plain"))
    first = get(path, "80-99")
    is_part(first, 80, 99, False)
    expect_in("fwd=uri-miss; fwd-status=206; stored", first.field("Cache-Status"))
    for asked, begin, end in (("80-99", 80, 99), ("85-90", 85, 90), ("80-80", 80, 80), ("90-", 90, 99), ("-5", 95, 99), ("-20", 80, 99), ("95-1000", 95, 99)):
        response = get(path, asked)
        is_part(response, begin, end, True)
        expect_equal((response.field("X"), response.field("ETag"), response.field("Content-Type")), ("y", '"v1"', "text/plain"))
        expect("Age" in response.fields)
    expect_equal(origin.count(path), 1)
    response = get(path, "70-85")
    is_part(response, 70, 85, False)
    expect_in("fwd=partial; fwd-status=206; stored", response.field("Cache-Status"))
    is_part(get(path, "-21"), 79, 99, True)
    expect_equal(origin.count(path), 2)
    expect(weir.metrics()['weir_cache_stores_total{store="part"}'] >= 2)
    shown = weir.ctl_json("cache", "show", f"http://www.test{path}")["variants"][0]
    expect_equal((shown["size"], shown["parts"]), (100, [[70, 99]]))
    expect_in("30 B of 100 B", weir.ctl("cache", "show", f"http://www.test{path}"))


@test("C10.4 the whole is asked for from where the first part ends, and stored as the whole")
def _():
    path = new_path(ranges("X: y"))
    is_part(get(path, "0-39"), 0, 39, False)
    response = get(path)
    is_whole(response, False)
    expect_in("fwd=partial; fwd-status=206; stored", response.field("Cache-Status"))
    asked = origin.seen(path)[-1]
    expect_equal((asked.field("Range"), asked.field("If-Range")), ("bytes=40-", '"v1"'))
    is_whole(get(path), True)
    is_part(get(path, "30-59"), 30, 59, True)
    expect_equal(origin.count(path), 2)


@test("C10.4 completed while it arrives: the client sees the stored part before the origin has sent the rest; others wait with it")
def _():
    gate = Gate()

    def script(conn, request):
        if request.field("Range") == "bytes=0-39":
            return conn.send(part(0, 39, 'ETag: "v1"'))
        conn.send(head("HTTP/1.1 206 Partial Content", "Content-Range: bytes 40-99/100", "Content-Length: 60", 'ETag: "v1"', "Cache-Control: max-age=9"))
        gate.wait()
        conn.send(BODY[40:])
    path = new_path(script)
    get(path, "0-39")
    with weir.site() as one, weir.site() as two:
        one.ask(path)
        first = one.response(body=False)
        expect_equal((first.status, first.field("Content-Length"), one.exactly(40).decode()), (200, "100", BODY[:40]))
        two.ask(path)
        expect_equal(two.response(body=False).status, 200)
        expect_equal(two.exactly(40).decode(), BODY[:40])
        gate.open()
        expect_equal((one.exactly(60).decode(), two.exactly(60).decode()), (BODY[40:], BODY[40:]))
    expect_equal(origin.count(path), 2)


@test("C10.4 an origin that has another body by now: its 200 is used; what is neither is asked for again")
def _():
    other = BODY[::-1]
    answers = [(fresh(other, 'ETag: "v2"'), 2), (part(40, 99, 'ETag: "v2"'), 3), (part(41, 99, 'ETag: "v1"'), 3), (part(40, 90, 'ETag: "v1"'), 3),
               (part(40, 99, 'ETag: W/"v1"'), 3), (part(40, 99), 3), (part(40, 99, 'ETag: "v1"', length=101), 3),
               (head("HTTP/1.1 416 No", "Content-Length: 0", "Content-Range: bytes */100"), 3)]
    for second, count in answers:
        path = new_path([part(0, 39, 'ETag: "v1"'), second, fresh(other, 'ETag: "v2"')])
        get(path, "0-39")
        is_whole(get(path), False, other)
        expect_equal(origin.count(path), count)
        expect_equal([each.field("Range") for each in origin.seen(path)], ["bytes=0-39", "bytes=40-", None][:count])


@test("C10.4 parts are joined under the same strong tag alone")
def _():
    for one, two, joined in (('"a"', '"a"', True), ('"a"', '"b"', False), ('W/"a"', 'W/"a"', False), ('"a"', 'W/"a"', False), (None, None, False)):
        tags = [[f"ETag: {each}"] if each else [] for each in (one, two)]
        path = new_path([part(0, 39, *tags[0]), part(40, 79, *tags[1]), fresh(BODY, "X: whole")])
        get(path, "0-39")
        get(path, "40-79")
        is_part(get(path, "50-60"), 50, 60, True)  # the newer one, always
        if joined:
            is_part(get(path, "30-50"), 30, 50, True)
        else:
            is_whole(get(path, "30-50"), False)  # no wonder: this origin has sent the whole
            expect_equal(origin.count(path), 3)
    path = new_path([part(0, 39, 'ETag: "a"'), part(40, 79, 'ETag: "a"', length=90)])
    get(path, "0-39")
    get(path, "40-79")
    expect_equal(get(path, "0-39").hit, False)  # of another length


@test("C10.4 parts that make up the whole are the whole")
def _():
    path = new_path(ranges())
    for asked in ("60-99", "0-29", "25-64"):
        get(path, asked)
    is_whole(get(path), True)
    expect_equal(get(path, method="HEAD").field("Content-Length"), "100")
    expect_equal(origin.count(path), 3)


@test("C10.6 the fields of a newer 206 update the stored ones; freshness is the newer's")
def _():
    path = new_path([part(0, 39, 'ETag: "a"', "X: 1", "Y: 1", seconds=10),
                     part(40, 79, 'ETag: "a"', "X: 2", seconds=1000)])
    get(path, "0-39")
    get(path, "40-79")
    weir.advance(100)
    response = get(path, "30-50")
    is_part(response, 30, 50, True)
    expect_equal((response.fields.all("X"), response.fields.all("Y"), response.fields.all("Content-Range")), (["2"], ["1"], ["bytes 30-50/100"]))


@test("C10.3 a stale part is asked for again, and what there is of the rest stays")
def _():
    path = new_path(ranges(seconds=50))
    get(path, "0-39")
    get(path, "60-79")
    weir.advance(100)
    is_part(get(path, "0-9"), 0, 9, False)
    expect_equal(origin.seen(path)[-1].field("Range"), "bytes=0-9")
    is_part(get(path, "60-79"), 60, 79, True)
    is_part(get(path, "0-9", "Cache-Control: no-cache"), 0, 9, False)
    expect_equal(get(path, "0-9", "Cache-Control: only-if-cached").status, 206)
    expect_equal(get(path, "40-45", "Cache-Control: only-if-cached").status, 504)
    expect_equal(get(path, None, "Cache-Control: only-if-cached").status, 504)


@test("C10.2 C9 conditions of a request that a part can answer")
def _():
    path = new_path(ranges("Last-Modified: Sat, 01 Nov 2025 10:00:00 GMT"))
    get(path, "0-39")
    is_part(get(path, "0-9", 'If-Range: "v1"'), 0, 9, True)
    expect_equal(get(path, "0-9", 'If-None-Match: "v1"').status, 304)
    count = origin.count(path)
    is_whole(get(path, "0-9", 'If-Range: "old"'), False)
    expect_equal(origin.count(path), count + 1)
    is_part(get(path, "50-59"), 50, 59, True)  # that was the whole, and is stored


@table("not stored: {}", [("no Content-Range", [fresh("0123456789", status=206, reason="Partial Content")], []),
                          ("the length is not known", [part(0, 9, length="*")], []),
                          ("more octets than it says", [fresh(BODY[:20], "Content-Range: bytes 0-9/100", status=206, reason="Partial Content")], []),
                          ("no-store", [part(0, 9, "Cache-Control: no-store")], []), ("private", [part(0, 9, "Cache-Control: private")], []),
                          ("a request with no-store", [part(0, 9)], ["Cache-Control: no-store"]),
                          ("Authorization", [part(0, 9)], ["Authorization: Basic eDp5"]), ("Vary: *", [part(0, 9, "Vary: *")], []),
                          ("If-Range, of which the client knows the rest", [part(0, 9, 'ETag: "x"')], ['If-Range: "x"'])])
def _(answers, fields):
    path = new_path(answers * 2)
    for _ in range(2):
        response = get(path, "0-9", *fields)
        expect_equal((response.status, response.hit), (206, False))
    expect_equal(origin.count(path), 2)


@test("several ranges go on as they are, and are not stored; nor is a part that was cut")
def _():
    text = "--x\r\nContent-Range: bytes 0-1/100\r\n\r\nab\r\n--x--\r\n"
    path = new_path(fresh(text, "Content-Type: multipart/byteranges; boundary=x", status=206, reason="Partial Content"))
    for _ in range(2):
        response = get(path, "0-1,5-6")
        expect_equal((response.status, response.body.decode(), response.hit), (206, text, False))

    def cut(conn, request):
        conn.send(part(0, 39, 'ETag: "c"')[:-5])
        conn.close()
    path = new_path([cut, part(0, 39, 'ETag: "c"')])
    try:
        expect_equal(get(path, "0-39").status, 502)  # it was cut before weir had answered
    except Closed:
        pass
    is_part(get(path, "0-39"), 0, 39, False)


@test("C6 variants have parts of their own; C11 a POST drops them; so does a purge")
def _():
    def script(conn, request):
        if request.method == "POST":
            return conn.send(answer("done"))
        ranges("Vary: Accept-Language", body=BODY if request.field("Accept-Language") == "en" else BODY[::-1],
               tag='"%s"' % request.field("Accept-Language"))(conn, request)
    path = new_path(script)
    for hit in (False, True):
        is_part(get(path, "0-9", "Accept-Language: en"), 0, 9, hit)
        is_part(get(path, "0-9", "Accept-Language: de"), 0, 9, hit, BODY[::-1])
    get(path, method="POST", body="x")
    is_part(get(path, "0-9", "Accept-Language: en"), 0, 9, False)
    for how in (["--hard"], []):
        weir.ctl("purge", *how, f"http://www.test{path}")
        is_part(get(path, "0-9", "Accept-Language: en"), 0, 9, False)
        is_part(get(path, "0-9", "Accept-Language: en"), 0, 9, True)


@test("a forward stores parts as well")
def _():
    path = new_path(ranges())
    for hit in (False, True):
        with weir.forward() as client:
            response = client.get(f"http://{origin.name}{path}", "Range: bytes=5-9", host=origin.name)
            is_part(response, 5, 9, hit)


@test("C8.6 a whole that is newer, and only on disk, takes the place of what memory has")
def _():
    large = "x" * 3_000_000  # more than memory takes of one

    def script(conn, request):
        if origin.count(path) == 1:
            return conn.send(fresh(BODY, 'ETag: "old"', seconds=10))
        conn.send(fresh(large, 'ETag: "new"'))
    path = new_path(script)
    is_whole(get(path), False)
    weir.advance(50)
    is_whole(get(path), False, large)
    wait_until(lambda: get(path, "0-9").hit, "a hit of what the disk has")  # it is not there at once
    count = origin.count(path)
    is_whole(get(path), True, large)
    is_whole(get(path), True, large)
    expect_equal(origin.count(path), count)


@test("C8.6 a newer answer that nobody may store ends what was stored")
def _():
    for newer in (fresh("new", "Cache-Control: no-store"), fresh("new", "Cache-Control: private"), answer("gone", status=404, reason="Gone")):
        path = new_path([fresh("old", 'ETag: "o"'), newer])
        expect_equal(get(path).body.decode(), "old")
        get(path, None, "Cache-Control: no-cache")
        expect(get(path).body.decode() != "old", newer)
    path = new_path([fresh("old", 'ETag: "o"'), answer("error", status=503, reason="Busy")])
    get(path)
    get(path, None, "Cache-Control: no-cache")
    expect_equal(get(path).body.decode(), "old")


@test("random ranges of a body that changes: each part is of the version that its tag names, and hits are right")
def _():
    rng = random.Random(SEED)
    bodies = {}
    version = [0]

    def make():
        version[0] += 1
        bodies[f'"{version[0]}"'] = "".join(rng.choices("abcdefghijklmnop", k=rng.choice((400, 400, 900))))

    def script(conn, request):
        tag = f'"{version[0]}"'
        ranges(body=bodies[tag], tag=tag, seconds=1000)(conn, request)
    make()
    path = new_path(script)
    hits = 0
    for _ in range(1500):
        what = rng.random()
        if what < 0.02:
            make()
            if rng.random() < 0.5:
                weir.ctl("purge", "--hard", f"http://www.test{path}")
        elif what < 0.03:
            weir.advance(rng.choice((10, 2000)))
        elif what < 0.08:
            response = get(path)
            expect_equal(response.body.decode(), bodies[response.field("ETag")], f"seed {SEED}")
            hits += response.hit
        else:
            first = rng.randrange(390)
            last = first + rng.randrange(60)
            response = get(path, rng.choice((f"{first}-{last}", f"{first}-{last}", f"{first}-", f"-{last - first + 1}")))
            body = bodies[response.field("ETag")]
            if response.status == 206:
                begin, end = map(int, response.field("Content-Range").split()[1].split("/")[0].split("-"))
                expect_equal((response.body.decode(), response.field("Content-Range").split("/")[1]), (body[begin:end + 1], str(len(body))), f"seed {SEED}")
            else:
                expect_equal(response.body.decode(), body, f"seed {SEED}")
            hits += response.hit
    expect(hits > 300, hits)


main(origin, weir)
