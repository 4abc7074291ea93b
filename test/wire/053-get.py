#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cache get: what a request would find, and why. Each is foretold, then asked for in earnest."""
from lib import *

origin = Origin()
ROUTES = """
    route /parts/  { cache main key-cookie lang key-query drop utm_*; pool app }
    route /deaf/   { cache main client-directives no; pool app }
    route /swr/    { cache main stale-while-revalidate 100s; pool app }
    route /ttl/    { cache main ttl 77s; pool app }
    route /none/   { pool app }
    route /own/    { respond 200 "hello" }
    route /        { cache main; pool app }
"""
RULES = """
    deny path /forbidden
    cache no path /cache-no
    cache bypass path /bypass
    cache no-store path /no-store
    allow all
"""
weir = Weir(config(origin, routes=ROUTES, memory_only=False, site_rules=RULES), clock=True)


def lines_of(fields):
    return [word for field in fields for word in ("--header", field)]


def get(path, *fields, method="GET"):
    with weir.site() as client:
        return client.get(path, *fields, host="www.test", method=method)


def foretell(path, *fields, method="GET"):
    """The one way through the site."""
    before = len(origin.requests)
    ways = weir.ctl_json("cache", "get", f"http://www.test{path}", "--method", method, "--site", "*", *lines_of(fields))["ways"]
    expect_equal((len(ways), len(origin.requests)), (1, before), ways)
    return ways[0]


def outcome_of(response):
    """The same words, of a real answer."""
    cache = response.cache
    if not cache:
        return "own" if response.status == 200 else "refused"
    if "hit" in cache:
        return "stale" if cache.get("ttl", "0").startswith("-") else "hit"
    if cache.get("fwd-status") == "304":
        return "validate"
    return "pass" if cache.get("fwd") in ("bypass", "method", "miss") else "miss"


def both(path, want, why, *fields, method="GET"):
    """Foretold and true."""
    way = foretell(path, *fields, method=method)
    expect_equal(way["outcome"], want, way)
    expect_in(why, way["why"])
    response = get(path, *fields, method=method)
    expect_equal(outcome_of(response), want, (response.cache, way))
    return way


def tagged(conn, request):
    if request.field("If-None-Match") == '"1"':
        conn.send(answer(b"", "Cache-Control: max-age=50", 'ETag: "1"', status=304, reason="Not Modified"))
    else:
        conn.send(answer(b"x", "Cache-Control: max-age=50", 'ETag: "1"'))


@test("a miss, a hit, the arithmetic of its freshness")
def _():
    origin.on("/a", fresh("abc", "Age: 40", 'ETag: "a"', seconds=100))
    both("/a", "miss", "not stored")
    way = both("/a", "hit", "fresh for ")
    expect_equal((way["kind"], way["key"]["url"], way["key"]["cache"], way["key"]["place"]),
                 ("site", "http://www.test/a", "main", "*"))
    weir.advance(10)
    way = foretell("/a")
    fresh_ = way["freshness"]
    expect_equal((fresh_["lifetime_seconds"], fresh_["lifetime_from"], fresh_["etag"]), (100, "max-age", '"a"'))
    expect(40 <= fresh_["initial_age_seconds"] < 42 and 50 <= fresh_["age_seconds"] < 70, fresh_)
    expect(abs(fresh_["ttl_seconds"] + fresh_["age_seconds"] - 100) < 0.001, fresh_)
    expect_equal((way["stored"][0]["status"], way["stored"][0]["size"], way["stored"][0]["matches"]), (200, 3, True))
    text = weir.ctl("cache", "get", "http://www.test/a", "--site", "*")
    for want in ("key      http://www.test/a in cache main, place *", "matches", "lifetime 1 min 40 s (max-age)", "outcome  hit: fresh for"):
        expect_in(want, text)


@test("nothing is changed by looking: no hit is counted, nothing is asked for")
def _():
    before = weir.metrics()
    hits = {each["url"]: each["hits"] for each in weir.ctl_json("cache", "ls")["stored"]}
    for path in ("/a", "/never"):
        foretell(path)
    after = weir.metrics()
    for name in ("weir_cache_misses_total", 'weir_cache_hits_total{store="memory"}', 'weir_requests_total{kind="site"}'):
        expect_equal(after[name], before[name], name)
    expect_equal({each["url"]: each["hits"] for each in weir.ctl_json("cache", "ls")["stored"]}, hits)


