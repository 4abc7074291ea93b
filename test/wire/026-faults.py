#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults of the world around weir: clients that vanish, resolvers that lie, no descriptors left, a full disk, a log
that is gone. After each it serves, its log and status say what was, and nothing is leaked. W9.6, W9.7, W11."""
import os
import resource
import shutil
import socket
import struct
import subprocess
import tempfile

from lib import *


class Liar(Dns):
    """Says something else than what was asked, in the way that `lie` names."""
    lie = None

    def _answer(self, query):
        honest = super()._answer(query)
        number = struct.unpack("!H", honest[:2])[0]
        return {None: honest,
                "another id": struct.pack("!H", number ^ 1) + honest[2:],
                "another name": honest[:13] + bytes([honest[13] ^ 1]) + honest[14:],
                "half of it": honest[:len(honest) // 2],
                "a name that points to itself": honest[:12] + b"\xc0\x0c" + honest[14:],
                "more records than there are": honest[:6] + b"\xff\xff" + honest[8:],
                "SERVFAIL": honest[:3] + bytes([honest[3] & 0xf0 | 2]) + honest[4:],
                "nothing but zeros": bytes(len(honest))}[self.lie]


authority = Authority()
www = authority.make("www", "DNS:www.test")
origin, tunnelled = Origin(), Origin(tunnel=lambda conn: conn.to_end())
dns = Liar({"a.test": ["127.0.0.1"]}, ttl=1)
text = config(origin, top=f"dns {{ server {dns.name}\n timeout 500ms }}", connect=str(tunnelled.port), memory_only=False) + f"""
site secure.test {{
    listen 127.0.0.4:0 tls cert {www} http1 http2
    route / {{ cache main; pool app }}
}}
"""
weir = Weir(text, clock=True)
BLOCK = bytes(1 << 20)
origin.on("/hit", fresh("hit"))


def descriptors():
    """Sockets and pipes of weir, without its connections to origins, which come and go."""
    folder = f"/proc/{weir.process.pid}/fd"
    names = []
    for each in os.listdir(folder):
        try:
            names.append(os.readlink(f"{folder}/{each}"))
        except FileNotFoundError:
            pass
    return sum(1 for each in names if each.startswith(("socket:", "pipe:"))) - weir.metric("origin_connections")


def serves():
    with weir.site() as client:
        expect_equal(client.get("/hit").body, b"hit")
    with weir.forward() as client:
        expect_equal(client.get(origin.url("/hit"), host=origin.name).body, b"hit")


def wait(conn, request):
    conn.to_end()


def pour(conn, request):
    conn.send(head("HTTP/1.1 200 OK", "Cache-Control: no-store", f"Content-Length: {64 << 20}"))
    for _ in range(64):
        conn.send(BLOCK)


def part_of_head():
    client = weir.site()
    client.send("GET /x HTTP/1.1\r\nHo")
    return client


def no_answer():
    wait_until(lambda: weir.metric("exchanges_active") == 0, "the last one to be over")
    client = weir.site()
    client.ask("/wait")
    wait_until(lambda: weir.metric("exchanges_active") == 1, "weir to have the request")
    return client


def in_answer():
    client = weir.site()
    client.ask("/pour")
    client.response(body=False)
    return client


def in_upload():
    client = weir.site()
    client.send(head("PUT /upload HTTP/1.1", "Host: www.test", "Content-Length: 1000000"), b"x" * 70000)
    return client


def in_tunnel():
    client = weir.forward()
    client.ask(tunnelled.name, method="CONNECT", host=tunnelled.name)
    expect_equal(client.response(method="CONNECT").status, 200)
    client.send("hello")
    return client


def in_handshake():
    client = Client(weir.listener("site secure.test"))
    client.send(client_hello("secure.test")[:50])
    return client


def on_stream(path):
    def make():
        client = H2Client(weir.listener("site secure.test"), name="www.test", ca=authority.ca)
        stream = client.ask(path, scheme="https", host="secure.test")
        while path == "/pour" and not client.seen(stream).heads:
            client.step(give=False)
        return client
    return make


@table("W9.7 a client that vanishes {}: its request ends, and nothing of it stays", [
    ("before its first byte", weir.site), ("in a head", part_of_head), ("before an answer", no_answer), ("in an answer", in_answer),
    ("in an upload", in_upload), ("in a tunnel", in_tunnel), ("in a TLS handshake", in_handshake),
    ("before the answer of a stream", on_stream("/wait")), ("in a stream", on_stream("/pour"))])
def _(make):
    origin.on("/wait", wait)
    origin.on("/pour", pour)
    origin.on("/upload", lambda conn, request: conn.body())
    serves()
    before = descriptors()
    memory = weir.memory()
    for i in range(20):
        client = make()
        if i % 2 or make == no_answer:  # an end alone may be of who has asked all it wants
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sock.close()
    wait_until(lambda: weir.metric("client_connections") == 0 and weir.metric("exchanges_active") == 0 and weir.metric("tunnels_active") == 0,
               "all to be over")
    wait_until(lambda: descriptors() <= before, "their descriptors to be closed")
    expect_grown(weir.memory() - memory, 24 << 20)
    serves()


@table("W8.2 a resolver that says {}: 502 or 504 in time, and the truth is believed afterwards", [
    (each, each) for each in ("another id", "another name", "half of it", "a name that points to itself",
                              "more records than there are", "SERVFAIL", "nothing but zeros")])
def _(lie):
    host = f"{lie.replace(' ', '-').lower()}.test"
    dns.names[host] = ["127.0.0.1"]
    dns.lie = lie
    try:
        with weir.forward() as client:
            expect_in(client.get(f"http://{host}:{origin.port}/hit", host=host).status, (502, 504))
    finally:
        dns.lie = None
    weir.advance(120)  # what failed is remembered for a while

    def answered():
        with weir.forward() as client:
            return client.get(f"http://{host}:{origin.port}/hit", host=host).body == b"hit"
    wait_until(answered, "the truth to be believed")  # a question of the lie's time may be under way
    serves()


@test("W9.6 no descriptors left: who is there is served from the cache, new work is refused or waits; then all is as before")
def _():
    origin.on("/more", answer("more"))
    serves()
    with weir.site() as client:
        expect_equal(client.get("/hit").body, b"hit")
        soft, hard = resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE)
        numbers = [int(each) for each in os.listdir(f"/proc/{weir.process.pid}/fd")]
        resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE, (max(numbers) + 1, hard))
        try:
            held = [weir.site() for _ in range(max(numbers) - len(numbers) + 20)]  # the kernel's queue takes them
            wait_until(lambda: "net: " in weir.stderr, "a word about it")
            for _ in range(10):
                expect_equal(client.get("/hit").body, b"hit")
            for each in origin.open.copy():
                each.sock.close()
            status = client.get("/more").status
            expect_in(status, (200, 502, 503))
        finally:
            resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
        for each in held:
            expect_equal(each.get("/hit").body, b"hit")
            each.close()
    wait_until(lambda: disk_of(weir)["state"] == "ok", "the disk to be written to again", 3 * DEADLINE)
    serves()


@test("W11.3 a full disk: weir serves, says that the tier is off, and takes it up again")
def _():
    small = tempfile.mkdtemp(prefix="weir-small-")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", small], capture_output=True).returncode:
        os.rmdir(small)
        raise Skip("no leave to mount a small disk")
    try:
        own = Weir(config(origin, memory_only=False).replace("$DIR/cache", small))
        own.start()
        full(own, small)
        own.stop()
    finally:
        subprocess.run(["umount", small], check=True)
        os.rmdir(small)


def disk_of(own):
    return own.ctl_json("status")["caches"][0]["disk"]


def is_back(own, client):
    wait_until(lambda: disk_of(own)["state"] == "ok", "the tier to be back", 3 * DEADLINE)
    origin.on("/after", fresh("after"))
    expect_equal(client.get("/after").body, b"after")
    wait_until(lambda: "disk" in own.ctl("cache", "show", "http://www.test/after"), "it on disk")


def full(own, small):
    """Of a weir whose disk takes 24 MB, and then more."""
    number = 0
    with own.site() as client:
        while disk_of(own)["state"] == "ok":
            number += 1
            expect(number < 200, "it is never full")
            origin.on(f"/full{number}", fresh(os.urandom(1 << 20)))
            expect_equal(len(client.get(f"/full{number}").body), 1 << 20)
        expect_in("No space left", disk_of(own)["error"])
        expect(own.metric("disk_errors_total") > 0, "no error was counted")
        expect_equal(client.get("/hit").body, b"hit")
        subprocess.run(["mount", "-o", "remount,size=256m", small], check=True)
        is_back(own, client)


@test("W11.3 files that may not grow: weir serves without its tier, and takes it up again when they may")
def _():
    own = Weir(config(origin, memory_only=False))
    own.start()
    limits = resource.prlimit(own.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(own.process.pid, resource.RLIMIT_FSIZE, (128 << 10, limits[1]))
    with own.site() as client:
        for number in range(4):
            origin.on(f"/grows{number}", fresh(BLOCK))
            expect_equal(client.get(f"/grows{number}").body, BLOCK)
        wait_until(lambda: disk_of(own)["state"] == "failed", "the tier to be off")
        expect_equal(client.get("/hit").body, b"hit")
        resource.prlimit(own.process.pid, resource.RLIMIT_FSIZE, limits)
        is_back(own, client)
    own.stop()


@test("the log's directory is gone: weir serves, says so, and writes again when it is back")
def _():
    shutil.rmtree(weir.dir / "log")
    serves()
    wait_until(lambda: weir.ctl_json("status")["log"]["failing"], "status to say so")
    expect_in("log", weir.stderr)
    serves()
    (weir.dir / "log").mkdir()
    origin.on("/logged", answer("x"))

    def written():
        with weir.site() as client:
            client.get("/logged")
        return not weir.ctl_json("status")["log"]["failing"]
    wait_until(written, "the log to go on")
    weir.row("path = '/logged'")


main(origin, tunnelled, dns, weir)
