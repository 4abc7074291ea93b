#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PROXY headers of listed load balancers: versions 1 and 2; before HTTP/1, HTTP/2 and TLS; whom rules, log and origin see."""
import socket
import ssl
import struct
import subprocess

from lib import *

authority = Authority()
www = authority.make("www", "DNS:www.test")
origin = Origin()
weir = Weir(config(origin) + f"""
site plain.test {{
    listen 127.0.0.4:0 proxy-protocol 127.0.0.1 2001:db8::/32
    listen 127.0.0.5:0 proxy-protocol 127.0.0.1 http1 http2
    listen 127.0.0.6:0 proxy-protocol 127.0.0.1 trust 192.0.2.80
    listen 127.0.0.7:0 proxy-protocol 127.0.0.1 tls cert {www}
    rules {{ deny client 203.0.113.0/24
             deny client 127.0.0.1 path /outside }}
    route / {{ cache main; pool app }}
}}
forward far {{
    listen 127.0.0.8:0 proxy-protocol 127.0.0.0/8
    connect {origin.port}
    private deny except 127.0.0.0/8
    rules {{ allow client 192.0.2.0/24 }}
}}
""", clock=True)
PLAIN, BOTH, TRUSTING, TLS = range(4)
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(source="192.0.2.1", port=4711):
    return f"PROXY TCP4 {source} 198.51.100.2 {port} 443\r\n".encode()


def v2(source="192.0.2.1", port=4711, command=0x21, more=b""):
    v6 = ":" in source
    family = socket.AF_INET6 if v6 else socket.AF_INET
    rest = socket.inet_pton(family, source) + socket.inet_pton(family, "2001:db8::2" if v6 else "198.51.100.2")
    rest += struct.pack("!HH", port, 443) + more
    return SIGNATURE + struct.pack("!BBH", command, 0x21 if v6 else 0x11, len(rest)) + rest


def at(which):
    return weir.listener("site plain.test", which)


def ask(path, header, *fields, which=PLAIN):
    with Client(at(which)) as client:
        client.send(header)
        return client.get(path, *fields, host="plain.test")


def metric(result):
    return weir.metrics()[f'weir_proxy_headers_total{{result="{result}"}}']


@table("the client is the one that is named: {}", [
    ("version 1", "v1", v1(), "192.0.2.1"),
    ("version 1, IPv6", "v1-6", b"PROXY TCP6 2001:db8::7 2001:db8::2 1 2\r\n", "2001:db8::7"),
    ("version 1, an IPv4 address written as IPv6", "v1-mapped", b"PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n", "192.0.2.9"),
    ("version 2", "v2", v2(), "192.0.2.1"),
    ("version 2, IPv6", "v2-6", v2("2001:db8::8"), "2001:db8::8"),
    ("version 2, with TLVs", "v2-tlv", v2(more=b"\x04\0\x01x" * 40), "192.0.2.1"),
])
def _(path, header, client):
    origin.on("/" + path, answer("x"))
    before = metric("read")
    expect_equal(ask("/" + path, header).status, 200)
    weir.row(f"path = '/{path}' AND client = '{client}'")
    expect_equal(origin.requests[-1].field("X-Forwarded-For"), client)
    expect_equal(metric("read"), before + 1)


