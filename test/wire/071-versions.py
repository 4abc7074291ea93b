#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.0 and HTTP/1.1 clients get the same answers from the cache: status, fields, body; all but what the
version itself asks for (chunked coding, Connection). And the origin gets the same requests."""
import calendar
import email.utils
import re

from lib import *

origin = Origin()
weir = Weir(config(origin, cache="memory 64MB\n    compress gzip min 100B"), clock=True)
both = both_ways(weir, origin)
number = [0]
MODIFIED = "Sat, 01 Nov 2025 10:00:00 GMT"
BODY = "".join(f"line {n} of a text that can be compressed\n" for n in range(50))
OWN = {"connection", "keep-alive", "transfer-encoding"}  # of the version, or of this one connection
KINDS = [("HTTP/1.1", []), ("HTTP/1.0", []), ("HTTP/1.0", ["Connection: keep-alive"]), ("HTTP/1.1", ["Connection: close"])]

KEPT = fresh(BODY, 'ETag: "1"', f"Last-Modified: {MODIFIED}", "Vary: X-V", "Set-Cookie: a=1", "Set-Cookie: b=2", "Content-Type: text/plain", seconds=100)
STALE = answer(BODY, "Cache-Control: max-age=10", 'ETag: "1"', f"Last-Modified: {MODIFIED}")
CHUNKED = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Cache-Control: max-age=100", 'ETag: "1"') + chunks(BODY[:100], BODY[100:])
AGAIN = head("HTTP/1.1 304 Not Modified", 'ETag: "1"', "Cache-Control: max-age=50", "X-New: 1")


def until_close(conn, request):
    conn.send(head("HTTP/1.1 200 OK", "Cache-Control: max-age=100") + BODY.encode())
    conn.close()


def closes(conn, request):
    conn.close()


def within(value, other, most=2):
    return value == other or None not in (value, other) and abs(int(value) - int(other)) <= most * SLOWNESS


def ask(way, path, kind, *fields, method="GET", body=None):
    version, own = kind
    with way.client() as client:
        response = client.get(path, *fields, *own, method=method, version=version, body=body)
        expect_equal(response.interim, [])
        if version == "HTTP/1.0":
            expect("Transfer-Encoding" not in response.fields, "a coding that 1.0 does not know")
        if (version, own) != KINDS[0] and (version, own) != KINDS[2]:
            expect_equal(client.end(), b"", "octets behind the answer")
        return response


def essence(response):
    """What is to be the same in all versions, and the figures that seconds may change."""
    fields = [(name.lower(), value) for name, value in response.fields if name.lower() not in OWN]
    status = re.sub(r"ttl=-?\d+", "ttl", response.field("Cache-Status", ""))
    length = response.field("Content-Length")
    own_page = response.status >= 500 and response.field("Server") == "weir"
    rest = sorted((name, value) for name, value in fields if name not in ("age", "cache-status", "content-length", "date"))
    date = calendar.timegm(email.utils.parsedate(response.field("Date")))
    body = re.sub(rb"<code>[^<]*</code>", b"", response.body) if own_page else response.body
    return (response.status, response.reason, rest, status, body), (response.field("Age"), response.cache.get("ttl"), date), length


def same(one, other, about):
    (first, times, length), (second, other_times, other_length) = essence(one), essence(other)
    for got, wanted, what in zip(second, first, ("status", "reason", "fields", "Cache-Status", "body")):
        expect_equal(got, wanted, f"{about}: {what}")
    expect(all(within(a, b) for a, b in zip(times, other_times)), f"{about}: {times} {other_times}")
    expect(length == other_length or None in (length, other_length), f"{about}: Content-Length {length}, {other_length}")


def reached(path, start):
    """What the origin was asked, but for the version's own."""
    return [(each.method, each.body, sorted((name.lower(), value.replace("1.0 ", "1.1 ") if name.lower() == "via" else value)
                                            for name, value in each.fields if name.lower() not in OWN)) for each in origin.seen(path)[start:]]


