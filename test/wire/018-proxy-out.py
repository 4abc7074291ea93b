#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PROXY headers to origins: whom they name, before TLS, one for each connection, which nobody else gets."""
import threading

from lib import *

authority = Authority()
cert = authority.make("origin", "DNS:origin.test", "IP:127.0.0.1")
plain = Origin()
first, second, secure, limited = ProxyOrigin(), ProxyOrigin(), ProxyTlsOrigin(cert=cert), ProxyOrigin()
nginx = Nginx()
SAYS = """return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";"""
nginx_plain = nginx.server("proxy_protocol", SAYS)
nginx_tls = nginx.server("ssl proxy_protocol", f"ssl_certificate {cert}; ssl_certificate_key {cert}; {SAYS}")
weir = Weir(config(plain, top=f"""
pool one    {{ server {first.name}; proxy-protocol v1 }}
pool two    {{ server {second.name}; proxy-protocol v2 }}
pool tls    {{ server {secure.name} tls sni origin.test; ca {authority.ca}; proxy-protocol v2 }}
pool few    {{ server {limited.name}; proxy-protocol v2; connections 1 }}
pool nginx1 {{ server 127.0.0.1:{nginx_plain}; proxy-protocol v1 }}
pool nginx2 {{ server 127.0.0.1:{nginx_tls} tls sni origin.test; ca {authority.ca}; proxy-protocol v2 }}
""", routes="""
    route /one/   { pool one }
    route /two/   { pool two }
    route /tls/   { pool tls }
    route /few/   { pool few }
    route /nginx1 { pool nginx1 }
    route /nginx2 { pool nginx2 }
    route /cached/ { cache main; pool two }
    route /       { pool app }
""") + """
site other.test {
    listen 0.0.0.0:0 trust 127.0.0.1
    listen 127.0.0.5:0 proxy-protocol 127.0.0.1
    listen [::1]:0
    route /one/ { pool one }
    route /two/ { pool two }
}
""")
WILD, BEHIND, V6 = range(3)
ORIGINS = {"one": first, "two": second, "tls": secure}


def headers_of(where, path):
    return [request.proxy for request in ORIGINS[where].seen(path)]


@table("the client and the listener it came to: {}", [("version 1", "one", 1), ("version 2", "two", 2), ("version 2, before TLS", "tls", 2)])
def _(where, version):
    path = ORIGINS[where].on(f"/{where}/who", answer("x"))
    before = weir.metric("origin_proxy_headers_total")
    with weir.site() as client:
        expect_equal(client.get(path).status, 200)
        expect_equal(headers_of(where, path), [(version, client.name, client.address)])
    expect_equal(weir.metric("origin_proxy_headers_total"), before + 1)


@test("a listener of all addresses: the one that the client reached")
def _():
    path = second.on("/two/wild", answer("x"))
    port = weir.listener("site other.test", WILD)[1]
    with Client(("127.0.0.9", port)) as client:
        expect_equal(client.get(path, host="other.test").status, 200)
        expect_equal(headers_of("two", path), [(2, client.name, ("127.0.0.9", port))])


@test("IPv6")
def _():
    for where in ("one", "two"):
        path = ORIGINS[where].on(f"/{where}/six", answer("x"))
        with Client(weir.listener("site other.test", V6)) as client:
            expect_equal(client.get(path, host="other.test").status, 200)
            expect_equal(headers_of(where, path)[0][1:], (client.name[:2], client.address))


@test("behind a PROXY header: the addresses that this one names")
def _():
    path = first.on("/one/behind", answer("x"))
    with Client(weir.listener("site other.test", BEHIND)) as client:
        client.send(b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n")
        expect_equal(client.get(path, host="other.test").status, 200)
    expect_equal(headers_of("one", path), [(1, ("192.0.2.1", 4711), ("198.51.100.2", 443))])


@test("behind a trusted sender: the client of X-Forwarded-For, whose port nobody knows")
def _():
    path = first.on("/one/xff", answer("x"))
    port = weir.listener("site other.test", WILD)[1]
    with Client(("127.0.0.1", port)) as client:
        client.get(path, "X-Forwarded-For: 203.0.113.7", host="other.test")
        client.get(path, "X-Forwarded-For: 2001:db8::7", host="other.test")
    expect_equal(headers_of("one", path), [(1, ("203.0.113.7", 0), ("127.0.0.1", port)),
                                           (1, ("2001:db8::7", 0), ("::ffff:127.0.0.1", port))])


@test("no connection serves two requests: neither of one client nor of two")
def _():
    path = second.on("/two/alone", answer("x"))
    names = []
    for _ in range(2):
        with weir.site() as client:
            for _ in range(3):
                expect_equal(client.get(path).status, 200)
                names.append(client.name)
    requests = second.seen(path)
    expect_equal([request.proxy[1] for request in requests], names)
    expect_equal(len({request.connection for request in requests}), 6)
    expect(all(request.field("Connection") == "close" for request in requests), "Connection: close")
    wait_until(lambda: not second.open, "all of them to be closed")


@test("other pools keep their connections")
def _():
    plain.on("/kept", answer("x"))
    with weir.site() as client:
        for _ in range(3):
            client.get("/kept")
    expect_equal(len({request.connection for request in plain.seen("/kept")}), 1)
    expect(plain.seen("/kept")[0].field("Connection") is None, "no Connection: close")


@test("a slot is free again as soon as the answer is there")
def _():
    limited.on("/few/x", answer("x"))
    names = []

    def ask():
        with weir.site() as client:
            for _ in range(5):
                expect_equal(client.get("/few/x").status, 200)
                names.append(client.name)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    expect_equal(sorted(request.proxy[1] for request in limited.seen("/few/x")), sorted(names))


@test("a body both ways, and an origin that fails before its answer")
def _():
    path = second.on("/two/body", lambda conn, request: conn.send(answer(conn.body()[::-1])))
    with weir.site() as client:
        client.ask(path, method="POST", body="abc" * 50000)
        expect_equal(client.response().body, b"cba" * 50000)
    path = second.on("/two/gone", lambda conn, request: conn.reset())
    with weir.site() as client:
        expect_equal(client.get(path).status, 502)


@test("what the cache asks for names the client that caused it; cache warm is LOCAL")
def _():
    path = second.on("/cached/a", fresh("a"))
    with weir.site() as client:
        client.get(path)
        expect_equal(second.seen(path)[0].proxy[1], client.name)
        expect(client.get(path).hit, "a hit asks nobody")
    expect_equal(second.count(path), 1)
    path = second.on("/cached/warm", fresh("w"))
    weir.write("urls", f"http://www.test{path}\n")
    weir.ctl("cache", "warm", "urls")
    expect_equal(second.wait(path)[0].proxy, (2, None, None))


@test("a WebSocket goes through")
def _():
    def echo(conn, request):
        conn.send(head("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        conn.send(conn.exactly(3))
        conn.close()
    path = second.on("/two/ws", echo)
    with weir.site() as client:
        client.ask(path, "Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        expect_equal(client.response().status, 101)
        client.send("abc")
        expect_equal(client.exactly(3), b"abc")
        expect_equal(headers_of("two", path)[0][1], client.name)


@table("nginx reads it: {}", [("version 1", "/nginx1"), ("version 2, then TLS", "/nginx2")])
def _(path):
    nginx.need()
    for _ in range(2):
        with weir.site() as client:
            response = client.get(path)
            expect_equal(response.status, 200)
            expect_equal(response.body.decode(), f"{client.name[0]} {client.name[1]} {client.address[0]} {client.address[1]}")


main(plain, first, second, secure, limited, nginx, weir)
