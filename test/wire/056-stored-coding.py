#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stored compressed bodies: a hot response is compressed once, in the background, and served so ever after."""
import gzip
import random
import subprocess

from lib import *

origin = Origin()
ROUTES = """
    route / { cache main; pool app }
"""
weir = Weir(config(origin, cache="memory 64MB object-max 8MB", site="compress br gzip zstd", routes=ROUTES, listen="http1 http2"), clock=True)
HTML = "Content-Type: text/html"
TEXT = b"".join(b"<p>%d is a line of what the origin sends\n" % (i * 7919) for i in range(2500))
number = [0]


def new_path(script):
    number[0] += 1
    return origin.on(f"/{number[0]}", script)


def get(path, *fields, accept="gzip", **keys):
    with weir.site() as client:
        return client.get(path, *fields, *([f"Accept-Encoding: {accept}"] if accept is not None else []), **keys)


def plain(response):
    return gzip.decompress(response.body) if response.field("Content-Encoding") == "gzip" else response.body


def on_the_way():
    return sum(value for name, value in weir.metrics().items() if name.startswith("weir_responses_coded_total"))


def stored_hits():
    return weir.metric("compress_stored_hits_total")


def heat(path, accept="gzip"):
    """Until it is stored in this coding."""
    made = weir.metric("compress_stored_total")
    for _ in range(3):
        get(path, accept=accept)
    wait_until(lambda: weir.metric("compress_stored_total") > made, "a body coded in the background")
    wait_until(lambda: get(path, accept=accept).field("Content-Length"), "a response from it")


@test("a hot text is compressed once; from then on no response costs any compression")
def _():
    path = new_path(fresh(TEXT, HTML, 'ETag: "x"', "Accept-Ranges: bytes"))
    first = get(path)
    expect("Content-Length" not in first.fields)
    heat(path)
    made, way, hits = weir.metric("compress_stored_total"), on_the_way(), stored_hits()
    for i in range(20):
        response = get(path)
        expect(response.hit)
        expect_equal(plain(response), TEXT)
        expect_equal(response.field("Content-Encoding"), "gzip")
        expect_equal(response.field("Content-Length"), str(len(response.body)))
        expect_equal((response.field("ETag"), response.field("Vary")), ('W/"x"', "Accept-Encoding"))
        expect("Accept-Ranges" not in response.fields and "Age" in response.fields)
    expect_equal((weir.metric("compress_stored_total"), on_the_way(), stored_hits()), (made, way, hits + 20))
    expect(len(response.body) < len(TEXT) / 3, len(response.body))
    expect_equal(origin.count(path), 1)
    told = get(path, method="HEAD")
    expect_equal((told.field("Content-Length"), told.field("Content-Encoding"), told.body), (response.field("Content-Length"), "gzip", b""))
    weir.rows(f"path = '{path}' AND encoding = 'gzip' AND method = 'GET'", count=24)


@test("C10 conditions, ranges, other clients: what they get does not change")
def _():
    path = new_path(fresh(TEXT, HTML, 'ETag: "v1"'))
    heat(path)
    for accept in (None, "identity", "deflate", "gzip;q=0"):
        response = get(path, accept=accept)
        expect_equal((response.field("Content-Encoding"), response.field("ETag"), response.field("Vary")), (None, '"v1"', "Accept-Encoding"))
        expect_equal(response.body, TEXT)
    expect_equal(get(path, 'If-None-Match: W/"v1"').status, 304)
    response = get(path, "Range: bytes=5-9")
    expect_equal((response.status, response.body, response.field("ETag")), (206, TEXT[5:10], '"v1"'))
    expect_equal(plain(get(path, "Range: bytes=5-9", 'If-Range: W/"v1"')), TEXT)
    expect("Content-Encoding" not in get(path, "Cache-Control: no-transform").fields)
    old = get(path, version="HTTP/1.0")
    expect_equal((plain(old), old.field("Content-Encoding")), (TEXT, "gzip"))


@test("each coding has a body of its own; curl decodes them, over HTTP/2 too; cache show tells them")
def _():
    path = new_path(fresh(TEXT, HTML))
    for accept in ("gzip", "br", "zstd"):
        heat(path, accept)
    way = on_the_way()
    host, port = weir.listener("site")
    for accept in ("gzip", "br", "zstd"):
        for version in ("--http1.1", "--http2-prior-knowledge"):
            done = subprocess.run(["curl", "-sS", version, "--compressed", "-H", f"Accept-Encoding: {accept}", "-H", "Host: www.test",
                                   f"http://{host}:{port}{path}"], capture_output=True)
            expect_equal((done.returncode, done.stdout), (0, TEXT))
    expect_equal(on_the_way(), way)
    shown = weir.ctl_json("cache", "show", f"http://www.test{path}")
    codings = shown["variants"][0]["codings"]
    expect_equal(sorted(codings), ["br", "gzip", "zstd"])
    expect(all(0 < size < len(TEXT) / 3 for size in codings.values()), codings)