# What the origin says, one after the other; whether the first is asked for before; steps of the clock then; the request.
CASES = [
    ("a miss", [KEPT], None, [], {}),
    ("a miss of a chunked answer", [CHUNKED], None, [], {}),
    ("a miss of an answer until close", [until_close], None, [], {}),
    ("a miss of HEAD", [head("HTTP/1.1 200 OK", "Content-Length: 10", "Cache-Control: max-age=100")], None, [], {"method": "HEAD"}),
    ("C2.1 what is not stored", [answer(BODY, "Cache-Control: no-store")], None, [], {}),
    ("C5.4 a hit", [KEPT], 20, [], {}),
    ("C5.4 a hit of what came chunked", [CHUNKED], 20, [], {}),
    ("C5.4 a hit of what came until close", [until_close], 20, [], {}),
    ("C2.4 a hit of a 404", [fresh("none", status=404, reason="None")], 5, [], {}),
    ("C2.4 a hit of a 301", [fresh("there", "Location: /there", status=301, reason="Moved")], 5, [], {}),
    ("C2.4 a hit of a 204", [head("HTTP/1.1 204 No Content", "Cache-Control: max-age=100")], 5, [], {}),
    ("C6.1 a variant", [KEPT, fresh("other", "Vary: X-V")], 5, ["X-V: 1"], {}),
    ("a hit that is compressed", [KEPT], 5, ["Accept-Encoding: gzip"], {}),
    ("a miss that is compressed", [KEPT], None, ["Accept-Encoding: gzip"], {}),
    ("C1.2 HEAD of what is stored", [KEPT], 5, [], {"method": "HEAD"}),
    ("C9.1 If-None-Match", [KEPT], 5, ['If-None-Match: "0", "1"'], {}),
    ("C9.1 another tag", [KEPT], 5, ['If-None-Match: "0"'], {}),
    ("C9.1 HEAD with If-None-Match", [KEPT], 5, ['If-None-Match: "1"'], {"method": "HEAD"}),
    ("C9.3 If-Modified-Since", [KEPT], 5, [f"If-Modified-Since: {MODIFIED}"], {}),
    ("C10.1 a range", [KEPT], 5, ["Range: bytes=10-19"], {}),
    ("C10.1 a range from the end", [KEPT], 5, ["Range: bytes=-7"], {}),
    ("C10.1 several ranges", [KEPT], 5, ["Range: bytes=1-2,5-6"], {}),
    ("C10.1 a range beyond the end", [KEPT], 5, ["Range: bytes=99999-"], {}),
    ("C10.1 no range", [KEPT], 5, ["Range: bytes=x"], {}),
    ("C10.2 If-Range", [KEPT], 5, ["Range: bytes=10-19", 'If-Range: "1"'], {}),
    ("C10.2 If-Range with another tag", [KEPT], 5, ["Range: bytes=10-19", 'If-Range: "0"'], {}),
    ("C10.3 a range of what is not stored", [fresh(BODY[10:20], f"Content-Range: bytes 10-19/{len(BODY)}", status=206, reason="Part")], None, ["Range: bytes=10-19"], {}),
    ("C8.1 a validation with 304", [STALE, AGAIN], 20, [], {}),
    ("C8.1 a validation with 304 for HEAD", [STALE, head("HTTP/1.1 200 OK", f"Content-Length: {len(BODY)}", 'ETag: "1"')], 20, [], {"method": "HEAD"}),
    ("C9.4 a validation, and 304 for the client", [STALE, AGAIN], 20, ['If-None-Match: "1"'], {}),
    ("C8.1 a validation, and a range for the client", [STALE, AGAIN], 20, ["Range: bytes=10-19"], {}),
    ("C8.6 a validation with 200", [STALE, fresh("new")], 20, [], {}),
    ("C8.6 a validation with 404", [STALE, answer("gone", status=404, reason="Gone")], 20, [], {}),
    ("C7.2 stale after a 503", [STALE, answer("down", status=503)], 20, [], {}),
    ("C7.2 stale without an origin", [STALE, closes], 20, [], {}),
    ("C7.3 must-revalidate without an origin", [answer(BODY, "Cache-Control: max-age=10, must-revalidate"), closes], 20, [], {}),
    ("C7.4 stale-while-revalidate", [answer(BODY, "Cache-Control: max-age=10, stale-while-revalidate=100", 'ETag: "1"')], 20, [], {}),
    ("C13 max-stale", [STALE], 20, ["Cache-Control: max-stale"], {}),
    ("C13 no-cache", [KEPT, AGAIN], 5, ["Cache-Control: no-cache"], {}),
    ("C13 Pragma", [KEPT, AGAIN], 5, ["Pragma: no-cache"], {}),
    ("C13 no-store", [KEPT, fresh("new")], 5, ["Cache-Control: no-store"], {}),
    ("C13 only-if-cached, and it is", [KEPT], 5, ["Cache-Control: only-if-cached"], {}),
    ("C13 only-if-cached, and it is not", [KEPT], None, ["Cache-Control: only-if-cached"], {}),
    ("C2.7 Authorization", [KEPT, fresh("mine")], 5, ["Authorization: Basic YTpi"], {}),
    ("C11.1 POST", [KEPT, answer("done")], 5, [], {"method": "POST", "body": b"some"}),
    ("C16.8 an unknown method", [KEPT, answer("done")], 5, [], {"method": "FROB"}),
]


