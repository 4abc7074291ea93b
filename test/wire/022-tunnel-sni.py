#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The host that a client names in its TLS inside a CONNECT: in the log, in rules, and compared with the host asked for."""
import socket
import ssl
import subprocess

from lib import *


def keep(conn):
    """Keeps what comes; greets first, as an SSH server does."""
    conn.send("SSH-2.0-origin\n")
    try:
        got.append(conn.to_end())
    except Closed as closed:
        got.append(closed.got)
    conn.close()


got = []
authority = Authority()
secure = TlsOrigin(authority.make("a", "DNS:a.test", "DNS:b.test"))
keeper = Origin(tunnel=keep)
http = Origin()
dns = Dns({name: ["127.0.0.1"] for name in ("a.test", "b.test", "x.bad.test")})
MORE = f"connect {secure.port} {keeper.port}\n private deny except 127.0.0.0/8"
weir = Weir(config(http, top=f"""
dns {{ server {dns.name} }}
list ads {{ file $DIR/ads.txt }}
forward match {{ listen 127.0.1.1:0; {MORE}
    tunnel-sni-match yes
    rules {{ allow all }} }}
forward plain {{ listen 127.0.1.2:0; {MORE}
    rules {{ allow all }} }}
forward two {{ listen 127.0.1.3:0 http2; {MORE}
    rules {{ deny sni .bad.test; allow all }} }}
""", forward=MORE, rules="""deny sni .bad.test unless client 127.0.0.9
deny sni ~ ^x[0-9]
report sni reported.test
allow all"""), files={"ads.txt": "ads.test\n"})


def tunnel(to, place="lan", source=None):
    """An open tunnel, of which nothing was read yet but the head."""
    client = Client(weir.listener(f"forward {place}"), source=source)
    client.ask(to, method="CONNECT", host=to)
    expect_equal(client.response("CONNECT", body=False).status, 200)
    return client


def at(origin, host):
    return f"{host}:{origin.port}"


def expect_kept(sent):
    wait_until(lambda: got, "the origin to see the end")
    expect_equal(got.pop(), sent)


@test("TLS goes through as it came; the log has the host it names")
def _():
    path = secure.on("/in", answer("inside"))
    host, port = weir.listener("forward lan")
    done = subprocess.run(["curl", "-sS", "--cacert", authority.ca, "-p", "-x", f"http://{host}:{port}", f"https://a.test:{secure.port}{path}"],
                          capture_output=True)
    expect_equal((done.returncode, done.stdout), (0, b"inside"), done.stderr)
    row = weir.row("kind = 'tunnel' AND sni = 'a.test'")
    expect_equal((row["end"], row["host"], row["tls"], row["status"]), ("ok", "a.test", "", 200))


@table("a rule cuts it, and the origin has nothing of it: {}", [("a host", "www.bad.test"), ("in capitals", "WWW.BAD.test"), ("an expression", "x1.test")])
def _(name):
    refused, denied = weir.metric("tunnel_sni_refused_total"), weir.metric("rules_denied_total")
    with tunnel(at(keeper, "a.test")) as client:
        expect_equal(client.until(b"\n"), b"SSH-2.0-origin\n")
        client.send(client_hello(name))
        expect_equal(client.end(), b"")
    expect_kept(b"")
    row = weir.row(f"kind = 'tunnel' AND sni = '{name.lower()}' ORDER BY time DESC")
    expect_equal((row["end"], row["status"], row["host"]), ("denied", 200, "a.test"))
    expect("deny sni" in row["rule"], row)
    wait_until(lambda: weir.metric("tunnel_sni_refused_total") == refused + 1, "the refusal to be counted")
    expect_equal(weir.metric("rules_denied_total"), denied + 1)


@test("a rule that does not match, or only reports, lets it pass")
def _():
    for name, source in (("b.test", None), ("www.bad.test", "127.0.0.9"), ("reported.test", None)):
        with tunnel(at(keeper, "a.test"), source=source) as client:
            sent = client_hello(name) + b"and more"
            client.send(sent)
            client.half_close()
            expect_equal(client.end(), b"SSH-2.0-origin\n")
        expect_kept(sent)
    row = weir.row("sni = 'reported.test'")
    expect_equal(row["end"], "ok")
    expect("report sni" in row["reports"], row)


