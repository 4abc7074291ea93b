#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is stored, and for how long. CACHE_RULES sections 1 to 5 and 11 to 16."""
from lib import *

origin = Origin()
weir = Weir(config(origin), clock=True)
both = both_ways(weir, origin)
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


def twice(way, path, *fields):
    with way.client() as client:
        client.get(path, *fields)
        return client.get(path, *fields)


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
    ("C2.5 public makes a guess right for an unknown status", ["Cache-Control: public", lambda: "Last-Modified: " + date(-1000000)], 299),
    ("C2.5 public makes a guess right for a 302", ["Cache-Control: public", lambda: "Last-Modified: " + date(-1000000)], 302),
    ("C3.1 a longer s-maxage over a shorter max-age, on a later line", ["Cache-Control: max-age=10", "Cache-Control: s-maxage=60", "Age: 20"], 200),
    ("C3.1 the same, on an earlier line", ["Cache-Control: s-maxage=60", "Cache-Control: max-age=10", "Age: 20"], 200),
    ("C3.1 s-maxage over a past Expires", ["Cache-Control: s-maxage=60", lambda: "Expires: " + date(-60)], 200),
    ("C3.2 max-age over an Expires that is long past", ["Cache-Control: max-age=60", lambda: "Expires: " + date(-1000)], 200),
    ("C3.7 escapes in a string", ["Cache-Control: ext=\"a\\\", no-store, \\\\\", max-age=60"], 200),
    ("C3.10 a date in small letters", [lambda: "Expires: " + date(60).lower()], 200),
    ("C3.10 an asctime date with a blank-padded day", ["Expires: Fri Jan  1 10:00:00 2100"], 200),
    ("C3.12 no valid Date: Expires counts from the receipt", ["Date: yesterday", lambda: "Expires: " + date(60)], 200),
    ("C3.12 a fast clock: Expires less Date", [lambda: "Date: " + date(1000), lambda: "Expires: " + date(1060)], 200),
    ("C4.3 attachments, and Pragma of a response", ["Cache-Control: max-age=60", "Content-Disposition: attachment", "Pragma: no-cache"], 200),
    ("C4.3 the same by heuristic", [lambda: "Last-Modified: " + date(-1000000), "Content-Disposition: attachment", "Pragma: no-cache"], 200),
    ("C5.3 the first member of an Age counts", ["Cache-Control: max-age=60", "Age: 0, 7200"], 200),
    ("C5.3 the first of two Age lines counts", ["Cache-Control: max-age=60", "Age: 0", "Age: 7200"], 200),
    ("C5.3 a negative Age is ignored", ["Cache-Control: max-age=60", "Age: -7200"], 200),
    ("C5.3 an Age with a point is ignored", ["Cache-Control: max-age=60", "Age: 7200.0"], 200),
    ("C5.3 an Age with parameters is ignored", ["Cache-Control: max-age=60", "Age: 7200;a=b"], 200),
] + [(f"C2.4 status {status} with {field.split(':')[1].strip()}", [field], status) for field in ("Cache-Control: max-age=60", "Cache-Control: s-maxage=60")
     for status in (203, 204, 299, 301, 302, 303, 307, 308, 400, 403, 404, 410, 499, 500, 502, 503, 504, 599)] + [
    (f"C2.4 status {status} with Expires", [lambda: "Expires: " + date(60)], status) for status in (299, 302, 500, 599)] + [
    (f"C2.5 status {status} by heuristic", [lambda: "Last-Modified: " + date(-1000000)], status)
    for status in (203, 204, 300, 301, 308, 404, 405, 410, 414, 501)]

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
    ("C2.2 private with field names, the safest reading", ["Cache-Control: max-age=60, private=\"X-A, X-B\""], 200),
    ("C2.9 public alone", ["Cache-Control: public"], 200),
    ("C2.12 no-cache with field names, as without", ["Cache-Control: max-age=60, no-cache=\"X-A\"", "ETag: \"1\""], 200),
    ("C3.1 a shorter s-maxage over a longer max-age", ["Cache-Control: max-age=60, s-maxage=10", "Age: 20"], 200),
    ("C3.1 the same in two lines", ["Cache-Control: s-maxage=10", "Cache-Control: max-age=60", "Age: 20"], 200),
    ("C3.2 max-age over a future Expires", ["Cache-Control: max-age=10", lambda: "Expires: " + date(1000), "Age: 20"], 200),
    ("C3.5 max-age=a60", ["Cache-Control: max-age=a60"], 200),
    ("C3.6 a blank before the equals sign", ["Cache-Control: max-age =60"], 200),
    ("C3.6 a blank behind it", ["Cache-Control: max-age= 60"], 200),
    ("C3.7 an escaped quote does not end a string", ["Cache-Control: ext=\"a\\\", max-age=60, b=\\\"\""], 200),
    ("C3.8 max-age twice, the greater last", ["Cache-Control: max-age=10, max-age=60", "Age: 20"], 200),
    ("C3.8 max-age on two lines, the greater last", ["Cache-Control: max-age=10", "Cache-Control: max-age=60", "Age: 20"], 200),
    ("C3.8 s-maxage twice", ["Cache-Control: s-maxage=10, s-maxage=60, max-age=60", "Age: 20"], 200),
    ("C3.12 a fast clock: Expires before Date, though after now", [lambda: "Date: " + date(1000), lambda: "Expires: " + date(900)], 200),
    ("C3.12 a slow clock: the age counts against Expires less Date", [lambda: "Date: " + date(-1000), lambda: "Expires: " + date(-900)], 200),
    ("C4.1 an invalid Expires is no leave to guess", ["Expires: soon", lambda: "Last-Modified: " + date(-1000000)], 200),
    ("C4.1 an invalid max-age is no leave to guess", ["Cache-Control: max-age=x", lambda: "Last-Modified: " + date(-1000000)], 200),
    ("C5.3 the first member of an Age is too large", ["Cache-Control: max-age=60", "Age: 7200, 0"], 200),
    ("C5.3 the first of two Age lines is too large", ["Cache-Control: max-age=60", "Age: 7200", "Age: 0"], 200),
    ("C5.3 Age of 2^31", ["Cache-Control: max-age=60", "Age: 2147483648"], 200),
] + [(f"C2.5 status {status} by heuristic", [lambda: "Last-Modified: " + date(-1000000)], status)
     for status in (201, 202, 302, 303, 307, 403, 500, 502, 503, 504, 599)] + [
    (f"C3.11 Expires: {expires}", ["Expires: " + expires, lambda: "Last-Modified: " + date(-1000000)], 200) for expires in (
        "Fri, 01 Jan 2100 10:00:00 UTC", "Fri, 01 Jan 2100 10:00:00 AEST", "Fri, 01 Jan 2100 10:00:00 +0000", "Fri, 01 Jan 2100 10:00:00", "Fri, 01 Jan 60 10:00:00 GMT",
        "Fri 01 Jan 2100 10:00:00 GMT", "Fri, 01  Jan 2100 10:00:00 GMT", "Fri, 01-Jan-2100 10:00:00 GMT", "Fri, 01 Jan 2100 10.00.00 GMT",
        "Fri, 01 Jan 2100 9:00:00 GMT", "Friday, 01-Jan-2060 10:00:00 GMT", "Tuesday, 01-Jan-80 10:00:00 GMT", "4102480800", "2100-01-01T10:00:00Z")]


