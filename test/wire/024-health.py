#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Health checks of pools: who is down gets nothing, who is well again gets its share; by GET and by connect."""
from lib import *

GOOD, BAD = answer("ok"), answer("bad", status=503, reason="Service Unavailable")
authority = Authority()
good = authority.make("origin", "IP:127.0.0.1")
first, second, plain, framed = Origin(), Origin(), Origin(), ProxyOrigin()
secure, modern = TlsOrigin(good), H2Origin()
for each in (first, second, framed):
    each.on("/health?deep=1", GOOD)
    each.on("/", answer("from " + each.name, "Cache-Control: no-store"))
plain.on("/", answer("plain"))
modern.on("/h2", lambda stream: stream.head(204, end=True))
secure.on("/odd", answer("who?", status=401, reason="Unauthorized"))


def pool(name, servers, check, more=""):
    return f"pool {name} {{ server {servers}; check {check} every 100ms timeout 1s rise 2 fall 2; {more} }}\n"


text = config(first, top=pool("two", f"{first.name} {second.name}", "GET /health?deep=1 host health.test", "retry 0") +
              pool("tcp", plain.name, "connect") + pool("framed", framed.name, "GET /health?deep=1", "proxy-protocol v2") +
              pool("secure", f"{secure.name} tls", "GET /odd status 2xx 401", f"ca {authority.ca}") +
              pool("doubted", f"{secure.name} tls", "connect") + pool("modern", modern.name, "GET /h2", "http2"),
              routes="route /tcp { pool tcp }\n    route /framed { pool framed }\n    route /secure { pool secure }\n"
                     "    route /doubted { pool doubted }\n    route /modern { pool modern }\n"
                     "    route / { cache main; stale-if-error 1h; pool two }") + f"""
l4 raw {{ listen 127.0.0.9:0; pool tcp }}
"""
weir = Weir(text, clock=True)


def server(name, index=0):
    return next(each for each in weir.ctl_json("status")["pools"] if each["name"] == name)["servers"][index]


def becomes(name, health, check, index=0):
    wait_until(lambda: (found := server(name, index))["health"] == health and found["check"] == check,
               f"{name} to be {health} ({check})")


def answers(count=8):
    """Who answered so many requests, each on a connection of its own."""
    found = []
    for _ in range(count):
        with weir.site() as client:
            found.append(client.get("/").body.decode())
    return found


def down(count):
    wait_until(lambda: weir.metric("servers_down") == count, f"{count} servers down")


@test("both are asked, as the file says, and both get requests")
def _():
    for i in (0, 1):
        becomes("two", "up", "status 200", i)
    asked = first.wait("/health?deep=1")[0]
    expect_equal((asked.method, asked.field("Host"), asked.field("User-Agent"), asked.field("Connection")),
                 ("GET", "health.test", "weir-check", "close"))
    expect_equal(set(answers()), {"from " + first.name, "from " + second.name})
    expect_equal(server("two")["failures"], 0)
    requests = server("two")["requests"] + server("two", 1)["requests"]
    expect_equal(requests, 8, "checks count as requests")


@test("a server that fails its check gets nothing until it is well again; the log, the table and the metric say so")
def _():
    down(1)  # doubted: nobody believes its certificate
    second.on("/health?deep=1", BAD)
    becomes("two", "down", "status 503", 1)
    down(2)
    expect_in(f"pool two: server {second.name} is down: status 503", weir.stderr)
    expect_equal(set(answers()), {"from " + first.name})
    expect_in("down (status 503)", weir.ctl("status"))
    expect_in("requests, 0 failures, down", weir.ctl("explain", "http://www.test/"))
    expect(weir.metrics()['weir_health_checks_total{result="bad"}'] >= 2, "bad checks are not counted")
    second.on("/health?deep=1", GOOD)
    becomes("two", "up", "status 200", 1)
    down(1)
    expect_in(f"pool two: server {second.name} is up: status 200", weir.stderr)
    expect_equal(set(answers()), {"from " + first.name, "from " + second.name})


@test("a reload begins with what is known")
def _():
    second.on("/health?deep=1", BAD)
    becomes("two", "down", "status 503", 1)
    weir.ctl("reload")
    expect_equal(server("two", 1)["health"], "down")
    expect_equal(set(answers()), {"from " + first.name})
    down(2)
    second.on("/health?deep=1", GOOD)
    becomes("two", "up", "status 200", 1)
    down(1)


@test("refused, and too late")
def _():
    gate = Gate()
    second.on("/health?deep=1", lambda conn, request: (gate.wait(), conn.close()))
    becomes("two", "down", "timeout", 1)
    gate.open()
    second.close_listener()
    becomes("two", "down", "refused", 1)
    second.on("/health?deep=1", GOOD)
    second.open_listener()
    becomes("two", "up", "status 200", 1)


@test("all are down: 503 at once, and what is stored is served stale")
def _():
    for each in (first, second):
        each.on("/kept", answer("kept", "Cache-Control: max-age=1"))
    with weir.site() as client:
        expect_equal(client.get("/kept").body, b"kept")
    weir.advance(10)
    for each in (first, second):
        each.on("/health?deep=1", BAD)
    for i in (0, 1):
        becomes("two", "down", "status 503", i)
    with weir.site() as client:
        expect_equal(client.get("/").status, 503)
        expect_equal(client.get("/kept").body, b"kept")
    expect_equal(weir.row("path = '/' AND status = 503")["kind"], "site")
    for each in (first, second):
        each.on("/health?deep=1", GOOD)
    for i in (0, 1):
        becomes("two", "up", "status 200", i)
    with weir.site() as client:
        expect_equal(client.get("/").status, 200)


@test("connect: for HTTP and for an l4; nothing is sent")
def _():
    becomes("tcp", "up", "connected")
    expect_equal(len(plain.requests), 0)
    with weir.site() as client:
        plain.on("/tcp", answer("tcp"))
        expect_equal(client.get("/tcp").body, b"tcp")
    plain.close_listener()
    becomes("tcp", "down", "refused")
    failed = weir.metrics()['weir_l4_connections_total{result="failed"}']
    try:
        with Client(weir.listener("l4 raw")) as client:
            client.end()
    except ConnectionError:
        pass  # the reset may come at once
    wait_until(lambda: weir.metrics()['weir_l4_connections_total{result="failed"}'] == failed + 1, "the connection to fail")
    plain.open_listener()
    becomes("tcp", "up", "connected")


@test("TLS is checked with its certificate; a status that is named is a good one")
def _():
    becomes("secure", "up", "status 401")
    becomes("doubted", "down", "tls-failed")
    with weir.site() as client:
        expect_equal(client.get("/doubted").status, 503)
        secure.on("/secure", answer("secure"))
        expect_equal(client.get("/secure").body, b"secure")


@test("PROXY headers of checks name nobody; HTTP/2 is spoken where the pool says so")
def _():
    becomes("framed", "up", "status 200")
    expect_equal({each.proxy for each in framed.seen("/health?deep=1")}, {(2, None, None)})
    becomes("modern", "up", "status 204")


@test("a stop does not wait for a check")
def _():
    gate = Gate()
    first.on("/health?deep=1", lambda conn, request: (gate.wait(), conn.close()))
    gate.reached()
    weir.process.terminate()
    expect_equal(weir.process.wait(DEADLINE), 0)
    gate.open()
    weir.launch()


main(first, second, plain, framed, secure, modern, weir)
