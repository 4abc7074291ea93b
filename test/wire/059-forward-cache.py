#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The cache of a forward, where it differs from a site's: its keys have scheme, host and port; no targeted
fields; origins come and go by name. What does not differ is in 040 to 044, both ways."""
from lib import *

origin = Origin()
other = Origin()
dns = Dns({name: ["127.0.0.1"] for name in ("a.test", "b.test", "gone.test", "moves.test")}, ttl=1)
weir = Weir(config(origin, top=f"dns {{ server {dns.name}\n timeout 1s }}"), clock=True)
number = [0]


def new_path(script, where=origin):
    number[0] += 1
    return where.on(f"/{number[0]}", script)


def get(path, *fields, host=None, **keys):
    host = host or origin.name
    with weir.forward() as client:
        return client.get(f"http://{host}{path}", *fields, host=host, **keys)


@test("C1.1 scheme, host, port and query tell entries apart; letter case, an empty Host and a fragment's ghost do not")
def _():
    path = new_path(fresh("x"))
    other.on(path, fresh("of the other port"))
    origin.on(path + "?q", fresh("query"))
    for hit in (False, True):
        expect_equal(get(path).hit, hit)
        for host in (f"a.test:{origin.port}", f"b.test:{origin.port}"):
            expect_equal((get(path, host=host).body, get(path, host=host.upper()).hit), (b"x", True))
        response = get(path, host=other.name)
        expect_equal((response.body, response.hit), (b"of the other port", hit))
        expect_equal((get(path + "?q").body, get(path, host=f"localhost.test:{origin.port}").status), (b"query", 502))
    expect_equal((origin.count(path), origin.count(path + "?q"), other.count(path)), (3, 1, 1))


@test("C1.1 Host of the request plays no part, the target does")
def _():
    path = new_path(fresh("x"))
    get(path)
    with weir.forward() as client:
        expect(client.get(origin.url(path), host="evil.test").hit)
        expect(not client.get(f"http://b.test:{origin.port}{path}", host=origin.name).hit)


@test("C1.1 https is not answered with what http has stored, nor fetched in clear")
def _():
    path = new_path(fresh("in clear"))
    get(path)
    with weir.forward() as client:
        response = client.get(f"https://{origin.name}{path}", host=origin.name)
    expect(response.status in (502, 504) and not response.hit, repr(response))


@test("C1.1 a site and a forward share nothing, though one URL is asked for")
def _():
    path = new_path([fresh("of the site"), fresh("of the forward")])
    with weir.site() as client:
        expect_equal(client.get(path, host=origin.name).body, b"of the site")
    expect_equal(get(path).body, b"of the forward")
    with weir.site() as client:
        expect_equal(client.get(path, host=origin.name).body, b"of the site")


@test("C2.7 Proxy-Authorization is this hop's: no matter for storing or reuse, and it goes no further")
def _():
    path = new_path(fresh("x"))
    get(path, "Proxy-Authorization: Basic YTpi")
    expect(get(path).hit and get(path, "Proxy-Authorization: Basic Yzpk").hit)
    expect("Proxy-Authorization" not in origin.seen(path)[0].fields)
    path = new_path(fresh("secret"))
    get(path, "Proxy-Authorization: Basic YTpi", "Authorization: Basic YTpi")
    expect(not get(path, "Proxy-Authorization: Basic YTpi", "Authorization: Basic YTpi").hit)


@test("C12.1 C12.4 CDN-Cache-Control neither allows nor forbids anything in a forward, and is passed on")
def _():
    for fields, hit in ((["Cache-Control: no-store", "CDN-Cache-Control: max-age=60"], False), (["CDN-Cache-Control: max-age=60"], False),
                        (["Cache-Control: max-age=60", "CDN-Cache-Control: no-store"], True), (["Cache-Control: max-age=60", "CDN-Cache-Control: max-age=0"], True),
                        (["Cache-Control: private, max-age=60", "CDN-Cache-Control: max-age=60"], False)):
        path = new_path(answer("x", *fields))
        get(path)
        response = get(path)
        expect_equal((response.hit, response.field("CDN-Cache-Control")), (hit, fields[-1].split(": ")[1]), repr(fields))


@test("C12.5 Surrogate-Control means nothing to a forward, and is passed on")
def _():
    for fields, hit in ((["Cache-Control: max-age=60", "Surrogate-Control: no-store"], True), (["Surrogate-Control: max-age=60"], False)):
        path = new_path(answer("x", *fields))
        get(path)
        response = get(path)
        expect_equal((response.hit, "Surrogate-Control" in response.fields), (hit, True), repr(fields))


@test("C7.2 C7.3 nobody listens there, or the name is gone: stale if allowed, else 504 or 502")
def _():
    def of(directive):
        path = new_path(answer("old", f"Cache-Control: {directive}", 'ETag: "1"'))
        other.on(path, answer("old", f"Cache-Control: {directive}", 'ETag: "1"'))
        return path
    rows = [(of("max-age=10"), [200]), (of("max-age=10, must-revalidate"), [504]), (of("max-age=10, proxy-revalidate"), [502, 504]), (of("no-cache"), [502, 504])]
    for path, _ in rows:
        get(path, host=f"gone.test:{origin.port}")
        get(path, host=other.name)
    weir.advance(500)
    del dns.names["gone.test"]
    other.close_listener()
    other.close_connections()
    try:
        for host in (f"gone.test:{origin.port}", other.name):
            for path, wanted in rows:
                response = get(path, host=host)
                expect_in(response.status, wanted, f"{host} {path}")
                expect_equal(response.body == b"old", wanted == [200])
        expect_equal(get("/never", host=f"gone.test:{origin.port}").status, 502)
    finally:
        other.open_listener()


@test("C8.1 a name that has moved: what was stored is validated where it is now")
def _():
    path = new_path([fresh("x", 'ETag: "1"', seconds=10), head("HTTP/1.1 304 Not Modified", 'ETag: "1"')])
    host = f"moves.test:{origin.port}"
    get(path, host=host)
    weir.advance(100)
    expect_equal((get(path, host=host).body, origin.seen(path)[1].field("If-None-Match"), origin.seen(path)[1].field("Host")), (b"x", '"1"', host))


@test("C11.1 an unsafe request drops what is stored of its own URI: not of another host, port or query, nor of the site")
def _():
    path = new_path(lambda conn, request: conn.send(fresh("x") if request.method == "GET" else answer("done")))
    origin.on(path + "?q", fresh("x"))
    other.on(path, fresh("x"))
    asked = [(path, origin.name), (path, f"a.test:{origin.port}"), (path, other.name), (path + "?q", origin.name)]
    for each, host in asked:
        get(each, host=host)
    with weir.site() as client:
        client.get(path, host=origin.name)
    expect_equal(get(path, method="POST", body=b"y").body, b"done")
    with weir.site() as client:
        expect(client.get(path, host=origin.name).hit)
    expect_equal([get(each, host=host).hit for each, host in asked], [False, True, True, True])


@test("C11.1 all variants go, and parts")
def _():
    def script(conn, request):
        if request.method == "DELETE":
            return conn.send(head("HTTP/1.1 204 No Content"))
        if request.field("Range"):
            return conn.send(fresh("01", "Content-Range: bytes 0-1/10", 'ETag: "1"', "Vary: X-V", status=206, reason="Part"))
        conn.send(fresh("0123456789", 'ETag: "2"', "Vary: X-V"))
    path = new_path(script)
    asked = [["X-V: 1"], ["X-V: 2"], ["X-V: 3", "Range: bytes=0-1"]]
    for fields in asked:
        get(path, *fields)
        expect(get(path, *fields).hit)
    expect_equal(get(path, method="DELETE").status, 204)
    expect_equal([get(path, *fields).hit for fields in asked], [False, False, False])


@test("C11.2 Location and Content-Location: of the same host and port alone, relative or whole")
def _():
    here, there, odd, foreign = (new_path(fresh("x")) for _ in range(4))
    other.on(foreign, fresh("x"))
    posters = [new_path(answer("y", f"Location: {here}", f"Content-Location: http://{origin.name}{there}", status=201)),
               new_path(answer("y", f"Location: http://{other.name}{foreign}", f"Content-Location: http://a.test:{origin.port}{odd}"))]
    asked = [(here, origin.name), (there, origin.name), (odd, f"a.test:{origin.port}"), (odd, origin.name), (foreign, other.name)]
    for path, host in asked:
        get(path, host=host)
    for path in posters:
        get(path, method="POST", body=b"z")
    expect_equal([get(path, host=host).hit for path, host in asked], [False, False, True, True, True])


@test("C11.1 a purge by the origin's URL reaches what the forward has; the method PURGE does not go through it")
def _():
    path = new_path(fresh("x"))
    get(path)
    response = get(path, method="PURGE")
    expect(response.status in (403, 405) and get(path).hit, repr(response))
    expect_equal([each.method for each in origin.seen(path)], ["GET"])
    weir.ctl("purge", "--hard", origin.url(path))
    expect(not get(path).hit)


@test("C13 only-if-cached: 504, and nothing is dialled or resolved")
def _():
    connections, asked = other.connections, len(dns.asked)
    expect_equal(get("/nothing", "Cache-Control: only-if-cached", host=other.name).status, 504)
    expect_equal(get("/nothing", "Cache-Control: only-if-cached", host="never-asked.test").status, 504)
    expect_equal((other.connections, len(dns.asked)), (connections, asked))


@test("C13 W8.1 what comes through CONNECT is a tunnel's, and is not stored")
def _():
    path = new_path(fresh("x"))
    for _ in range(2):
        with weir.forward() as client:
            client.ask(origin.name, method="CONNECT", host=origin.name)
            expect_equal(client.response("CONNECT", body=False).status, 200)
            response = client.get(path, host=origin.name)
            expect_equal((response.body, response.field("Cache-Status"), response.field("Via"), "Age" in response.fields), (b"x", None, None, False))
    expect_equal(origin.count(path), 2)


@test("C16.3 C16.8 the origin gets its own form of the target, Via, and nothing that a site adds")
def _():
    path = new_path(fresh("x"))
    get(path, "X-Own: 1")
    seen = origin.seen(path)[0]
    expect_equal((seen.target, seen.field("Host"), seen.field("X-Own")), (path, origin.name, "1"))
    expect_equal([name for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded") if name in seen.fields], [])
    expect_in("1.1 ", seen.field("Via"))


@test("C16.4 collapse is by the whole URL: two hosts of one path are two fetches")
def _():
    gate = Gate()

    def script(conn, request):
        gate.wait()
        conn.send(fresh(request.field("Host")))
    path = new_path(script)
    hosts = [f"{name}.test:{origin.port}" for name in "ab"] * 5
    clients = [weir.forward() for _ in hosts]
    for client, host in zip(clients, hosts):
        client.ask(f"http://{host}{path}", host=host)
    gate.reached()
    gate.reached()
    gate.open()
    for client, host in zip(clients, hosts):
        expect_equal(client.response().body.decode(), host)
        client.close()
    expect_equal(origin.count(path), 2)


main(origin, other, dns, weir)
