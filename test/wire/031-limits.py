#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Limits of requests: by client, field, path; all workers together; over a reload; what 429 says."""
import threading

from lib import *

authority = Authority()
www = authority.make("www", "DNS:www.test")
origin = Origin()
weir = Weir(config(origin, top="""
limit login { key client   rate 5/h   burst 10 }
limit few   { key client   rate 2/h }
limit keyed { key header X-Api-Key;   rate 3/d }
limit paths { key path rate 1/d }
limit wide  { key client /8 rate 2/d }
limit day   { key client rate 50/d }
""", rules="limit few path /few\n limit day path /nothing\n allow all", routes="""
    route /login  { limit login; pool app; cache main }
    route /keyed  { limit keyed; pool app }
    route /paths  { limit paths; pool app }
    route /wide   { limit wide; respond 200 "here" }
    route /both   { limit few keyed; pool app }
    route /all    { limit day; pool app }
    route /       { pool app }
""", site_rules="limit few path /ruled /denied /go unless header X-Free\n deny path /denied\n redirect /there path /go",
                   site=f"""
    listen 127.0.0.4:0 tls cert {www}
    listen 127.0.0.5:0 proxy-protocol 127.0.0.1"""), clock=True)


def statuses(path, count, *fields, client=None, **keys):
    if client:
        return [client.get(path, *fields, **keys).status for _ in range(count)]
    with weir.site() as made:
        return [made.get(path, *fields, **keys).status for _ in range(count)]


def expect_near(got, wanted):
    """Seconds, that may be less by what has passed since."""
    expect(wanted - 60 <= int(got) <= wanted, f"got {got} s, wanted {wanted} s")


def expect_limit(response, name, burst, window, left, reset, retry=None):
    expect_equal(response.field("RateLimit-Policy"), f'"{name}";q={burst};w={window}')
    told, _, seconds = response.field("RateLimit").rpartition("=")
    expect_equal(told, f'"{name}";r={left};t')
    expect_near(seconds, reset)
    if retry:
        expect_near(response.field("Retry-After"), retry)
    else:
        expect("Retry-After" not in response.fields, "Retry-After on an answer that passed")


@test("a burst passes, then 429 with Retry-After and the RateLimit fields, then one each interval")
def _():
    origin.on("/login", fresh("in"))
    with weir.site() as client:
        answers = [client.get("/login") for _ in range(11)]
        expect_equal([each.status for each in answers], [200] * 10 + [429])
        expect_limit(answers[0], "login", 10, 7200, 9, 720)
        expect_in("hit", answers[9].field("Cache-Status"))
        expect_limit(answers[9], "login", 10, 7200, 0, 7200)
        expect_limit(answers[10], "login", 10, 7200, 0, 7200, retry=720)
        expect_in("no-store", answers[10].field("Cache-Control"))
        expect_in(b"Too many requests", answers[10].body)
        expect_equal(statuses("/other", 1, client=client), [404])  # the connection goes on, other routes too
    weir.advance(600)  # which ends that connection
    with weir.site() as client:
        expect_limit(client.get("/login"), "login", 10, 7200, 0, 6600, retry=120)
    weir.advance(120)
    expect_equal(statuses("/login", 2), [200, 429])
    weir.advance(7200)
    expect_equal(statuses("/login", 11), [200] * 10 + [429])
    row = weir.row("path = '/login' AND status = 429")
    expect_equal((row["end"], row["client"]), ("limited", "127.0.0.1"))
    expect_in("limit login", row["rule"])
    expect_equal(weir.metric("limits_refused_total"), 4)


@test("another client has a bucket of its own, an IPv6 client its /64; all listeners count together")
def _():
    origin.on("/login", fresh("in"))
    expect_equal(statuses("/login", 1), [429])
    with Client(weir.listener("site"), source="127.0.0.9") as client:
        expect_equal(statuses("/login", 11, client=client), [200] * 10 + [429])
    with TlsClient(weir.listener("site", 1), "www.test", authority.ca) as client:
        expect_equal(statuses("/login", 1, client=client), [429])
    with H2Client(weir.listener("site", 1), name="www.test", ca=authority.ca) as client:
        expect_equal(client.get("/login", scheme="https").ended, True)
        weir.rows("path = '/login' AND status = 429 AND http = '2'")
    for source, wanted in (("2001:db8::1", [200] * 10), ("2001:db8::2", [429] * 10), ("2001:db8:0:1::1", [200] * 10)):
        with Client(weir.listener("site", 2)) as client:
            client.send(f"PROXY TCP6 {source} ::1 1 2\r\n")
            expect_equal(statuses("/login", 10, client=client), wanted, source)