@test("what is no TLS passes, and an origin that speaks first is heard first")
def _():
    for sent in (b"SSH-2.0-client\n", b"\0", b"", b"\x80\x2e\x01"):
        with tunnel(at(keeper, "a.test")) as client:
            expect_equal(client.until(b"\n"), b"SSH-2.0-origin\n")
            client.send(sent)
            client.half_close()
            expect_equal(client.end(), b"")
        expect_kept(sent)


@test("a ClientHello in pieces is held back until it is whole")
def _():
    whole = client_hello("b.test")
    with tunnel(at(secure, "a.test")) as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before = len(secure.handshakes)
        for byte in whole[:-1]:
            client.send(bytes([byte]))
        expect(client.is_quiet(), "an answer to a part of it")
        client.send(whole[-1:])
        expect_equal(client.exactly(1), b"\x16")
    with tunnel(at(keeper, "a.test")) as client:
        expect_equal(client.until(b"\n"), b"SSH-2.0-origin\n")
        denied = client_hello("x.bad.test")
        client.send(denied[:80])
        client.send(denied[80:])
        expect_equal(client.end(), b"")
    expect_kept(b"")


@table("tunnel-sni-match: {}", [
    ("the same host", "a.test", "a.test", True), ("in capitals", "a.test", "A.TEST", True), ("another host", "a.test", "b.test", False),
    ("no host", "a.test", None, True), ("an address, and a host", "127.0.0.1", "a.test", False), ("an address, and none", "127.0.0.1", None, True)])
def _(host, name, passes):
    sent = client_hello(name)
    with tunnel(at(keeper, host), "match") as client:
        expect_equal(client.until(b"\n"), b"SSH-2.0-origin\n")
        client.send(sent)
        if passes:
            client.half_close()
        expect_equal(client.end(), b"")
    expect_kept(sent if passes else b"")
    if not passes:
        row = weir.row(f"place = 'match' AND host = '{host}' AND sni = '{name}'")
        expect_equal(row["end"], "sni-mismatch")


@table("what begins as TLS and is no ClientHello is cut where the host matters: {}", [
    ("by a rule", "lan", False), ("by tunnel-sni-match", "match", False), ("nowhere", "plain", True)])
def _(place, passes):
    for sent, at_once in ((b"\x16\x03\x01\xff\xff", True), (client_hello("a.test")[:50], False)):
        with tunnel(at(keeper, "a.test"), place, source="127.0.0.77") as client:
            expect_equal(client.until(b"\n"), b"SSH-2.0-origin\n")
            client.send(sent)
            if passes or not at_once:
                client.half_close()
            expect_equal(client.end(), b"")
        expect_kept(sent if passes else b"")
    rows = weir.rows(f"place = '{place}' AND client = '127.0.0.77'", count=2)
    expect_equal({row["end"] for row in rows}, {"ok" if passes else "client-error"})


@test("over HTTP/2 too")
def _():
    with H2Client(weir.listener("forward two")) as client:
        for name in ("x.bad.test", "b.test"):
            stream = client.headers((":method", "CONNECT"), (":authority", at(keeper, "a.test")), end=False)
            while b"SSH-2.0-origin" not in client.seen(stream).body:
                client.step()
            client.data(stream, client_hello(name), end=name == "b.test")
            answer_ = client.answer(stream)
            expect_equal((answer_.status, answer_.ended), (200, name == "b.test"))
            wait_until(lambda: got, "the origin to see the end")
            expect_equal(len(got.pop()) > 0, name == "b.test")
    expect_equal(weir.row("place = 'two' AND sni = 'x.bad.test'")["end"], "denied")


@test("a request that is no tunnel names no host: explain and rules say so")
def _():
    with weir.forward() as client:
        http.on("/x", answer("x"))
        expect_equal(client.get(f"http://{http.name}/x", host=http.name).status, 200)
    told = weir.ctl("explain", "--forward", "lan", f"https://a.test:{secure.port}/")
    expect("until the sni is known" in told, told)


main(dns, secure, keeper, http, weir)