@table("the sender speaks for itself: {}", [
    ("version 1, UNKNOWN", "unknown", b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"),
    ("version 2, LOCAL", "local", SIGNATURE + b"\x20\0\0\0"),
    ("version 2, LOCAL with an address, which does not count", "local-address", v2("203.0.113.9", command=0x20)),
    ("version 2, a Unix socket", "unix", SIGNATURE + b"\x21\x31\0\xd8" + bytes(216)),
])
def _(path, header):
    origin.on("/" + path, answer("x"))
    expect_equal(ask("/" + path, header).status, 200)
    weir.row(f"path = '/{path}' AND client = '127.0.0.1'")


@test("rules are asked of the client that is named, for each request of the connection")
def _():
    origin.on("/ruled", answer("x"))
    origin.on("/outside", answer("x"))
    with Client(at(PLAIN)) as client:
        client.send(v1("203.0.113.5"))
        for _ in range(2):
            expect_equal(client.get("/ruled", host="plain.test").status, 403)
    expect_equal(ask("/outside", v1()).status, 200)
    expect_equal(ask("/outside", SIGNATURE + b"\x20\0\0\0").status, 403)


@test("X-Forwarded-For is believed of the address that is named, not of the one that sent the header")
def _():
    origin.on("/xff", answer("x"))
    ask("/xff", v2("192.0.2.80"), "X-Forwarded-For: 198.51.100.77", which=TRUSTING)
    expect_equal(origin.requests[-1].field("X-Forwarded-For"), "198.51.100.77, 192.0.2.80")
    weir.row("path = '/xff' AND client = '198.51.100.77'")
    origin.on("/xff2", answer("x"))
    ask("/xff2", v2("192.0.2.81"), "X-Forwarded-For: 198.51.100.77", which=TRUSTING)
    expect_equal(origin.requests[-1].field("X-Forwarded-For"), "192.0.2.81")


@test("header and request may come in any pieces")
def _():
    origin.on("/pieces", fresh("x"))
    for header in (v1(), v2()):
        whole = header + b"GET /pieces HTTP/1.1\r\nHost: plain.test\r\n\r\n"
        for cut in range(1, len(whole) - 1, 3):
            with Client(at(PLAIN)) as client:
                client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.send(whole[:cut])
                expect(client.is_quiet(0.001), f"an answer to {cut} bytes")
                client.send(whole[cut:])
                expect_equal(client.response().status, 200)
    with Client(at(PLAIN)) as client:
        for byte in v2() + b"GET /pieces HTTP/1.1\r\nHost: plain.test\r\n\r\n":
            client.send(bytes([byte]))
        expect_equal(client.response().status, 200)


@table("a listed sender is refused: {}", [
    ("without a header", b"GET / HTTP/1.1\r\nHost: plain.test\r\n\r\n"),
    ("with TLS instead", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"),
    ("with version 3", SIGNATURE + b"\x31\x11\0\x0c" + bytes(12)),
    ("with an unknown command", SIGNATURE + b"\x22\x11\0\x0c" + bytes(12)),
    ("with a length too short for its addresses", SIGNATURE + b"\x21\x11\0\x04" + bytes(4)),
    ("with a length beyond all reason", SIGNATURE + b"\x21\x11\xff\xff"),
    ("with an address that is none", b"PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n"),
    ("with an address of the other family", b"PROXY TCP4 ::1 ::1 1 2\r\n"),
    ("with a port too large", b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n"),
    ("with LF alone", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"),
    ("with a line that never ends", b"PROXY " + b"x" * 200),
    ("cut short", None),
])
def _(header):
    before = metric("refused")
    with Client(at(PLAIN)) as client:
        client.send(header or v2()[:20])
        if header is None:
            client.half_close()
        expect_equal(client.end(), b"")
    wait_until(lambda: metric("refused") == before + 1, "the refusal to be counted")
    expect_in("proxy-protocol: 127.0.0.1:", weir.stderr)


@test("a header that drips does not hold its connection beyond header-timeout")
def _():
    before = metric("refused")
    with Client(at(PLAIN)) as client:
        client.send(v1()[:3])
        for byte in v1()[3:9]:
            weir.advance(1)
            client.send(bytes([byte]))
        expect(client.is_quiet(), "too early")
        weir.advance(5)
        expect_equal(client.end(), b"")
    wait_until(lambda: metric("refused") == before + 1, "the refusal to be counted")
    expect_in("no PROXY header in time", weir.stderr)


@test("a look whether somebody listens is no refusal")
def _():
    before = metric("refused")
    with Client(at(PLAIN)) as client:
        client.half_close()
        expect_equal(client.end(), b"")
    expect_equal(metric("refused"), before)


@test("a sender that is not listed is closed before it is read, and no header of its is believed")
def _():
    before = metric("sender"), metric("read")
    for which in (PLAIN, BOTH, TLS):
        with Client(at(which), source="127.0.0.9") as client:
            client.send(v1() + b"GET /outsider HTTP/1.1\r\nHost: plain.test\r\n\r\n")
            expect_equal(client.end(), b"")
    wait_until(lambda: metric("sender") == before[0] + 3, "the senders to be counted")
    expect_equal(metric("read"), before[1])
    expect_in("not a listed sender", weir.stderr)


@test("a header where none is expected is the bad request it is")
def _():
    with weir.site() as client:
        client.send(v1() + b"GET / HTTP/1.1\r\nHost: www.test\r\n\r\n")
        expect_equal(client.response().status, 400)
        client.end()


@test("HTTP/2 by prior knowledge, and HTTP/1.1, behind the header")
def _():
    origin.on("/h2c", answer("x"))
    for header in (v1(), v2()):
        with H2Client(at(BOTH), before=header) as client:
            expect_equal(client.get("/h2c", host="plain.test").status, 200)
    expect_equal(ask("/h2c", v2(), which=BOTH).status, 200)
    expect_equal(len(weir.rows("path = '/h2c' AND client = '192.0.2.1' AND http = '2'", count=2)), 2)


@test("TLS behind the header: HTTP/1.1 and HTTP/2, in one segment with the ClientHello or not")
def _():
    origin.on("/tls", answer("x"))
    for header in (v1(), v2()):
        with TlsClient(at(TLS), "www.test", authority.ca, before=header) as client:
            expect_equal(client.get("/tls", host="plain.test").status, 200)
        with H2Client(at(TLS), name="www.test", ca=authority.ca, before=header) as client:
            expect_equal(client.get("/tls", host="plain.test", scheme="https").status, 200)
    weir.rows("path = '/tls' AND client = '192.0.2.1' AND tls = '1.3'", count=4)
    read, write = ssl.MemoryBIO(), ssl.MemoryBIO()
    made = context(authority.ca).wrap_bio(read, write, server_hostname="www.test")
    sock, first = socket.create_connection(at(TLS)), v2()
    while True:
        try:
            made.do_handshake()
            break
        except ssl.SSLWantReadError:
            sock.sendall(first + write.read())
            first = b""
            read.write(sock.recv(65536))
    sock.close()


@test("curl --haproxy-protocol")
def _():
    origin.on("/curl", answer("from curl"))
    for which, scheme, version in ((PLAIN, "http", "1.1"), (TLS, "https", "2")):
        host, port = at(which)
        name = "www.test" if scheme == "https" else "plain.test"
        done = subprocess.run(["curl", "-sS", "--haproxy-protocol", "--cacert", authority.ca, "--resolve", f"{name}:{port}:{host}",
                               "-H", "Host: plain.test", f"{scheme}://{name}:{port}/curl", "-w", "|%{http_version}"],
                              capture_output=True, text=True)
        expect_equal(done.stdout, f"from curl|{version}", done.stderr)


@test("a forward: absolute URI and CONNECT by the client that is named")
def _():
    origin.on("/forward", answer("x"))
    for source, wanted in (("192.0.2.4", 200), ("198.51.100.4", 403)):
        with Client(weir.listener("forward far")) as client:
            client.send(v2(source))
            expect_equal(client.get(f"http://127.0.0.1:{origin.port}/forward", host=f"127.0.0.1:{origin.port}").status, wanted)
            if wanted == 200:
                client.ask(f"127.0.0.1:{origin.port}", method="CONNECT", host=f"127.0.0.1:{origin.port}")
                expect_equal(client.response("CONNECT").status, 200)
                expect_equal(client.get("/forward").status, 200)


main(origin, weir)
