#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS towards origins: what is believed, what is checked, sessions, certificates of our own."""
import ssl

from lib import *

authority = Authority()
other = Authority("another CA")
good = authority.make("origin", "DNS:origin.test", "IP:127.0.0.1")
elsewhere = authority.make("elsewhere", "DNS:elsewhere.test")
foreign = other.make("foreign", "IP:127.0.0.1")
own = authority.make("weir", "DNS:weir.test")

origin = Origin()
secure = TlsOrigin(good)
old = TlsOrigin(good, most=ssl.TLSVersion.TLSv1_2)
wrong_name = TlsOrigin(elsewhere)
wrong_ca = TlsOrigin(foreign)
asks = TlsOrigin(good, client_ca=authority.ca)


def pool(name, server, more=f"ca {authority.ca}"):
    return f"pool {name} {{ server {server}\n connect-timeout 2s\n {more} }}\n"


routes = "\n".join(f"route /{name}/ {{ pool {name} }}" for name in
                   ("secure", "named", "old", "wrong-name", "wrong-ca", "system", "unverified", "asks", "shows", "plain", "two"))
text = config(origin, top=pool("secure", f"{secure.name} tls") + pool("named", f"{secure.name} tls sni origin.test") +
              pool("old", f"{old.name} tls") + pool("wrong-name", f"{wrong_name.name} tls") +
              pool("wrong-ca", f"{wrong_ca.name} tls") + pool("system", f"{secure.name} tls", "") +
              pool("unverified", f"{wrong_ca.name} tls", "verify no") + pool("asks", f"{asks.name} tls") +
              pool("shows", f"{asks.name} tls", f"ca {authority.ca}\n client-cert {own}") +
              pool("plain", f"{origin.name} tls") +
              pool("two", f"{wrong_name.name} tls\n server {secure.name} tls", f"ca {authority.ca}\n retry 1"),
              forward=f"ca {authority.ca}", routes=routes)
weir = Weir(text)


def ask(path):
    with weir.site() as client:
        return client.get(path)


@test("a server with tls: its certificate is verified for its address; no SNI for an address")
def _():
    secure.on("/secure/a", answer("by tls"))
    expect_equal(ask("/secure/a").body, b"by tls")
    expect_equal(secure.handshakes[-1][0], None)
    expect(weir.metric("origin_tls_handshakes_total") >= 1)


@test("sni NAME is asked for and checked")
def _():
    secure.on("/named/a", answer("named"))
    expect_equal(ask("/named/a").body, b"named")
    expect_equal(secure.handshakes[-1][0], "origin.test")


@table("502 for {}", [("another name", "wrong-name", wrong_name), ("another CA", "wrong-ca", wrong_ca),
                     ("a CA the system does not have", "system", secure)])
def _(name, server):
    server.on(f"/{name}/a", answer("secret"))
    response = ask(f"/{name}/a")
    expect_equal(response.status, 502)
    expect_equal(server.count(f"/{name}/a"), 0, "requests that came")
    expect_equal(weir.row(f"path = '/{name}/a'")["end"], "origin-tls")
    expect_in("tls: origin", weir.stderr)


@test("an origin that speaks no TLS: 502 or 504, and it never sees a request")
def _():
    expect_in(ask("/plain/a").status, (502, 504))
    expect_equal(origin.count("/plain/a"), 0)


@test("verify no takes any certificate")
def _():
    wrong_ca.on("/unverified/a", answer("whoever"))
    expect_equal(ask("/unverified/a").body, b"whoever")


@test("the next server of the pool is tried when TLS fails")
def _():
    secure.on("/two/a", answer("second"))
    for _ in range(4):
        expect_equal(ask("/two/a").body, b"second")


@table("TLS {}: connections are used again, and sessions resumed", [("1.3", "secure", secure), ("1.2", "old", old)])
def _(name, server):
    server.on(f"/{name}/again", answer("x", "Connection: close"))
    server.on(f"/{name}/keep", answer("y"))
    for _ in range(12):
        expect_equal(ask(f"/{name}/again").status, 200)
    wait_until(lambda: any(each and each[1] for each in server.handshakes), "a resumed session")
    before = weir.metric("origin_connections_reused_total")
    with weir.site() as client:
        for _ in range(5):
            expect_equal(client.get(f"/{name}/keep").body, b"y")
    expect(weir.metric("origin_connections_reused_total") >= before + 3, "no connection was used again")


@test("a client certificate where the origin asks for one")
def _():
    asks.on("/shows/a", answer("welcome"))
    expect_equal(ask("/asks/a").status, 502)
    expect_equal(ask("/shows/a").body, b"welcome")
    expect_equal(asks.handshakes[-1][2], {"commonName": "weir"})


@test("W8.5 https:// through the forward proxy is fetched by TLS, verified, and cached apart")
def _():
    secure.on("/forward", fresh("by forward"))
    for hit in (False, True):
        with weir.forward() as client:
            response = client.get(f"https://{secure.name}/forward", host=secure.name)
            expect_equal((response.body, response.hit), (b"by forward", hit))
    with weir.forward() as client:
        expect_equal(client.get(f"https://{wrong_ca.name}/forward", host=wrong_ca.name).status, 502)
    expect_equal(weir.row("path = '/forward' AND status = 200")["scheme"], "https")


@test("a large body comes whole; one that ends without close_notify is cut so that it shows")
def _():
    body = bytes(range(256)) * 20000
    secure.on("/secure/large", answer(body))
    expect(ask("/secure/large").body == body, "other bytes")

    secure.on("/secure/cut", lambda conn, request: (conn.send(head("HTTP/1.1 200 OK", "Connection: close"), b"part"), conn.close()))
    with weir.site() as client:
        client.ask("/secure/cut")
        try:
            response = client.response()
        except Closed:
            return
        raise Failure(f"it looked whole: {response!r}")


@test("config test: a ca that is not there")
def _():
    wrong = weir.write("wrong.conf", "pool a { server 127.0.0.1:1 tls\n ca /nowhere.pem }\nsite x.test {\n listen 127.0.0.1:0\n route / { pool a }\n}\n")
    code, output = run_weir("weirctl", "config", "test", str(wrong))
    expect_equal(code, 1, output)
    expect_in("/nowhere.pem", output)


main(origin, secure, old, wrong_name, wrong_ca, asks, weir)