@test("Vary: which variant matches, and which field differs")
def _():
    def script(conn, request):
        conn.send(fresh(request.field("X-V", "none"), "Vary: X-V, X-W"))
    origin.on("/vary", script)
    get("/vary", "X-V: one", "X-W: w")
    get("/vary", "X-W: w")
    way = both("/vary", "miss", "no variant matches", "X-V: two", "X-W: w")
    found = sorted(way["stored"], key=lambda each: str(each["vary"]["x-v"]))
    expect_equal([each["matches"] for each in found], [False, False])
    expect_equal([each["differs"] for each in found], [[{"field": "x-v", "stored": None, "asked": "two"}],
                                                       [{"field": "x-v", "stored": "one", "asked": "two"}]])
    both("/vary", "hit", "", "X-V: one", "X-W: w")
    text = weir.ctl("cache", "get", "http://www.test/vary", "--site", "*", "--header", "X-W: w", "--header", "X-V: 3")
    expect_in("does not match: x-v was 'one', is '3'", text)
    expect_in("x-v was no such field, is '3'", text)


@test("the key: cookie and query, as the route makes it")
def _():
    origin.on("/parts/p?a=1&utm_source=x", fresh("de"))
    cookie = "Cookie: other=1; lang=de"
    both("/parts/p?a=1&utm_source=x", "miss", "not stored", cookie)
    way = both("/parts/p?a=1&utm_source=y", "hit", "", cookie)
    expect_equal((way["key"]["target"], way["key"]["asked"], way["key"]["parts"]),
                 ("/parts/p?a=1", "/parts/p?a=1&utm_source=y", ["cookie lang=de"]))
    expect_equal(foretell("/parts/p?a=1")["outcome"], "miss")


@test("stale: validated with what is stored; served behind it; nothing to validate with")
def _():
    origin.on("/tagged", tagged)
    get("/tagged")
    weir.advance(60)
    way = both("/tagged", "validate", 'validated with If-None-Match: "1"')
    expect_in("stale since", way["why"])
    expect_equal(way["on_error"], "served stale if the origin does not answer, or with an error")
    both("/tagged", "hit", "")
    origin.on("/swr/x", tagged)
    get("/swr/x")
    weir.advance(60)
    both("/swr/x", "stale", "revalidated in the background")
    wait_until(lambda: origin.count("/swr/x") == 2, "which is not to be taken for a request of what follows")
    origin.on("/plain", fresh("x", "Cache-Control: stale-while-revalidate=1, must-revalidate", seconds=50))
    get("/plain")
    weir.advance(60)
    way = both("/plain", "miss", "nothing to validate it with")
    expect_equal(way["on_error"], "never served stale")


@test("the request's own directives, as far as the route listens")
def _():
    for folder, heard in (("", True), ("/deaf", False)):
        path = origin.on(f"{folder}/asks", tagged)
        get(path)
        for line in ("Cache-Control: no-cache", "Pragma: no-cache", "Cache-Control: max-age=0", "Cache-Control: min-fresh=1000"):
            way = both(path, "validate" if heard else "hit", "the request's directives" if heard else "fresh", line)
            expect_equal(way["asked_counts"], heard)
        expect_equal(foretell(path, "Cache-Control: min-fresh=7")["asked"], ["min-fresh=7"])
    both("/asks", "pass", "no-store", "Cache-Control: no-store")
    both("/nothing", "refused", "only-if-cached", "Cache-Control: only-if-cached")
    weir.advance(60)
    both("/asks", "stale", "max-stale", "Cache-Control: max-stale=1000")


@test("parts of a body: what they cover, what is asked for, what is completed")
def _():
    def script(conn, request):
        asked = request.field("Range")
        first, last = (0, 9) if asked == "bytes=0-9" else (10, 19) if asked in ("bytes=10-19", "bytes=10-") else (0, 19)
        conn.send(fresh("x" * (last - first + 1), *([f"Content-Range: bytes {first}-{last}/20"] if asked else []), 'ETag: "p"',
                        status=206 if asked else 200, reason="Said"))
    origin.on("/parts", script)
    both("/parts", "miss", "not stored; a part (206) of it will be", "Range: bytes=0-9")
    both("/parts", "hit", "the range is taken from it", "Range: bytes=3-5")
    both("/parts", "refused", "not enough", "Range: bytes=10-19", "Cache-Control: only-if-cached")
    expect_in("asked for and stored with them", foretell("/parts", "Range: bytes=5-15")["why"])
    both("/parts", "pass", "no-store", "Range: bytes=0-9", "Cache-Control: no-store")
    both("/parts", "miss", 'completed with Range: bytes=10- and If-Range: "p"')
    both("/parts", "hit", "fresh")


