#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Purges: by URL, prefix, host, tag, filter; soft and hard; the method PURGE; over kill -9."""
import json

from lib import *

origin = Origin()
ROUTES = """
    route /parts/ { cache main key-cookie lang; pool app }
    route /swr/   { cache main stale-while-revalidate 1h; pool app }
    route /own/   { cache main tags X-Keys; pool app }
    route /       { cache main; pool app }
"""
weir = Weir(config(origin, routes=ROUTES, memory_only=False, site_rules="allow method PURGE client 127.0.0.0/8 header X-May"))
number = [0]


def new_path(script, folder=""):
    number[0] += 1
    return origin.on(f"{folder}/{number[0]}", script)


def get(path, *fields, host="www.test", method="GET"):
    with weir.site() as client:
        return client.get(path, *fields, host=host, method=method)


def stored(path, *fields, host="www.test"):
    get(path, *fields, host=host)
    expect(get(path, *fields, host=host).hit, path)
    return path


def answer_of(body, *fields):
    """With a validator: a 304 to who has it."""
    def script(conn, request):
        if request.field("If-None-Match") == '"1"':
            conn.send(answer(b"", "Cache-Control: max-age=3600", 'ETag: "1"', status=304, reason="Not Modified"))
        else:
            conn.send(fresh(body, 'ETag: "1"', *fields))
    return script


def on_disk(path):
    code, text = weir.ctl("cache", "show", f"http://www.test{path}", code=None)
    return code == 0 and "disk" in text and weir.metric("disk_dirty_bytes") == 0


def purge(*words):
    return weir.ctl_json("purge", *words)


@test("by URL, soft: validated before it is served, and a hit again after a 304")
def _():
    path = stored(new_path(answer_of("x")))
    done = purge(f"http://www.test{path}")
    expect_equal((done["dropped"], done["bytes"], done["hard"]), (1, 1, False))
    response = get(path)
    expect_equal((response.body, response.cache.get("fwd"), response.cache.get("fwd-status")), (b"x", "stale", "304"))
    expect_equal(origin.seen(path)[-1].field("If-None-Match"), '"1"')
    expect(get(path).hit)


@test("by URL, soft: stale-while-revalidate serves it meanwhile")
def _():
    path = stored(new_path([fresh("old"), fresh("new")], "/swr"))
    purge(f"http://www.test{path}")
    expect_equal(get(path).body, b"old")
    wait_until(lambda: get(path).body == b"new", "the new one")


@test("by URL, hard: asked for anew, without conditions; all variants")
def _():
    def script(conn, request):
        language = request.field("Accept-Language", "")
        conn.send(fresh(language, "Vary: Accept-Language", f'ETag: "{language}"'))
    path = new_path(script)
    for language in ("de", "fr"):
        stored(path, f"Accept-Language: {language}")
    expect_equal(purge("--dry-run", f"http://www.test{path}")["dropped"], 2)
    expect(get(path, "Accept-Language: de").hit, "a dry run did something")
    expect_equal(purge("--hard", f"http://www.test{path}")["dropped"], 2)
    for language, others in (("de", ""), ("fr", '"de"')):
        expect(not get(path, f"Accept-Language: {language}").hit)
        expect_equal(origin.seen(path)[-1].field("If-None-Match", ""), others, "what was purged is named")


@test("by URL: every key that a route makes of it")
def _():
    path = new_path(fresh("x"), "/parts")
    for cookie in ("Cookie: lang=de", "Cookie: lang=fr", "X: y"):
        stored(path, cookie)
    expect_equal(purge("--hard", "--wait", f"http://www.test{path}")["dropped"], 3)
    for cookie in ("Cookie: lang=de", "Cookie: lang=fr", "X: y"):
        expect(not get(path, cookie).hit, cookie)


@test("C11.1 an unsafe request drops every key that a route makes of its URL")
def _():
    path = new_path(fresh("x"), "/parts")
    stored(path, "Cookie: lang=de")
    get(path, method="POST")
    wait_until(lambda: not get(path, "Cookie: lang=de").hit, "a miss")


@test("by tag: what has it, and nothing else; fields are configurable")
def _():
    red = stored(new_path(fresh("x", "Surrogate-Key: red round")))
    blue = stored(new_path(fresh("x", "Cache-Tag: blue, round")))
    none = stored(new_path(fresh("x", "X-Keys: red")))
    own = stored(new_path(fresh("x", "X-Keys: red", "xkey: blue"), "/own"))
    done = purge("--hard", "--wait", "tag = red")
    expect_equal(done["dropped"], 2)
    expect_equal([get(each).hit for each in (red, blue, none, own)], [False, True, True, False])
    stored(red)
    purge("tag = round")
    expect(not get(red).hit and not get(blue).hit)