def response_of(fields, status):
    lines = [each() if callable(each) else each for each in fields]
    return answer("body", *lines, status=status, reason="Said") if status != 204 else head("HTTP/1.1 204 Said", *lines)


def plain(rows):
    return [row for row in rows if not row[0].startswith("C12.")]


def is_stored(way, fields, status):
    path = new_path(response_of(fields, status))
    response = twice(way, path)
    expect_equal((response.status, response.body, response.hit), (status, b"body" if status != 204 else b"", True))
    expect_equal(origin.count(path), 1)


def is_not_reused(way, fields, status):
    path = new_path(response_of(fields, status))
    response = twice(way, path)
    expect_equal((response.status, response.hit, origin.count(path)), (status, False, 2))


both("{}: stored", plain(STORED))(is_stored)
both("{}: not reused", plain(NOT_STORED))(is_not_reused)
table("{}: stored", [row for row in STORED if row not in plain(STORED)])(lambda *row: is_stored(Way("site", weir, origin), *row))
table("{}: not reused", [row for row in NOT_STORED if row not in plain(NOT_STORED)])(lambda *row: is_not_reused(Way("site", weir, origin), *row))


@both("C2.10 hop-by-hop fields and those that Connection names are not stored")
def _(way):
    names = ("X-One", "X-Three", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
             "TE", "Upgrade", "Transfer-Encoding", "Trailer")
    fields = ["Connection: X-One", "Connection: close-not, x-three", "Transfer-Encoding: chunked", "X-Two: 2", "Cache-Control: max-age=60"]
    path = new_path(head("HTTP/1.1 200 OK", *fields, *(f"{name}: some, nonsense" for name in names if name != "Transfer-Encoding")) + chunks("x"))
    response = twice(way, path)
    expect_equal((response.hit, response.body), (True, b"x"))
    for name in names:
        expect(name not in response.fields, name)
    expect("X-One" not in response.field("Connection", ""), "Connection was stored")
    expect_equal(response.field("X-Two"), "2")


