#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A look inside: cache ls, top and verify."""
from lib import *

origin = Origin()
ROUTES = """
    route /disk/ { cache main; pool app }
    route /      { cache main; pool app }
"""
weir = Weir(config(origin, routes=ROUTES, memory_only=False), clock=True)


def get(path, *fields):
    with weir.site() as client:
        return client.get(path, *fields, host="www.test")


def on_disk(path):
    code, text = weir.ctl("cache", "show", f"http://www.test{path}", code=None)
    return code == 0 and "disk" in text and weir.metric("disk_dirty_bytes") == 0


for name, size, type_, fields in (("a", 10, "text/plain", ["Surrogate-Key: one two"]), ("b", 3000, "image/png", []),
                                  ("c", 200, "text/plain; charset=utf-8", ["Vary: Accept-Language"])):
    origin.on(f"/{name}", fresh("x" * size, f"Content-Type: {type_}", *fields))


def ls(*words, verb="ls"):
    body = weir.ctl_json("cache", verb, *words)
    return body, {each["url"].removeprefix("http://www.test"): each for each in body["stored"]}


@test("ls: everything, by URL, with its facts")
def _():
    for path, hits in (("/a", 3), ("/b", 1), ("/c", 0)):
        for _ in range(1 + hits):
            expect_equal(get(path).status, 200)
    body, rows = ls()
    expect_equal((list(rows), body["count"], body["bytes"]), (["/a", "/b", "/c"], 3, 3210))
    a = rows["/a"]
    expect_equal((a["status"], a["mime"], a["size"], a["hits"], a["saved_bytes"], a["tags"], a["cache"]),
                 (200, "text/plain", 10, 3, 30, ["one", "two"], "main"))
    expect_equal(rows["/c"]["mime"], "text/plain")
    expect("memory" in a["stores"], a)
    weir.advance(100)
    later = ls()[1]["/a"]
    expect(99 <= later["age_seconds"] - a["age_seconds"] <= 160, (a, later))
    expect(-160 <= later["ttl_seconds"] - a["ttl_seconds"] <= -99, (a, later))


@test("ls WHERE, --by and --limit: what matches is counted, the first of it told")
def _():
    expect_equal(list(ls("mime = image/*")[1]), ["/b"])
    expect_equal(list(ls("tag = two and size < 1KB")[1]), ["/a"])
    expect_equal(list(ls("--by", "size")[1]), ["/b", "/c", "/a"])
    body, rows = ls("--by", "saved", "--limit", "1")
    expect_equal((list(rows), body["count"]), (["/b"], 3))
    expect_equal(ls("--limit", "0")[0]["count"], 3)
    expect_equal(list(ls(verb="top")[1]), ["/a", "/b", "/c"])
    expect_equal(ls("host = nowhere.test")[0]["count"], 0)
    text = weir.ctl("cache", "top", "--limit", "2")
    expect("http://www.test/a" in text and "3 stored responses, 3.2 KB; 2 of them told" in text, text)


@test("ls: a word, a field or a number that is wrong is told, with the near ones")
def _():
    for words, want in ((["sise > 1"], "size"), (["--by", "beauty"], "url, size, age, ttl, hits, saved"),
                        (["--limit", "many"], "--limit many: it is a number")):
        code, text = weir.ctl("cache", "ls", *words, code=None)
        expect_equal(code, 2, text)
        expect(want in text, text)


@test("ls: a wrong filter is shown with a caret under the place")
def _():
    code, text = weir.ctl("cache", "ls", "sise > 1", code=None)
    lines = text.splitlines()
    expect_equal((code, lines[1], lines[2]), (2, "  sise > 1", "  ^"), text)


@test("ls: what only the disk has, after a restart; and no more what was purged")
def _():
    for path in ("/a", "/b", "/c"):
        wait_until(lambda: on_disk(path), f"{path} on disk")
    rows = ls()[1]
    expect_equal(rows["/a"]["stores"], ["memory", "disk"])
    weir.restart()
    body, rows = ls()
    expect_equal((list(rows), body["bytes"]), (["/a", "/b", "/c"], 3210))
    expect_equal((rows["/a"]["stores"], rows["/a"]["hits"], rows["/a"]["tags"]), (["disk"], 0, ["one", "two"]))
    expect(get("/a").hit)
    weir.ctl("purge", "--hard", "http://www.test/b")
    expect_equal(list(ls()[1]), ["/a", "/c"])
    weir.ctl("purge", "http://www.test/a")
    expect(ls()[1]["/a"]["ttl_seconds"] <= 0, "fresh after a purge")


@test("verify: reads all of it; finds what is damaged, says so, and removes it")
def _():
    paths = [f"/disk/{each}" for each in range(10)]
    for path in paths:
        origin.on(path, fresh(path.encode() * 20_000))
        get(path)
        wait_until(lambda: on_disk(path), f"{path} on disk")
    body = weir.ctl_json("cache", "verify")["caches"][0]
    expect_equal((body["cache"], body["damaged"]), ("main", 0))
    expect(body["objects"] >= 10 and body["bytes"] >= 10 * 20_000 * len("/disk/0"), body)
    weir.process.terminate()
    weir.process.wait()
    largest = max((each for each in (weir.dir / "cache").rglob("*") if each.is_file()), key=lambda each: each.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 0xFF
    largest.write_bytes(data)
    weir.launch()
    code, text = weir.ctl("cache", "verify", code=None)
    expect_equal(code, 1, text)
    expect("damage" in text, text)
    for path in paths:
        expect_equal(get(path).body, path.encode() * 20_000)
    weir.ctl("cache", "verify")


main(origin, weir)