@test("by host, by prefix, by filter; a dry run counts first")
def _():
    sizes = {}
    for host in ("a.test", "b.test"):
        for path, mime in (("/img/1", "image/png"), ("/img/2", "image/gif"), ("/page", "text/html; charset=utf-8")):
            stored(origin.on(path, fresh("x" * 100, f"Content-Type: {mime}")), host=host)

    def hits():
        return [(host, path) for host in ("a.test", "b.test") for path in ("/img/1", "/img/2", "/page") if get(path, host=host).hit]

    def refill():
        for host in ("a.test", "b.test"):
            for path in ("/img/1", "/img/2", "/page"):
                stored(path, host=host)

    expect_equal(len(hits()), 6)
    done = purge("--dry-run", "host = b.test and mime = image/* and size >= 100B and age < 1h")
    expect_equal((done["dropped"], done["bytes"]), (2, 200))
    expect_equal(len(hits()), 6)
    purge("--hard", "host = b.test and mime = image/*")
    expect_equal(hits(), [("a.test", "/img/1"), ("a.test", "/img/2"), ("a.test", "/page"), ("b.test", "/page")])
    refill()
    expect_equal(purge("--hard", "--wait", "http://a.test/img/*")["dropped"], 2)
    expect_equal(hits(), [("a.test", "/page"), ("b.test", "/img/1"), ("b.test", "/img/2"), ("b.test", "/page")])
    refill()
    purge("--hard", "host = a.test")
    expect_equal(hits(), [("b.test", "/img/1"), ("b.test", "/img/2"), ("b.test", "/page")])


@test("what is wrong in a filter is told")
def _():
    code, text = weir.ctl("purge", "hots = a.test", code=None)
    expect(code == 2 and "did you mean `host`" in text, text)
    code, text = weir.ctl("purge", "--place", "nowhere", "tag = x", code=None)
    expect_equal(code, 2)


@test("purge log: each a numbered row")
def _():
    first = purge("tag = one")["number"]
    second = purge("--hard", "tag = two")["number"]
    expect(second > first > 0)
    rows = weir.ctl_json("purge", "log")["purges"]
    expect_equal([(row["number"], row["what"], row["hard"]) for row in rows[:2]], [(second, "tag = two", True), (first, "tag = one", False)])
    wait_until(lambda: all(row["done"] for row in weir.ctl_json("purge", "log")["purges"]), "all done")
    expect("tag = two" in weir.ctl("purge", "log"))


@test("W7.11 PURGE: only for whom a rule names it to; never for the origin")
def _():
    path = stored(new_path(fresh("x", "Surrogate-Key: p")))
    expect_equal(get(path, method="PURGE").status, 405)
    expect(get(path).hit)
    response = get(path, "X-May: 1", "Purge-Mode: hard", method="PURGE")
    expect_equal((response.status, json.loads(response.body)["matched"]), (200, 1))
    expect(not get(path).hit)
    stored(path)
    expect_equal(get("/", "X-May: 1", "Surrogate-Key: p", method="PURGE").status, 200)
    expect(not get(path).hit)
    expect(all(request.line.split()[0] != "PURGE" for request in origin.requests), "the origin got a PURGE")


@test("a fetch that began before a purge is joined by nobody after it, and is not stored as fresh")
def _():
    gate = Gate()
    first = [True]

    def script(conn, request):
        if first[0]:
            first[0] = False
            gate.wait()
            conn.send(fresh("old", "Surrogate-Key: late"))
        else:
            conn.send(fresh("new", "Surrogate-Key: late"))
    path = new_path(script)
    with weir.site() as one:
        one.ask(path)
        gate.reached()
        purge("--hard", "tag = late")
        expect_equal(get(path).body, b"new")
        gate.open()
        expect_equal(one.response().body, b"old")
    for _ in range(20):
        expect_equal(get(path).body, b"new")


@test("an acknowledged purge survives kill -9, of each kind")
def _():
    paths = {}
    for what in ("http://www.test{}", "tag = kill-{}", "http://www.test{}*", "path = {} and size < 1MB"):
        number[0] += 1
        path = f"/kill/{number[0]}"
        origin.on(path, fresh("x", f"Surrogate-Key: kill-{number[0]}"))
        stored(path)
        paths[path] = what.format(number[0] if what.startswith("tag") else path)
    other = stored(new_path(fresh("x")))
    for path in [*paths, other]:
        wait_until(lambda: on_disk(path), f"{path} on disk")
    for what in paths.values():
        purge("--hard", what)
    weir.kill()
    weir.launch()
    for path, what in paths.items():
        expect(not get(path).hit, f"a hit after: {what}")
    expect(get(other).hit, "the disk has nothing: this test shows nothing")


main(origin, weir)