@both("C1.5 C15 only the final response is stored: neither an interim one nor its fields")
def _(way):
    interim = head("HTTP/1.1 103 Early Hints", "Link: <a>", "Cache-Control: max-age=60", 'ETag: "early"')
    path = new_path([interim + answer("1", "Cache-Control: no-store"), interim + fresh("2", "X-Final: 1")])
    with way.client() as client:
        for body, hit, early in ((b"1", False, [103]), (b"2", False, [103]), (b"2", True, [])):
            response = client.get(path)
            expect_equal((response.body, response.hit, [each.status for each in response.interim]), (body, hit, early))
            expect_equal((response.field("Link"), response.field("ETag")), (None, None))
    expect_equal(origin.count(path), 2)


@both("C2.1 the answer to a request with no-store is not stored")
def _(way):
    path = new_path(fresh("x"))
    way.get(path, "Cache-Control: No-Store")
    expect(not way.get(path).hit)
    expect(way.get(path).hit)


@both("C2.6 stale on arrival, but with a validator: stored, and validated with it")
def _(way):
    for fields, condition in ((["ETag: \"1\""], "If-None-Match"), (["Last-Modified: Sat, 01 Nov 2025 10:00:00 GMT"], "If-Modified-Since")):
        path = new_path([answer("x", "Cache-Control: max-age=0", *fields), head("HTTP/1.1 304 Not Modified", *fields)])
        way.get(path)
        expect_equal((way.get(path).body, origin.seen(path)[1].field(condition)), (b"x", fields[0].split(": ")[1]))


@both("C2.6 C7.5 an error, fresh once or never, is not handed out for the next one")
def _(way):
    for seconds in (0, 10):
        path = new_path([fresh("first", 'ETag: "1"', "Cache-Control: stale-if-error=1000", status=503, seconds=seconds), answer("second", status=503),
                         lambda conn, request: conn.close()])
        way.get(path)
        advance(11)
        expect_equal(way.get(path).body, b"second")
        response = way.get(path)
        expect(response.status in (502, 504) and b"first" not in response.body, repr(response))