@test("C8.4 a 304 changes the head and keeps the body, coded too; one with no-transform ends it")
def _():
    says = ["X: 1"]

    def script(conn, request):
        if request.field("If-None-Match"):
            conn.send(head("HTTP/1.1 304 Not Modified", 'ETag: "e"', "Cache-Control: max-age=100", *says))
        else:
            conn.send(answer(TEXT, HTML, 'ETag: "e"', "Cache-Control: max-age=100", "X: 0"))
    path = new_path(script)
    heat(path)
    weir.advance(200)
    expect_equal(get(path).field("X"), "1")
    way, hits = on_the_way(), stored_hits()
    response = get(path)
    expect_equal((response.field("X"), plain(response), stored_hits(), on_the_way()), ("1", TEXT, hits + 1, way))
    says[:] = ["Cache-Control: no-transform", "X: 2"]
    weir.advance(200)
    get(path)
    response = get(path)
    expect_equal((response.field("X"), response.field("Content-Encoding"), response.body), ("2", None, TEXT))


@test("a purge, soft or hard, and a new answer: never the old body")
def _():
    texts = [TEXT + b"%d" % i for i in range(4)]
    served = iter(texts)
    path = new_path(lambda conn, request: conn.send(fresh(next(served), HTML)))
    for i, how in enumerate((["--hard"], [], ["--hard"])):
        heat(path)
        expect_equal(plain(get(path)), texts[i])
        weir.ctl("purge", *how, f"http://www.test{path}")
        expect_equal(plain(get(path)), texts[i + 1])
        expect_equal(plain(get(path)), texts[i + 1])


@test("what does not get smaller is found out once, and served as it is")
def _():
    noise = random.Random(1).randbytes(40_000)
    path = new_path(fresh(noise, HTML))
    for _ in range(3):
        get(path)
    wait_until(lambda: "Content-Encoding" not in get(path).fields, "the plain body")
    way = on_the_way()
    for _ in range(5):
        response = get(path)
        expect_equal((response.body, response.field("Content-Length"), response.field("Vary")), (noise, str(len(noise)), "Accept-Encoding"))
    expect_equal(on_the_way(), way)


@test("3 MB: in pieces, coded as a whole; the tier counts what the copies take")
def _():
    body = TEXT * 30
    path = new_path(fresh(body, HTML))
    get(path)
    before = weir.metric("cache_bytes")
    heat(path)
    size = int(get(path).field("Content-Length"))
    expect_equal(plain(get(path)), body)
    grown = weir.metric("cache_bytes") - before
    expect(size <= grown <= size + 4096, (size, grown))


@test("what was coded once is found on disk: after a restart, a purge, for another URL of the same bytes; no list shows the copy")
def _():
    disk = Weir(config(origin, cache="memory 64MB object-max 8MB", memory_only=False, site="compress gzip", routes=ROUTES))
    disk.start()

    def ask(path):
        with disk.site() as client:
            return client.get(path, "Accept-Encoding: gzip")

    def until_stored(path, which):
        before = disk.metric(which)
        wait_until(lambda: ask(path).field("Content-Length") and disk.metric(which) > before, f"{path}: {which}")
        return ask(path).body

    paths = [new_path(fresh(TEXT * n, HTML, f'ETag: "{n}"')) for n in (1, 10, 1)]
    coded = [until_stored(path, "compress_stored_total") for path in paths[:2]]
    expect_equal([gzip.decompress(each) for each in coded], [TEXT, TEXT * 10])
    expect_equal(until_stored(paths[2], "compress_stored_found_total"), coded[0])
    disk.ctl("purge", "--hard", f"http://www.test{paths[0]}")
    expect_equal(until_stored(paths[0], "compress_stored_found_total"), coded[0])
    disk.restart()
    for path, body in zip(paths, coded):
        expect_equal(until_stored(path, "compress_stored_found_total"), body)
    expect_equal(disk.metric("compress_stored_total"), 0)
    expect_equal([origin.count(path) for path in paths], [2, 1, 1])

    listed = disk.ctl_json("cache", "ls")
    expect_equal((listed["count"], sorted(row["url"] for row in listed["stored"])), (3, sorted(f"http://www.test{path}" for path in paths)))
    checked = disk.ctl_json("cache", "verify")["caches"][0]
    expect_equal((checked["damaged"], checked["objects"]), (0, 5))  # three responses, two coded copies
    disk.ctl("purge", "--hard", "--wait", "size > 0")
    expect_equal(disk.ctl_json("cache", "ls")["count"], 0)
    expect_equal(until_stored(paths[1], "compress_stored_found_total"), coded[1])
    disk.stop()


main(origin, weir)
