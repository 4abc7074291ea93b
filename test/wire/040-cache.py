#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is stored, and for how long. CACHE_RULES sections 1 to 5 and 11 to 16."""
from lib import *

origin = Origin()
weir = Weir(config(origin), clock=True)
number = [0]


def new_path(script):
    number[0] += 1
    return origin.on(f"/{number[0]}", script)


def date(shift=0):
    """An HTTP-date, `shift` seconds from now by weir's clock."""
    import email.utils
    import time
    return email.utils.formatdate(time.time() + elapsed[0] + shift, usegmt=True)


elapsed = [0]


def advance(seconds):
    elapsed[0] += seconds
    weir.advance(seconds)


def twice(path, *fields, method="GET", second=None):
    with weir.site() as client:
        client.get(path, *fields, method=method)
        return client.get(path, *(fields if second is None else second))


STORED = [
    ("C2.4 max-age", ["Cache-Control: max-age=60"], 200),
    ("C3.1 s-maxage over max-age=0", ["Cache-Control: max-age=0, s-maxage=60"], 200),
    ("C3.1 Expires in the future", [lambda: "Expires: " + date(60)], 200),
    ("C3.2 max-age over a past Expires", ["Cache-Control: max-age=60", "Expires: 0"], 200),
    ("C2.1 directives in capitals", ["CACHE-CONTROL: MAX-AGE=60"], 200),
    ("C3.4 unknown directives beside", ["Cache-Control: foo, bar=\"a, b\", max-age=60"], 200),
    ("C3.5 leading zeros", ["Cache-Control: max-age=0060"], 200),
    ("C3.5 max-age of 2^31", ["Cache-Control: max-age=2147483648"], 200),
    ("C3.5 max-age of 30 digits", ["Cache-Control: max-age=" + "9" * 30], 200),
    ("C3.5 max-age in double quotes", ["Cache-Control: max-age=\"60\""], 200),
    ("C3.7 a real max-age beside one in a string", ["Cache-Control: ext=\"no-store, max-age=0\", max-age=60"], 200),
    ("C2.8 Set-Cookie with explicit freshness", ["Cache-Control: max-age=60", "Set-Cookie: a=b"], 200),
    ("C4.2 heuristic by an old Last-Modified", [lambda: "Last-Modified: " + date(-1000000)], 200),
    ("C5.1 Age less than the lifetime", ["Cache-Control: max-age=60", "Age: 10"], 200),
    ("C5.3 Age that is no number is ignored", ["Cache-Control: max-age=60", "Age: abc"], 200),
    ("C2.3 must-understand beside no-store, status known", ["Cache-Control: max-age=60, must-understand, no-store"], 200),
    ("C12.1 CDN-Cache-Control over no-store", ["Cache-Control: no-store", "CDN-Cache-Control: max-age=60"], 200),
    ("C12.1 CDN-Cache-Control over a past Expires", ["Expires: 0", "CDN-Cache-Control: max-age=60"], 200),
    ("C12.2 a CDN-Cache-Control with a syntax error is as if absent", ["Cache-Control: max-age=60", "CDN-Cache-Control: no-store, &&&&"], 200),
    ("C12.2 an empty CDN-Cache-Control is as if absent", ["Cache-Control: max-age=60", "CDN-Cache-Control:"], 200),
    ("C12.2 the last of two keys counts", ["CDN-Cache-Control: max-age=0", "CDN-Cache-Control: max-age=60"], 200),
    ("C12.2 unknown members of every type beside", ["CDN-Cache-Control: a=(1 2);p, b=:aGk=:, max-age=60, c=\"x\\\"y\""], 200),
] + [(f"C2.4 status {status} with max-age", ["Cache-Control: max-age=60"], status) for status in
     (203, 299, 301, 302, 307, 308, 404, 410, 499, 500, 503, 599)] + [
    (f"C2.5 status {status} by heuristic", [lambda: "Last-Modified: " + date(-1000000)], status) for status in (203, 301, 308, 404, 410)]