@both("C2.13 octets beyond Content-Length are not body: the answer is kept, the connection is not")
def _(way):
    path = new_path(lambda conn, request: conn.send(fresh("body") + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"))
    response = twice(way, path)
    expect_equal((response.hit, response.body), (True, b"body"))
    other = new_path(answer("good"))
    expect_equal(way.get(other).body, b"good")
    expect(origin.seen(path)[0].connection != origin.seen(other)[0].connection, "the connection was used on")


@both("C2.14 a transfer coding that nobody knows: a body until close; neither the field nor the connection is kept")
def _(way):
    def script(conn, request):
        conn.send(head("HTTP/1.1 200 OK", "Transfer-Encoding: frob", "Cache-Control: max-age=60") + b"to the ")
        conn.send("end")
        conn.close()
    path = new_path(script)
    for _ in range(2):
        response = way.get(path)
        expect_equal((response.status, response.body), (200, b"to the end"))
        expect("frob" not in response.field("Transfer-Encoding", ""))


@both("C2.8 a Cookie in the request does not prevent storing")
def _(way):
    path = new_path(fresh("x"))
    way.get(path, "Cookie: a=b")
    expect(way.get(path, "Cookie: c=d").hit)


@both("C4.2 a tenth of the time since Last-Modified")
def _(way):
    path = new_path(lambda conn, request: conn.send(answer("x", "Date: " + date(), "Last-Modified: " + date(-600))))
    way.get(path)
    advance(55)
    expect(way.get(path).hit, "stale too early")
    advance(7)
    expect(not way.get(path).hit, "fresh too long")


@both("C5.1 the delay of a slow origin counts")
def _(way):
    gate = Gate()

    def script(conn, request):
        gate.wait()
        conn.send(fresh("x", "Age: 50", seconds=60))
    path = new_path(script)
    with way.client() as client:
        client.ask(path)
        gate.reached()
        advance(20)
        gate.open()
        expect_equal(client.response().body, b"x")
    expect(not way.get(path).hit, "fresh, 70 seconds old")


@both("C5.5 a Date only if the origin sent none: when it was received, on hits too")
def _(way):
    path = new_path(fresh("x"))
    first = way.get(path).field("Date")
    expect(first is not None, "no Date")
    advance(20)
    response = way.get(path)
    expect_equal((response.hit, response.fields.all("Date")), (True, [first]))


@both("C2.11 everything else is replayed unchanged")
def _(way):
    lines = ["Content-Type: text/x; a=\"b\"", "Content-Language: de", "X-Unknown: a,b ,c", "Set-Cookie2: x", "Content-Range: bytes 0-0/9",
             "Strict-Transport-Security: max-age=1", "Link: <a>; rel=b"]
    path = new_path(fresh("x", *lines))
    response = twice(way, path)
    expect(response.hit)
    for line in lines:
        name, _, value = line.partition(": ")
        expect_equal(response.fields.all(name), [value])


@both("C5.4 C5.5 Age grows with time; Date and Expires are replayed")
def _(way):
    then, expires = date(), date(1000)
    path = new_path(fresh("x", f"Date: {then}", f"Expires: {expires}", "Age: 5"))
    with way.client() as client:
        client.get(path)
        advance(30)
        response = client.get(path)
    expect(response.hit)
    expect(35 <= response.age <= 37, f"Age {response.age}")
    expect_equal((response.field("Date"), response.field("Expires")), (then, expires))


@both("C16.6 stale when the age reaches the lifetime, and not before")
def _(way):
    path = new_path(lambda conn, request: conn.send(fresh("x", f"Date: {date()}", seconds=100)))
    def get():  # a connection each: an idle one ends while the clock leaps
        with way.client() as client:
            return client.get(path)
    get()
    advance(97)
    expect(get().hit, "stale too early")
    advance(4)
    expect(not get().hit, "fresh too long")
    expect_equal(origin.count(path), 2)


@both("C3.10 Expires beyond 2038, RFC 850 and asctime dates")
def _(way):
    for expires in ("Sat, 21 Nov 2286 10:00:00 GMT", "Saturday, 21-Nov-37 10:00:00 GMT", "Sat Nov 21 10:00:00 2037"):
        path = new_path(answer("x", "Expires: " + expires))
        expect(twice(way, path).hit, expires)


@both("C2.7 W7.4 Authorization: not shared by max-age alone")
def _(way):
    path = new_path(fresh("secret"))
    expect(not twice(way, path, "Authorization: a").hit)
    for allowed in ("public, max-age=60", "s-maxage=60", "must-revalidate, max-age=60"):
        path = new_path(answer("x", "Cache-Control: " + allowed))
        response = twice(way, path, "Authorization: a")
        expect(response.hit, allowed)
        expect(way.get(path, "Authorization: b").hit and way.get(path).hit, allowed + ", for anybody")
        expect_equal(origin.seen(path)[0].field("Authorization"), "a")
    for unlisted in ("max-age=60, proxy-revalidate", "max-age=60, immutable", "no-cache, max-age=60"):
        path = new_path(answer("secret", "Cache-Control: " + unlisted, 'ETag: "1"'))
        expect(not twice(way, path, "Authorization: a").hit, unlisted)
        way.get(path)
        expect(all(not each.field("If-None-Match") for each in origin.seen(path)), unlisted + ": offered to others")


@both("C2.7 what is stored for all is not for a request with Authorization, unless it says so")
def _(way):
    path = new_path(fresh("for all"))
    way.get(path)
    expect(not way.get(path, "Authorization: a").hit)
    expect(way.get(path).hit)


@both("C1.1 W7.2 the query, its order, the case and %2F belong to the key; not the fragment's ghost")
def _(way):
    variants = ["/key?a=1&b=2", "/key?b=2&a=1", "/key", "/key?", "/KEY", "/k%2Fey", "/k/ey", "/key/"]
    for each in variants:
        origin.on(each, fresh(each))
    with way.client() as client:
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


@both("W7.2 a GET with a body bypasses the cache")
def _(way):
    path = new_path(fresh("x"))
    with way.client() as client:
        client.get(path)
        expect(not client.get(path, body=b"q").hit)
    expect_equal(origin.count(path), 2)


@both("C1.2 HEAD is answered from a stored GET")
def _(way):
    path = new_path(fresh("0123456789", "X-A: 1"))
    way.get(path)
    response = way.get(path, method="HEAD")
    expect_equal((response.hit, response.field("Content-Length"), response.field("X-A")), (True, "10", "1"))
    expect_equal(origin.count(path), 1)


@both("C1.3 C1.4 answers to POST and unknown methods are not stored")
def _(way):
    for method in ("POST", "FROB", "OPTIONS"):
        path = new_path(fresh("x"))
        with way.client() as client:
            client.get(path, method=method)
            expect(not client.get(path).hit, method)


@both("C1.3 a POST whose answer says that it is what a GET would get, and how long: stored as that")
def _(way):
    def script(conn, request):
        if request.method == "POST":
            return conn.send(fresh(b"posted " + conn.body(), f"Content-Location: {own(request.target)}", "X-A: 1", 'ETag: "1"'))
        conn.send(fresh("got"))
    for own in (way.url, lambda path: path):
        path = new_path(script)
        way.get(path)
        response = way.get(path, method="POST", body=b"1")
        expect_equal((response.status, response.body, response.field("X-A")), (200, b"posted 1", "1"))
        response = way.get(path)
        expect_equal((response.hit, response.body, response.field("X-A")), (True, b"posted 1", "1"))
        expect_equal(way.get(path, method="POST", body=b"2").body, b"posted 2", "a POST is answered by the origin")
        expect_equal((way.get(path).body, way.get(path, 'If-None-Match: "1"').status), (b"posted 2", 304))
        expect_equal([each.method for each in origin.seen(path)], ["GET", "POST", "POST"])


@both("C1.3 {}: it is not stored, and what was is gone", [
    ("another Content-Location", ["Cache-Control: max-age=60", "Content-Location: /else"], 200),
    ("another host's Content-Location", ["Cache-Control: max-age=60", "Content-Location: http://else.test{path}"], 200),
    ("no Content-Location", ["Cache-Control: max-age=60"], 200), ("no freshness", ["Content-Location: {path}", 'ETag: "1"'], 200),
    ("freshness by guess", ["Content-Location: {path}", "Last-Modified: Sat, 01 Nov 2014 10:00:00 GMT"], 200),
    ("no-store", ["Content-Location: {path}", "Cache-Control: no-store, max-age=60"], 200), ("private", ["Content-Location: {path}", "Cache-Control: private, max-age=60"], 200),
    ("stale", ["Content-Location: {path}", "Cache-Control: max-age=60", "Age: 70", 'ETag: "1"'], 200), ("Vary: *", ["Content-Location: {path}", "Cache-Control: max-age=60", "Vary: *"], 200)])
def _(way, fields, status):
    path = new_path(lambda conn, request: conn.send(
        fresh("got") if request.method == "GET" else answer("posted", *(each.replace("{path}", request.target) for each in fields), status=status)))
    way.get(path)
    expect_equal(way.get(path, method="POST", body=b"x").body, b"posted")
    response = way.get(path)
    expect_equal((response.hit, response.body), (False, b"got"))
    expect(way.get(path).hit, "no mark of it either")


@both("C1.3 a failed POST with a Content-Location neither stores nor drops; one with Authorization stores nothing")
def _(way):
    path = new_path(lambda conn, request: conn.send(
        fresh("got") if request.method == "GET" else fresh("posted", f"Content-Location: {request.target}", status=200 if request.field("Authorization") else 422)))
    way.get(path)
    way.get(path, method="POST", body=b"x")
    expect(way.get(path).hit)
    way.get(path, "Authorization: Basic YTpi", method="POST", body=b"x")
    expect_equal(way.get(path).body, b"got")


@both("W7.9 HEAD never makes a body")
def _(way):
    path = new_path(lambda conn, request: conn.send(fresh("body") if request.method == "GET" else head("HTTP/1.1 200 OK", "Content-Length: 4", "Cache-Control: max-age=60")))
    with way.client() as client:
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


@both("C13 request directives: no-cache validates, no-store bypasses, max-age counts, only-if-cached takes")
def _(way):
    path = new_path(fresh("x", 'ETag: "a"'))
    with way.client() as client:
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


@both("C13 max-age counts the received Age; min-fresh and max-stale bound what is left")
def _(way):
    path = new_path(fresh("x", "Age: 30", seconds=100))
    way.get(path)
    for directive, hit in (("max-age=29", False), ("max-age=40", True), ("min-fresh=60", True), ("min-fresh=80", False), ("unknown=1, max-age=x", True)):
        count = origin.count(path)
        expect_equal((way.get(path, f"Cache-Control: {directive}").hit, origin.count(path) - count), (hit, 0 if hit else 1), directive)
    advance(80)  # stale by ten seconds
    for directive, hit in (("max-stale", True), ("max-stale=20", True), ("max-stale=5", False)):
        expect_equal(way.get(path, f"Cache-Control: {directive}").hit, hit, directive)
    path = new_path(answer("x", "Cache-Control: max-age=10, must-revalidate", 'ETag: "1"'))
    way.get(path)
    advance(15)
    expect(not way.get(path, "Cache-Control: max-stale").hit, "C7.3")


@both("C13 Pragma counts only without Cache-Control, and only no-cache")
def _(way):
    path = new_path(fresh("x"))
    way.get(path)
    expect(way.get(path, "Pragma: no-cache", "Cache-Control: unknown").hit)
    expect(way.get(path, "Pragma: other").hit)
    expect(not way.get(path, "Pragma: no-cache").hit)


@both("C16.1 immutable changes nothing once stale")
def _(way):
    path = new_path([answer("x", "Cache-Control: max-age=10, immutable", 'ETag: "1"'), fresh("new")])
    way.get(path)
    expect(way.get(path).hit)
    advance(11)
    expect_equal(way.get(path).body, b"new")


@both("C16.2 Cache-Status says hit, or why the request went on")
def _(way):
    path = new_path([answer("x", "Cache-Control: max-age=10, stale-while-revalidate=100", 'ETag: "1"'), lambda conn, request: conn.send(
        head("HTTP/1.1 304 Not Modified", 'ETag: "1"'))])

    def status(*fields, **keys):
        cache = way.get(path, *fields, **keys).cache
        return {key: cache.get(key) for key in ("hit", "fwd", "fwd-status", "stored")}
    expect_equal(status(), {"hit": None, "fwd": "uri-miss", "fwd-status": "200", "stored": True})
    expect_equal(status()["hit"], True)
    expect(8 <= int(way.get(path).cache["ttl"]) <= 10)
    expect_equal(status("Cache-Control: no-cache"), {"hit": None, "fwd": "request", "fwd-status": "304", "stored": None})
    expect_equal(status("X: y", method="PATCH", body=b"z")["fwd"], "method")
    expect_equal(status()["fwd"], "uri-miss", "after PATCH")
    path = new_path([fresh("x", 'ETag: "1"', seconds=10), answer("y", "Cache-Control: no-store")])
    status()
    advance(11)
    expect_equal(status(), {"hit": None, "fwd": "stale", "fwd-status": "200", "stored": None})
    path = new_path([answer("x", "Cache-Control: max-age=10, stale-if-error=1000"), lambda conn, request: conn.close()])
    status()
    advance(40)
    shown = way.get(path).cache
    expect(-33 <= int(shown["ttl"]) <= -30, repr(shown))


@both("C16.3 Via on both, on hits too, behind those that were there")
def _(way):
    path = new_path(fresh("x", "Via: 1.0 first", "X-M: 1", "X-Other: 2", "X-M: 3", "Set-Cookie: a=1", "Set-Cookie: b=2"))
    for hit in (False, True):
        response = way.get(path, "Via: 1.1 client")
        expect_equal(response.hit, hit)
        via = response.field("Via").split(", ")
        expect_equal((via[0], len(via), via[1].startswith("1.1 ")), ("1.0 first", 2, True))
        expect_equal((response.field("X-M"), response.fields.all("Set-Cookie")), ("1, 3", ["a=1", "b=2"]))
    expect(origin.seen(path)[0].field("Via").startswith("1.1 client, 1.1 "))


@both("C16.2 Cache-Status is appended at the end, with the reason")
def _(way):
    path = new_path(fresh("x", "Cache-Status: before; hit"))
    with way.client() as client:
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


@both("C11.1 C11.3 a successful unsafe request drops what is stored for its URI; a failed one does not")
def _(way):
    for method in ("POST", "PUT", "DELETE", "PATCH", "M-SEARCH"):
        for status, dropped in ((200, True), (303, True), (404, False), (500, False)):
            path = new_path(lambda conn, request, status=status: conn.send(fresh("x") if request.method == "GET" else answer("y", status=status)))
            with way.client() as client:
                client.get(path)
                client.get(path, method=method, body=b"z")
                expect_equal(client.get(path).hit, not dropped, f"{method} {status}")


@both("C11.2 Location and Content-Location too, of the same origin only")
def _(way):
    here = new_path(fresh("x"))
    there = new_path(fresh("x"))
    third = new_path(fresh("x"))
    poster = new_path(answer("y", f"Location: {there}", f"Content-Location: {way.url(here)}", status=201))
    foreign = new_path(answer("y", f"Location: http://other.test{third}"))
    with way.client() as client:
        for path in (here, there, third):
            client.get(path)
        client.get(poster, method="POST", body=b"z")
        client.get(foreign, method="POST", body=b"z")
        expect_equal([client.get(path).hit for path in (here, there, third)], [False, False, True])


@both("C11.4 a fetch in flight when the invalidation comes does not stay")
def _(way):
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
    with way.client() as one, way.client() as two:
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