@both("{}: the same for HTTP/1.0 and 1.1", [(each[0], each) for each in CASES])
def _(way, case):
    _, scripts, seconds, fields, keys = case
    prepared, answers = [], []
    for storer in (KINDS[0], KINDS[1]):  # what one version has had stored, the other gets
        for kind in KINDS:
            number[0] += 1
            path = origin.on(f"/{number[0]:06}", scripts)
            if seconds is not None:
                ask(way, path, storer)
            prepared.append((path, storer, kind))
    weir.advance(seconds or 0)
    for path, storer, kind in prepared:
        start = origin.count(path)
        response = ask(way, path, kind, *fields, **keys)
        answers.append((f"{kind[0]} {kind[1]} after {storer[0]}", response, reached(path, start)))
    about, first, asked = answers[0]
    for other, response, requests in answers[1:]:
        same(first, response, f"{about}, {other}")
        if "while-revalidate" not in case[0]:  # that is asked behind
            most = 1 if "without an origin" in case[0] else None  # a reused connection that closes is tried again
            expect_equal(requests[:most], asked[:most], f"{about}, {other}: what the origin was asked")


@both("C15 no interim answer to HTTP/1.0; the final one is the same, and a hit for both")
def _(way):
    path = origin.on("/interim", head("HTTP/1.1 103 Early Hints", "Link: <a>") + KEPT)
    old = ask(way, path, KINDS[1])
    path = origin.on("/interim-2", head("HTTP/1.1 103 Early Hints", "Link: <a>") + KEPT)
    with way.client() as client:
        new = client.get(path)
    expect_equal([each.status for each in new.interim], [103])
    same(old, new, "the final answer")
    same(ask(way, path, KINDS[1]), ask(way, path, KINDS[0]), "the hit")


@both("C16.4 both versions wait for one fetch, and get the same")
def _(way):
    gate = Gate()

    def script(conn, request):
        conn.send(CHUNKED[:300])
        gate.wait()
        conn.send(CHUNKED[300:])
    path = origin.on("/collapsed", script)
    clients = [way.client() for _ in range(12)]
    clients[0].ask(path)
    gate.reached()
    for client, (version, own) in zip(clients[1:], KINDS * 3):
        client.ask(path, *own, version=version)
    gate.open()
    for client in clients:
        response = client.response()
        expect_equal((response.status, response.body.decode(), response.field("ETag")), (200, BODY, '"1"'))
        client.close()
    expect_equal(origin.count(path), 1)


main(origin, weir)