@test("by a field: each value; those without it are one")
def _():
    origin.on("/keyed", answer("x"))
    expect_equal(statuses("/keyed", 4, "X-Api-Key: a"), [200] * 3 + [429])
    expect_equal(statuses("/keyed", 4, "x-api-key: b"), [200] * 3 + [429])
    expect_equal(statuses("/keyed", 4), [200] * 3 + [429])
    with Client(weir.listener("site"), source="127.0.0.9") as client:
        expect_equal(statuses("/keyed", 1, "X-Api-Key: a", client=client), [429])


@test("by path, without the query; by a network of clients")
def _():
    for path in ("/paths/a", "/paths/b", "/paths/a?x", "/paths/a?y"):
        origin.on(path, answer("x"))
    expect_equal([statuses(path, 1)[0] for path in ("/paths/a", "/paths/a?x", "/paths/b", "/paths/a?y")], [200, 429, 200, 429])
    with Client(weir.listener("site"), source="127.9.9.9") as client:
        expect_equal(statuses("/wide", 2, client=client), [200, 200])
    expect_equal(statuses("/wide", 1), [429])


@test("by a rule: with its conditions; what is denied is not counted, what is redirected is")
def _():
    weir.advance(7200)
    origin.on("/ruled", answer("x"))
    expect_equal(statuses("/ruled", 3, "X-Free: yes"), [200] * 3)
    expect_equal(statuses("/denied", 3), [403] * 3)
    expect_equal(statuses("/ruled", 3), [200, 200, 429])
    weir.advance(7200)
    expect_equal(statuses("/go", 3), [302, 302, 429])
    weir.row("path = '/go' AND status = 429 AND end = 'limited' AND rule LIKE '%limit few%'")


@test("of several limits the nearest is told, and the first that is exceeded decides")
def _():
    weir.advance(7200)
    origin.on("/both", answer("x"))
    with weir.site() as client:
        told = [client.get("/both", "X-Api-Key: both") for _ in range(2)]
        expect_limit(told[0], "few", 2, 3600, 1, 1800)
        expect_limit(told[1], "few", 2, 3600, 0, 3600)
        expect_limit(client.get("/both", "X-Api-Key: both"), "few", 2, 3600, 0, 3600, retry=1800)
    weir.advance(7200)
    with weir.site() as client:
        told = [client.get("/both", "X-Api-Key: both") for _ in range(2)]
        expect_equal([each.status for each in told], [200, 429])
        expect_equal(told[1].field("RateLimit")[:9], '"keyed";r')


@test("a forward: absolute URIs and tunnels")
def _():
    weir.advance(7200)
    origin.on("/few", answer("x"))
    with weir.forward() as client:
        expect_equal(statuses(origin.url("/few"), 3, client=client, host=origin.name), [200, 200, 429])


@test("all workers count together")
def _():
    origin.on("/all", answer("x"))
    seen, lock = [], threading.Lock()

    def come():
        for _ in range(10):
            got = statuses("/all", 1)
            with lock:
                seen.extend(got)
    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect_equal((seen.count(200), seen.count(429)), (50, 30))


@test("a reload goes on counting, and a new rate holds at once")
def _():
    expect_equal(statuses("/all", 1), [429])
    weir.ctl("reload")
    expect_equal(statuses("/all", 1), [429])
    weir.write("weir.conf", weir.text.replace("rate 50/d", "rate 3/min"))
    weir.ctl("reload")
    expect_equal(statuses("/all", 1), [429])
    weir.advance(60)
    expect_equal(statuses("/all", 4), [200] * 3 + [429])


@test("config show and explain tell of limits")
def _():
    expect_in("5/h", weir.ctl("config", "show"))
    expect_in("limit login", weir.ctl("explain", "http://www.test/login"))


main(origin, weir)