NOT_STORED = [
    ("C2.1 no-store", ["Cache-Control: no-store, max-age=60"], 200),
    ("C2.1 No-Store on a second line", ["Cache-Control: max-age=60", "Cache-Control: No-Store"], 200),
    ("C2.2 private", ["Cache-Control: private, max-age=60"], 200),
    ("C2.9 nothing said", [], 200),
    ("C3.3 max-age=0 beside a future Expires", ["Cache-Control: max-age=0", lambda: "Expires: " + date(60)], 200),
    ("C3.9 Expires: 0", ["Expires: 0", lambda: "Last-Modified: " + date(-1000000)], 200),
    ("C3.9 two Expires", [lambda: "Expires: " + date(60), lambda: "Expires: " + date(90)], 200),
    ("C3.11 Expires in UTC", [lambda: "Expires: " + date(60).replace("GMT", "UTC")], 200),
    ("C3.5 a negative max-age", ["Cache-Control: max-age=-60"], 200),
    ("C3.5 max-age=60a", ["Cache-Control: max-age=60a"], 200),
    ("C3.5 max-age=60.5", ["Cache-Control: max-age=60.5"], 200),
    ("C3.5 max-age in single quotes", ["Cache-Control: max-age='60'"], 200),
    ("C3.7 max-age only inside a string", ["Cache-Control: ext=\"max-age=60\""], 200),
    ("C5.2 Age over the lifetime", ["Cache-Control: max-age=60", "Age: 61"], 200),
    ("C5.3 a huge Age", ["Cache-Control: max-age=60", "Age: 99999999999999999999"], 200),
    ("C5.1 an old Date counts", ["Cache-Control: max-age=60", lambda: "Date: " + date(-100)], 200),
    ("C6.3 Vary: *", ["Cache-Control: max-age=60", "Vary: *"], 200),
    ("C6.3 Vary with a * among names", ["Cache-Control: max-age=60", "Vary: Accept, *"], 200),
    ("C6.3 Vary: * on a second line", ["Cache-Control: max-age=60", "Vary:", "Vary: *"], 200),
    ("W7.6 Set-Cookie by heuristic", [lambda: "Last-Modified: " + date(-1000000), "Set-Cookie: a=b"], 200),
    ("C4.2 a Last-Modified of now", [lambda: "Last-Modified: " + date(-1)], 200),
    ("C12.1 CDN-Cache-Control: private over max-age", ["Cache-Control: max-age=60", "CDN-Cache-Control: private"], 200),
    ("C12.3 CDN-Cache-Control: max-age=0 over max-age", ["Cache-Control: max-age=60", "CDN-Cache-Control: max-age=0"], 200),
    ("C12.3 Age counts against CDN-Cache-Control", ["Age: 61", "CDN-Cache-Control: max-age=60"], 200),
    ("C12.3 Expires is not looked at beside CDN-Cache-Control", ["CDN-Cache-Control: foo", lambda: "Expires: " + date(60)], 200),
    ("C12.2 max-age of the wrong type", ["Cache-Control: max-age=60", "CDN-Cache-Control: max-age=\"10000\""], 200),
    ("C12.2 blanks beside the equals sign: Cache-Control counts", ["Cache-Control: no-store", "CDN-Cache-Control: max-age = 60"], 200),
    ("C12.2 keys in capitals: Cache-Control counts", ["Cache-Control: no-store", "CDN-Cache-Control: Max-Age=60"], 200),
    ("C2.3 must-understand with an unknown status", ["Cache-Control: max-age=60, must-understand, no-store"], 599),
    ("W7.9 a 206 to a request without Range", ["Cache-Control: max-age=60", "Content-Range: bytes 0-1/10"], 206),
] + [(f"C2.5 status {status} by heuristic", [lambda: "Last-Modified: " + date(-1000000)], status) for status in (201, 302, 307, 403, 500, 502, 503, 599)]


def response_of(fields, status):
    lines = [each() if callable(each) else each for each in fields]
    return answer("body", *lines, status=status, reason="Said")


@table("{}: stored", STORED)
def _(fields, status):
    path = new_path(response_of(fields, status))
    response = twice(path)
    expect_equal((response.status, response.body, response.hit), (status, b"body", True))
    expect_equal(origin.count(path), 1)


@table("{}: not reused", NOT_STORED)
def _(fields, status):
    path = new_path(response_of(fields, status))
    response = twice(path)
    expect_equal((response.status, response.hit, origin.count(path)), (status, False, 2))


@test("C2.10 hop-by-hop fields and those that Connection names are not stored")
def _():
    path = new_path(fresh("x", "Connection: X-One", "X-One: 1", "Keep-Alive: a", "Proxy-Authenticate: b", "TE: c", "Upgrade: d", "X-Two: 2"))
    response = twice(path)
    expect(response.hit)
    for name in ("X-One", "Keep-Alive", "Proxy-Authenticate", "TE", "Upgrade"):
        expect(name not in response.fields, name)
    expect_equal(response.field("X-Two"), "2")


