#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two users, many connections, few URLs, whose answers are now personal and now shared, at random:
nothing personal ever reaches the other. WEIR_SEED=N repeats the choices; WEIR_LONG=1: many more."""
import os
import random
import re
import threading
from itertools import count

from lib import *

SEED = int(os.environ.get("WEIR_SEED", "1"))
REQUESTS = 4_000 if LONG else 200  # of each thread
THREADS = 4  # of each user
PATHS = [f"/{each}" for each in range(8)]

SHARED = [["Cache-Control: public, max-age=60"], ["Cache-Control: s-maxage=60"], ["Cache-Control: max-age=60, must-revalidate"],
          ["Cache-Control: max-age=0, public"], ["CDN-Cache-Control: max-age=60, public", "Cache-Control: no-store"]]
PERSONAL = [
    ["Cache-Control: private"], ["Cache-Control: private, max-age=60"], ["Cache-Control: max-age=60", "Cache-Control: Private"],
    ["Cache-Control: no-store"], ["Cache-Control: max-age=60, no-store"], ["Cache-Control: public, max-age=60, private"],
    ["Cache-Control: max-age=60", "CDN-Cache-Control: no-store"],
    ["Cache-Control: public, max-age=60", "Vary: Cookie, Authorization"], ["Cache-Control: public, max-age=60", "Vary: authorization", "Vary: COOKIE"],
    ["Cache-Control: public, max-age=60", "Vary: *"], ["Cache-Control: public, no-cache, max-age=60"],
    ["Last-Modified: Mon, 01 Jan 2001 00:00:00 GMT", "Set-Cookie: id={user}"]]
AUTHORIZED = [["Cache-Control: max-age=60"], ["Expires: Fri, 01 Jan 2100 00:00:00 GMT"], ["Cache-Control: max-age=60, proxy-revalidate"],
              ["Cache-Control: no-cache, max-age=60"]]

origin = Origin()
weir = Weir(config(origin, memory_only=False))
serials = count()
tags = {}  # of all answers: whom it is for; None: everybody


def script(conn, request):
    """An answer of a kind that only its number decides."""
    serial = next(serials)
    chance = random.Random(SEED * 1_000_003 + serial)
    user = (request.field("Authorization") or request.field("Cookie")).split()[-1]
    personal = chance.random() < 0.6
    fields = chance.choice(PERSONAL + (AUTHORIZED if request.field("Authorization") else []) if personal else SHARED)
    offered = [each.strip() for each in (request.field("If-None-Match") or "").split(",")]
    for tag in offered:
        if tags.get(tag, "nobody") in (None, user) and chance.random() < 0.5:
            return conn.send(head("HTTP/1.1 304 Not Modified", f"ETag: {tag}"))
    tag = f'"{serial}"'
    tags[tag] = user if personal else None
    fields = [each.replace("{user}", user) for each in fields] + ([f"ETag: {tag}"] if chance.random() < 0.7 else [])
    body = f"{'personal' if personal else 'shared'} {user} {serial} \n" * chance.choice([1, 1, 100, 6000])
    status = chance.choice([200] * 6 + [404, 410])
    if chance.random() < 0.3:
        return conn.send(head(f"HTTP/1.1 {status} Chunked", "Transfer-Encoding: chunked", *fields), chunks(body[:100], body[100:]))
    conn.send(answer(body, *fields, status=status))


for path in PATHS:
    origin.on(path, script)


class User(threading.Thread):
    def __init__(self, name, authorized, number):
        super().__init__(daemon=True)
        self.user, self.chance = name, random.Random(f"{SEED} {name} {number}")
        self.field = f"Authorization: Bearer {name}" if authorized else f"Cookie: user= {name}"
        self.seen = {"hits": 0, "collapsed": 0, "of the other": 0}
        self.wrong = None

    def run(self):
        client = weir.site()
        try:
            for _ in range(REQUESTS):
                client = self.ask(client) or weir.site()
        except Exception as error:
            self.wrong = f"{type(error).__name__}: {error}"

    def ask(self, client):
        """The connection, if it goes on."""
        chance, path = self.chance, self.chance.choice(PATHS)
        method = chance.choice(["GET"] * 8 + ["HEAD"])
        version = chance.choice(["HTTP/1.1"] * 8 + ["HTTP/1.0"])
        directive = chance.choice([None] * 8 + ["no-cache", "max-age=0", "max-stale", "only-if-cached"])
        part = chance.choice([None] * 8 + ["bytes=0-70", "bytes=-70"])
        client.ask(path, self.field, directive and f"Cache-Control: {directive}", part and f"Range: {part}", method=method, version=version)
        if chance.random() < 0.05:
            return client.close()  # whoever waits with us goes on
        response = client.response(method)
        self.look(path, response)
        if version == "HTTP/1.0" or response.field("Connection") == "close":
            return client.close()
        return client

    def look(self, path, response):
        about = f"{self.user} asked {path} with {self.field}: {response}"
        expect_in(response.status, (200, 206, 404, 410, 416, 504), about)
        self.seen["hits"] += response.hit
        self.seen["collapsed"] += "collapsed" in response.cache
        expect(response.field("Set-Cookie") in (None, f"id={self.user}"), "a cookie of the other: " + about)
        whose = set(re.findall(r"(personal|shared) (\w+) (\d+) ", response.body.decode()))
        expect(len(whose) <= 1, f"of two answers, {whose}: {about}")
        for kind, user, serial in whose:
            expect(kind == "shared" or user == self.user, "personal, and the other's: " + about)
            self.seen["of the other"] += user != self.user


def run(first, alice, bob):
    """`alice`, `bob`: whether each is known by Authorization, else by a cookie."""
    users = [User(name, authorized, first + number) for name, authorized in (("alice", alice), ("bob", bob)) for number in range(THREADS)]
    for each in users:
        each.start()
    for each in users:
        each.join(DEADLINE * (100 if LONG else 5))
        expect(not each.is_alive(), f"{each.user} hangs; seed {SEED}")
    for each in users:
        expect(each.wrong is None, f"seed {SEED}: {each.wrong}")
    seen = {what: sum(each.seen[what] for each in users) for what in users[0].seen}
    print("# " + ", ".join(f"{n} {what}" for what, n in seen.items()), flush=True)
    for what in ("hits", "of the other"):
        expect(seen[what] > REQUESTS / 20, f"{what}: {seen}")  # else this shows nothing


@test("C2.2 C6.1 two users by cookie: what is personal reaches nobody else, what is shared does")
def _():
    run(0, alice=False, bob=False)


@test("C2.7 two users by Authorization: the same")
def _():
    run(100, alice=True, bob=True)


@test("C2.7 one user by Authorization and one by cookie: the same")
def _():
    run(200, alice=True, bob=False)


main(origin, weir)