@test("pass: method, Authorization, rules, no cache; and weir's own answers")
def _():
    origin.on("/auth", fresh("x"))
    get("/auth")
    both("/auth", "pass", "Authorization", "Authorization: Basic eDp5")
    both("/auth", "hit", "the range is taken from it", "Range: bytes=0-0")
    both("/auth", "hit", "", method="HEAD")
    expect_equal(foretell("/auth", method="POST")["outcome"], "pass")
    expect_in("POST is for the origin", foretell("/auth", method="POST")["why"])
    both("/auth", "pass", "If-Match", 'If-Match: "x"')
    for path in ("/cache-no", "/bypass", "/no-store"):
        origin.on(path, tagged)
    both("/cache-no", "pass", "`cache no`")
    both("/no-store", "pass", "`cache no-store`")
    get("/bypass")
    both("/bypass", "validate", "`cache bypass`")
    expect_equal(foretell("/none/x")["why"], "the route has no cache")
    both("/own/x", "own", "by itself")
    both("/forbidden", "refused", "deny 403")


@test("where a lifetime comes from")
def _():
    for path, want, fields in (("/s", "s-maxage", ["Cache-Control: s-maxage=60, max-age=5"]),
                               ("/cdn", "a targeted field", ["CDN-Cache-Control: max-age=60", "Cache-Control: max-age=5"]),
                               ("/ttl/x", "ttl of the route", []),
                               ("/guess", "heuristic", ["Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT"])):
        origin.on(path, answer("x", *fields))
        get(path)
        expect_equal(foretell(path)["freshness"]["lifetime_from"], want, path)


@test("a purge: stale by it, or gone")
def _():
    origin.on("/purged", tagged)
    get("/purged")
    weir.ctl("purge", "http://www.test/purged")
    both("/purged", "validate", "stale since")
    weir.ctl("purge", "--hard", "http://www.test/purged")
    both("/purged", "miss", "not stored")


@test("hit-for-miss: what could not be stored lately is asked of the origin by itself")
def _():
    origin.on("/private", answer("x", "Cache-Control: private"))
    get("/private")
    expect_in("could not be stored lately", foretell("/private")["why"])


@test("a fetch under way is joined")
def _():
    gate = Gate()
    origin.on("/slow", lambda conn, request: (gate.wait(), conn.send(fresh("x"))))
    with weir.site() as client:
        client.send("GET /slow HTTP/1.1\r\nHost: www.test\r\n\r\n")
        origin.wait("/slow")
        expect_in("joins a fetch under way", foretell("/slow")["why"])
        gate.open()
        expect_equal(client.response().body, b"x")


@test("on disk only, after a restart")
def _():
    origin.on("/disk", fresh("x" * 20_000, "Vary: X-V"))
    get("/disk", "X-V: 1")
    wait_until(lambda: "disk" in weir.ctl("cache", "show", "http://www.test/disk") and weir.metric("disk_dirty_bytes") == 0, "on disk")
    weir.restart()
    way = foretell("/disk", "X-V: 1")
    expect_equal((way["outcome"], way["stored"][0]["stores"]), ("hit", ["disk"]), way)
    both("/disk", "hit", "", "X-V: 1")
    both("/disk", "miss", "no variant matches", "X-V: 2")


@test("both directions are told; what is no URL, or leads nowhere, is said")
def _():
    ways = weir.ctl_json("cache", "get", origin.url("/fwd"))["ways"]
    expect_equal(sorted(each["kind"] for each in ways), ["forward", "site"])
    expect_equal(weir.ctl_json("cache", "get", f"https://127.0.0.1:{origin.port}/x")["ways"][0]["outcome"], "miss")
    for words in (["http://"], ["http://x/", "--header", "nonsense"], ["http://x/", "--client", "me"]):
        expect_equal(weir.ctl("cache", "get", *words, code=None)[0], 2, words)
    expect_equal(weir.ctl("cache", "get", "http://x/", "--site", "none", code=None)[0], 1)


main(origin, weir)
