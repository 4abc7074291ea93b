#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which addresses a forward may dial, in any spelling; names, DNS, happy eyeballs. WIRE_RULES W8.2."""
import time

from lib import *

origin = Origin()
secret = Origin()
dns = Dns({
    "public.test": ["127.0.0.1"], "inside.test": ["10.0.0.1"], "meta.test": ["169.254.169.254"], "mixed.test": ["127.9.9.9"],
    "six.test": ["::1"], "linklocal.test": ["fe80::1"], "dead6.test": ["2001:db8::1", "127.0.0.1"], "empty.test": [], "short.test": ["127.0.0.1"]})
weir = Weir(config(origin, top=f"dns {{ server {dns.name}\n timeout 2s }}", private="deny except 127.0.0.1/32"), clock=True)


def status_of(host, path="/x"):
    with weir.forward() as client:
        return client.get(f"http://{host}{path}", host=host).status


SPELLINGS = ["127.0.0.2", "127.1.2.3", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.2]", "[::ffff:7f00:2]", "[::127.0.0.2]", "[64:ff9b::7f00:2]",
             "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]",
             "2130706434", "0x7f000002", "0177.0.0.2", "0x7f.0.0.2", "127.2", "127.0.2", "017700000002", "0xA9FEA9FE", "2852039166"]


@table("W8.2 {} is refused, and nothing dialled", [(each, each) for each in SPELLINGS])
def _(host):
    expect_equal(status_of(f"{host}:{secret.port}"), 403)
    expect_equal(secret.connections, 0)


@table("W8.2 CONNECT to {} is refused", [(each, each) for each in ("127.0.0.2", "[::1]", "169.254.169.254", "10.0.0.1", "inside.test", "2130706434")])
def _(host):
    with weir.forward() as client:
        client.ask(f"{host}:443", method="CONNECT", host=f"{host}:443")
        expect_equal(client.response().status, 403)


@table("W8.2 the name {} is refused for the address it has", [(each, each) for each in ("inside.test", "meta.test", "mixed.test", "linklocal.test", "six.test")])
def _(name):
    expect_equal(status_of(f"{name}:{secret.port}"), 403)
    row = weir.row(f"host = '{name}'")
    expect_equal((row["status"], row["rule"]), (403, "forward lan private"))


@test("a name of an excepted address is reached; the answer of the resolvers is kept for its TTL")
def _():
    origin.on("/dns", answer("x", "Cache-Control: no-store"))
    for _ in range(5):
        expect_equal(status_of(f"public.test:{origin.port}", "/dns"), 200)
    expect_equal(origin.seen("/dns")[0].field("Host"), f"public.test:{origin.port}")
    # Two workers, each with a cache of its own, and A and AAAA.
    expect(dns.count("public.test") <= 4, f"asked {dns.count('public.test')} times")


@test("an expired answer is asked for again; it is used stale while the resolvers are silent")
def _():
    weir.advance(61)
    count = dns.count("public.test")
    # Each of the two workers asks for A and AAAA, once the kernel has given it a connection.
    wait_until(lambda: status_of(f"public.test:{origin.port}", "/dns") == 200 and dns.count("public.test") >= count + 4,
               "both workers to ask again")
    weir.advance(61)
    dns.silent = True
    try:
        expect_equal(status_of(f"public.test:{origin.port}", "/dns"), 200)
    finally:
        dns.silent = False


@test("a name that does not exist is 502, within the DNS time; so is one without addresses")
def _():
    begun = time.monotonic()
    for host in ("nowhere.test", "empty.test"):
        expect_equal(status_of(f"{host}:{origin.port}"), 502)
    expect(time.monotonic() - begun < 5 * SLOWNESS)


@test("silent resolvers and nothing stale: 502 or 504 in time")
def _():
    dns.silent = True
    try:
        begun = time.monotonic()
        expect(status_of(f"unknown.test:{origin.port}") in (502, 504))
        expect(time.monotonic() - begun < 10 * SLOWNESS)
    finally:
        dns.silent = False


@test("happy eyeballs: a dead first address does not hold the second one up")
def _():
    origin.on("/eyes", answer("x", "Cache-Control: no-store"))
    begun = time.monotonic()
    with weir.forward() as client:
        response = client.get(f"http://dead6.test:{origin.port}/eyes", host="dead6.test")
    expect(response.status in (200, 403), str(response.status))
    expect(time.monotonic() - begun < 4 * SLOWNESS, "slow")


@test("a stored answer is checked by the address it came from")
def _():
    origin.on("/stored", fresh("x"))
    expect_equal(status_of(f"short.test:{origin.port}", "/stored"), 200)
    with weir.forward() as client:
        expect(client.get(f"http://short.test:{origin.port}/stored", host="short.test").hit)
    weir.write("weir.conf", weir.text.replace("deny except 127.0.0.1/32", "deny"))
    weir.ctl("reload")
    expect_equal(status_of(f"short.test:{origin.port}", "/stored"), 403)


main(origin, secret, dns, weir)