@test("C2.11 everything else is replayed unchanged")
def _():
    lines = ["Content-Type: text/x; a=\"b\"", "Content-Language: de", "X-Unknown: a,b ,c", "Set-Cookie2: x", "Content-Range: bytes 0-0/9",
             "Strict-Transport-Security: max-age=1", "Link: <a>; rel=b"]
    path = new_path(fresh("x", *lines))
    response = twice(path)
    expect(response.hit)
    for line in lines:
        name, _, value = line.partition(": ")
        expect_equal(response.fields.all(name), [value])


@test("C5.4 C5.5 Age grows with time; Date and Expires are replayed")
def _():
    then, expires = date(), date(1000)
    path = new_path(fresh("x", f"Date: {then}", f"Expires: {expires}", "Age: 5"))
    with weir.site() as client:
        client.get(path)
        advance(30)
        response = client.get(path)
    expect(response.hit)
    expect(35 <= response.age <= 37, f"Age {response.age}")
    expect_equal((response.field("Date"), response.field("Expires")), (then, expires))


@test("C16.6 stale when the age reaches the lifetime, and not before")
def _():
    path = new_path(lambda conn, request: conn.send(fresh("x", f"Date: {date()}", seconds=100)))
    def get():  # a connection each: an idle one ends while the clock leaps
        with weir.site() as client:
            return client.get(path)
    get()
    advance(97)
    expect(get().hit, "stale too early")
    advance(4)
    expect(not get().hit, "fresh too long")
    expect_equal(origin.count(path), 2)


@test("C3.10 Expires beyond 2038, RFC 850 and asctime dates")
def _():
    for expires in ("Sat, 21 Nov 2286 10:00:00 GMT", "Saturday, 21-Nov-37 10:00:00 GMT", "Sat Nov 21 10:00:00 2037"):
        path = new_path(answer("x", "Expires: " + expires))
        expect(twice(path).hit, expires)


@test("C2.7 W7.4 Authorization: not shared by max-age alone")
def _():
    path = new_path(fresh("secret"))
    expect(not twice(path, "Authorization: a").hit)
    for allowed in ("public, max-age=60", "s-maxage=60", "must-revalidate, max-age=60"):
        path = new_path(answer("x", "Cache-Control: " + allowed))
        response = twice(path, "Authorization: a")
        expect(response.hit, allowed)
    expect_equal(origin.seen(path)[0].field("Authorization"), "a")


@test("C1.1 W7.2 the query, its order, the case and %2F belong to the key; not the fragment's ghost")
def _():
    variants = ["/key?a=1&b=2", "/key?b=2&a=1", "/key", "/key?", "/KEY", "/k%2Fey", "/k/ey", "/key/"]
    for each in variants:
        origin.on(each, fresh(each))
    with weir.site() as client:
        for _ in range(2):
            for each in variants:
                expect_equal(client.get(each).body.decode(), each)


@test("W7.2 host names differ by name, not by letter case or default port")
def _():
    path = new_path([fresh("a"), fresh("b")])
    with weir.site() as client:
        expect_equal(client.get(path, host="a.test").body, b"a")
        expect(client.get(path, host="A.TEST").hit)
        expect(client.get(path, host="a.test:80").hit)
        expect_equal(client.get(path, host="b.test").body, b"b")


@test("W7.2 a GET with a body bypasses the cache")
def _():
    path = new_path(fresh("x"))
    with weir.site() as client:
        client.get(path)
        expect(not client.get(path, body=b"q").hit)
    expect_equal(origin.count(path), 2)


@test("C1.3 C1.4 answers to POST and unknown methods are not stored")
def _():
    for method in ("POST", "FROB", "OPTIONS"):
        path = new_path(fresh("x"))
        with weir.site() as client:
            client.get(path, method=method)
            expect(not client.get(path).hit, method)


@test("W7.9 HEAD never makes a body")
def _():
    path = new_path(lambda conn, request: conn.send(fresh("body") if request.method == "GET" else head("HTTP/1.1 200 OK", "Content-Length: 4", "Cache-Control: max-age=60")))
    with weir.site() as client:
        client.get(path, method="HEAD")
        response = client.get(path)
    expect_equal((response.hit, response.body), (False, b"body"))


@test("W7.11 PURGE without authorisation is refused and drops nothing; only-if-cached on a miss is 504")
def _():
    path = new_path(fresh("x"))
    with weir.site() as client:
        client.get(path)
        expect(client.get(path, method="PURGE").status in (403, 405))
    with weir.site() as client:
        expect(client.get(path).hit)
        expect_equal(client.get("/never-asked", "Cache-Control: only-if-cached").status, 504)
    expect_equal(origin.count("/never-asked"), 0)


