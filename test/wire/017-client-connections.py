#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many connections of clients there may be: all together (new ones wait) and of each client (new ones are closed). W9.5."""
import threading

from lib import *

authority = Authority()
www = authority.make("www", "DNS:www.test")
origin = Origin()
few = Weir(config(origin, top="client-connections 4", site=f"""
    listen 127.0.0.4:0 tls cert {www}
    listen 127.0.0.5:0 proxy-protocol 127.0.0.1"""))
per = Weir(config(origin, top="connections-per-client 3", site=f"""
    listen 127.0.0.4:0 tls cert {www}
    listen 127.0.0.5:0 proxy-protocol 127.0.0.1"""))
ONE = "GET /one HTTP/1.1\r\nHost: www.test\r\n\r\n"


def header(source):
    return f"PROXY TCP{6 if ':' in source else 4} {source} {'::1' if ':' in source else '192.0.2.2'} 1 2\r\n"


def is_served(client):
    return client.get("/one").status == 200


def one_that_waits(weir):
    """A client whose request is not answered; None if it was."""
    client = weir.site()
    client.send(ONE)
    if client.is_quiet():
        return client
    client.close()
    return None


@test("W9.5 above client-connections new ones wait, old ones go on; one that ends makes room for one")
def _():
    origin.on("/one", fresh("x"))
    old = [few.site() for _ in range(4)]
    expect(all(is_served(client) for client in old), "the first are served")
    new = [few.site() for _ in range(3)] + [few.forward()]
    for client in new[:3]:
        client.send(ONE)
    new[3].send(f"GET {origin.url('/one')} HTTP/1.1\r\nHost: {origin.name}\r\n\r\n")
    wait_until(lambda: few.metric("accept_waits_total") >= 1, "a listener to wait")
    expect(all(client.is_quiet() for client in new), "one too many is served")
    expect_equal(few.metric("client_connections"), 4)
    expect(all(is_served(client) for client in old), "the old ones go on")
    expect_in("4 client connections: further ones wait", few.stderr)
    waiting = list(new)
    for client in old:
        client.close()
        served = wait_until(lambda: [each for each in waiting if not each.is_quiet(0.01)], "one of those that wait")
        expect_equal(len(served), 1, "served")
        expect_equal(served[0].response().status, 200)
        waiting.remove(served[0])
        expect(few.metric("client_connections") <= 4, "more than there may be")
    for client in new:
        client.close()
    wait_until(lambda: few.metric("client_connections") == 0, "all to be gone")


@test("W9.5 those count too that have not said anything, or are in a handshake")
def _():
    silent = [few.site(), Client(few.listener("site", 1)), Client(few.listener("site", 2)), few.forward()]
    silent[1].send(b"\x16\x03\x01")
    silent[2].send("PROXY ")
    with wait_until(lambda: one_that_waits(few), "all to be accepted") as client:
        for each in silent[1:3]:
            each.close()
        expect_equal(client.response().status, 200)
    with TlsClient(few.listener("site", 1), "www.test", authority.ca) as client:
        expect(is_served(client), "TLS")
    for each in silent:
        each.close()
    wait_until(lambda: few.metric("client_connections") == 0, "all to be gone")


@test("W9.5 many that come and go in a limit of few are all served")
def _():
    served, lock = [], threading.Lock()

    def come():
        for _ in range(25):
            with few.site() as client:
                good = is_served(client)
            with lock:
                served.append(good)
    threads = [threading.Thread(target=come) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect_equal(served.count(True), 300)
    wait_until(lambda: few.metric("client_connections") == 0, "all to be gone")


@test("W9.5 a reload that allows more lets in who waits")
def _():
    old = [few.site() for _ in range(4)]
    expect(all(is_served(client) for client in old), "the first are served")
    with few.site() as client:
        client.send(ONE)
        expect(client.is_quiet(), "one too many is served")
        few.write("weir.conf", few.text.replace("client-connections 4", "client-connections 6"))
        few.ctl("reload")
        expect_equal(client.response().status, 200)
        few.write("weir.conf", few.text)
        few.ctl("reload")
        expect(is_served(client) and all(is_served(other) for other in old), "a narrower limit ends nobody")
    for client in old:
        client.close()


@test("W9.5 above connections-per-client a client's new ones are closed, its old ones and other clients go on")
def _():
    old = [per.site(), per.forward(), TlsClient(per.listener("site", 1), "www.test", authority.ca)]
    expect(is_served(old[0]) and is_served(old[2]), "the first are served")
    expect_equal(old[1].get(origin.url("/one"), host=origin.name).status, 200)
    for address in (per.listener("site"), per.listener("site", 1), per.listener("forward")):
        with Client(address) as client:
            expect_equal(client.end(), b"")
    expect(is_served(old[0]) and is_served(old[2]), "the old ones go on")
    with Client(per.listener("site"), source="127.0.0.77") as client:
        expect(is_served(client), "another client")
    expect_equal(len(per.rows("kind = 'connection' AND client = '127.0.0.1' AND end = 'client-limit'", count=3)), 3)
    expect_equal(per.metric("client_connections_refused_total"), 3)
    old.pop().close()
    wait_until(lambda: per.metric("client_connections") == 2, "one to be gone")
    with per.site() as client:
        expect(is_served(client), "there is room again")
    for client in old:
        client.close()
    wait_until(lambda: per.metric("client_connections") == 0, "all to be gone")


@table("W9.5 behind proxy-protocol the client that is named is counted: {}", [
    ("IPv4", ["192.0.2.7"] * 4, "192.0.2.8"),
    ("an IPv6 /64", ["2001:db8:7::1", "2001:db8:7::2", "2001:db8:7:0:ffff::", "2001:db8:7::4"], "2001:db8:7:1::1"),
])
def _(sources, another):
    address = per.listener("site", 2)
    clients = [Client(address) for _ in sources]
    for client, source in zip(clients[:3], sources):
        client.send(header(source))
        expect(is_served(client), "the first are served")
    clients[3].send(header(sources[3]))
    expect_equal(clients[3].end(), b"")
    with Client(address) as client:
        client.send(header(another))
        expect(is_served(client), "another client")
    per.row(f"kind = 'connection' AND client = '{sources[3]}' AND end = 'client-limit'")
    for client in clients:
        client.close()
    wait_until(lambda: per.metric("client_connections") == 0, "all to be gone")


main(origin, few, per)