@test("C13 request directives: no-cache validates, no-store bypasses, max-age counts, only-if-cached takes")
def _():
    path = new_path(fresh("x", 'ETag: "a"'))
    with weir.site() as client:
        client.get(path)
        expect(client.get(path, "Cache-Control: only-if-cached").hit)
        expect_equal(client.get(path, "Cache-Control: only-if-cached", "Authorization: Basic YTpi").status, 504, "not for an authorized request")
        client.get(path, "Cache-Control: no-cache")
        expect_equal(origin.count(path), 2)
        client.get(path, "Cache-Control: max-age=0")
        expect_equal(origin.count(path), 3)
        client.get(path, "Pragma: no-cache")
        expect_equal(origin.count(path), 4)
        client.get(path, "Cache-Control: no-store")
        expect_equal(origin.count(path), 5)


@test("C16.2 Cache-Status is appended at the end, with the reason")
def _():
    path = new_path(fresh("x", "Cache-Status: before; hit"))
    with weir.site() as client:
        response = client.get(path)
    members = response.field("Cache-Status").split(",")
    expect(members[0].strip().startswith("before"), repr(members))
    expect(len(members) == 2 and "fwd=uri-miss" in members[1] and "stored" in members[1], repr(members))


@test("C12.4 CDN-Cache-Control goes on to the client, on a miss and on a hit")
def _():
    path = new_path(answer("x", "CDN-Cache-Control: max-age=60", "Cache-Control: no-store"))
    with weir.site() as client:
        for hit in (False, True):
            response = client.get(path)
            expect_equal((response.hit, response.field("CDN-Cache-Control"), response.field("Cache-Control")), (hit, "max-age=60", "no-store"))


@test("C12.1 a forward proxy does not look at CDN-Cache-Control")
def _():
    path = new_path(answer("x", "Cache-Control: no-store", "CDN-Cache-Control: max-age=60"))
    with weir.forward() as client:
        client.get(origin.url(path), host=origin.name)
        expect(not client.get(origin.url(path), host=origin.name).hit)


@test("the forward proxy caches too")
def _():
    path = new_path(fresh("x"))
    with weir.forward() as client:
        client.get(origin.url(path), host=origin.name)
        response = client.get(origin.url(path), host=origin.name)
    expect(response.hit and response.body == b"x", repr(response))


@test("C11.1 C11.3 a successful unsafe request drops what is stored for its URI; a failed one does not")
def _():
    for method in ("POST", "PUT", "DELETE", "PATCH", "M-SEARCH"):
        for status, dropped in ((200, True), (303, True), (404, False), (500, False)):
            path = new_path(lambda conn, request, status=status: conn.send(fresh("x") if request.method == "GET" else answer("y", status=status)))
            with weir.site() as client:
                client.get(path)
                client.get(path, method=method, body=b"z")
                expect_equal(client.get(path).hit, not dropped, f"{method} {status}")


@test("C11.2 Location and Content-Location too, of the same origin only")
def _():
    here = new_path(fresh("x"))
    there = new_path(fresh("x"))
    third = new_path(fresh("x"))
    poster = new_path(answer("y", f"Location: {there}", f"Content-Location: http://www.test{here}", status=201))
    foreign = new_path(answer("y", f"Location: http://other.test{third}"))
    with weir.site() as client:
        for path in (here, there, third):
            client.get(path)
        client.get(poster, method="POST", body=b"z")
        client.get(foreign, method="POST", body=b"z")
        expect_equal([client.get(path).hit for path in (here, there, third)], [False, False, True])


@test("C11.4 a fetch in flight when the invalidation comes does not stay")
def _():
    gate = Gate()
    first = [True]

    def script(conn, request):
        if request.method == "POST":
            conn.send(answer("done"))
        elif first[0]:
            first[0] = False
            conn.send(head("HTTP/1.1 200 OK", "Content-Length: 3", "Cache-Control: max-age=60") + b"o")
            gate.wait()
            conn.send("ld")
        else:
            conn.send(fresh("new"))
    path = new_path(script)
    with weir.site() as one, weir.site() as two:
        one.ask(path)
        gate.reached()
        expect_equal(two.get(path, method="POST", body=b"z").body, b"done")
        gate.open()
        expect_equal(one.response().body, b"old")
        expect_equal(two.get(path).body, b"new")


@test("purge URL makes the next one a miss; cache show and stat know it")
def _():
    path = new_path(fresh("x"))
    with weir.site() as client:
        client.get(path)
        expect(client.get(path).hit)
        weir.ctl("cache", "show", f"http://www.test{path}")
        weir.ctl("purge", f"http://www.test{path}")
        expect(not client.get(path).hit, "still a hit after the purge")
    weir.ctl("cache", "stat")
    expect(weir.metric("cache_purges_total") >= 1)


main(origin, weir)
