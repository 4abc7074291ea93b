#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random requests, changes of the origin, clock steps, purges and restarts, checked step by step
against a small model of RFC 9111. WEIR_SEED=N repeats a run; WEIR_LONG=1: many more steps."""
import os
import random
import time
from email.utils import formatdate

from lib import *

SEED = int(os.environ.get("WEIR_SEED", "1"))
STEPS = 20_000 if LONG else 2_500
EDGE = 1.5  # seconds: closer to a limit than this, either answer is right
PATHS = ["/plain", "/other", "/varies", "/varies-too"]
LIFETIMES = [0, 5, 20, 60, 300]

chance = random.Random(SEED)
origin = Origin()
weir = Weir(config(origin, memory_only=False), clock=True)


class Stored:
    """What a shared cache may have kept of one answer."""

    def __init__(self, policy, body, etag, values, now):
        self.body, self.etag, self.values = body, etag, values
        self.certain = True  # False: it may be gone, or something newer may be stored
        self.renew(policy, now)

    def renew(self, policy, now):
        self.lifetime, self.strict = policy["lifetime"], policy["strict"]
        self.no_cache, self.shared = policy["no_cache"], policy["shared"]
        self.age_then, self.then, self.purged = policy["age"], now, False

    def purge(self, now):
        """By a soft purge it is stale from now on, and no more than that."""
        self.lifetime, self.purged = min(self.lifetime, self.age(now)), True

    def age(self, now):
        return self.age_then + now - self.then


class Resource:
    """A path at the origin, and what may be stored of it, the newest first."""

    def __init__(self, path):
        self.path, self.version, self.down, self.stored, self.replaced = path, 0, False, [], []
        self.change()

    def change(self):
        self.version += 1
        kind = chance.choice(["max-age"] * 4 + ["s-maxage", "must-revalidate", "public", "no-store", "private", "no-cache", "nothing", "expires"])
        life = chance.choice(LIFETIMES)
        lines = {
            "max-age": [f"Cache-Control: max-age={life}"], "s-maxage": [f"Cache-Control: max-age=1, s-maxage={life}"],
            "must-revalidate": [f"Cache-Control: max-age={life}, must-revalidate"], "public": [f"Cache-Control: public, max-age={life}"],
            "no-store": ["Cache-Control: no-store"], "private": [f"Cache-Control: private, max-age={life}"],
            "no-cache": [f"Cache-Control: no-cache, max-age={life}"], "nothing": [],
            "expires": []}[kind]
        age, etag = chance.choice([0, 0, 0, 3, 30]), chance.random() < 0.7
        self.policy = {
            "expires": life if kind == "expires" else None,
            "lines": lines + ([f"Age: {age}"] if age else []) + (["Vary: X-V"] if self.varies() else []),
            "lifetime": 0 if kind in ("nothing", "no-store", "private") else life,
            "strict": kind in ("s-maxage", "must-revalidate"), "no_cache": kind == "no-cache",
            "shared": kind in ("s-maxage", "must-revalidate", "public"), "age": age, "etag": etag,
            "stores": kind not in ("no-store", "private") and (etag or kind != "no-cache")}  # else there is no use for it

    def varies(self):
        return self.path.startswith("/varies")

    def values(self, value):
        return value if self.varies() else None

    def body(self, value):
        return f"{self.path} {self.version} {self.values(value)} " + "x" * (self.version % 7 * 1000)

    def etag(self, value):
        return f'"{self.version}-{self.values(value)}"' if self.policy["etag"] else None

    def matching(self, value):
        """What may answer, the newest first; behind one that is certain there is nothing more."""
        found = []
        for each in self.stored:
            if each.values == self.values(value):
                found.append(each)
                if each.certain:
                    break
        return found

    def keep(self, new):
        gone = [each for each in self.stored if each.values == new.values] if new.certain else []
        self.replaced += gone
        self.stored = [new] + [each for each in self.stored if each not in gone]

    def forget(self):
        self.replaced += self.stored
        self.stored = []

    def restarted(self, killed):
        """After kill -9 what was stored last may be gone, and what it replaced be there again."""
        self.stored += self.replaced if killed else []
        self.replaced = self.replaced if killed else []
        for each in self.stored:
            each.certain = False

    def answer(self, conn, request):
        """The origin's side. Notes how it answered."""
        if self.down:
            said.append("reset")
            return conn.reset()
        value = request.field("X-V")
        conn.body()
        if request.line.startswith("POST"):
            said.append("POST")
            return conn.send(answer("posted", "Cache-Control: no-store"))
        tag = self.etag(value)
        asked = [each.strip() for each in (request.field("If-None-Match") or "").split(",")]
        fields = self.policy["lines"] + ([f"ETag: {tag}"] if tag else [])
        if self.policy["expires"] is not None:
            date = time.time() + shift[0]
            fields += [f"Date: {formatdate(date, usegmt=True)}", f"Expires: {formatdate(date + self.policy['expires'], usegmt=True)}"]
        if tag and tag in asked:
            said.append("304")
            return conn.send(head("HTTP/1.1 304 Not Modified", *fields))
        said.append("200")
        if request.line.startswith("HEAD"):
            return conn.send(head("HTTP/1.1 200 OK", f"Content-Length: {len(self.body(value))}", *fields))
        return conn.send(answer(self.body(value), *fields))


history = []
said = []  # how the origin answered to what this step caused
resources = [Resource(path) for path in PATHS]
for each in resources:
    origin.on(each.path, each.answer)
shift = [0]
counts = {}


def now():
    return time.monotonic() + shift[0]


def count(what):
    counts[what] = counts.get(what, 0) + 1


def near(a, b):
    return abs(a - b) < EDGE


def usable(stored, directive, moment):
    """Whether it may answer without the origin: True, False, or None: too close to tell."""
    if stored is None or stored.no_cache or directive in ("no-cache", "no-store"):
        return False
    age, bounds = stored.age(moment), []
    name, _, number = (directive or "").partition("=")
    if stored.purged and (name != "max-stale" or stored.strict):
        return False
    if name == "max-age":
        bounds.append((int(number), age))
    if name == "min-fresh":
        bounds.append((stored.lifetime, age + int(number)))
    elif name == "max-stale" and not stored.strict:
        bounds.append((stored.lifetime + (int(number) if number else 10**9), age))
    else:
        bounds.append((stored.lifetime, age))
    if any(near(limit, value) and limit != 0 for limit, value in bounds):
        return None
    return all(value < limit for limit, value in bounds)


def send(resource, *fields, **keys):
    """On a connection of its own: steps of the clock end idle ones."""
    said.clear()
    with weir.site() as client:
        return client.get(resource.path, *fields, **keys)


def get(resource):
    value = chance.choice(["1", "2"])
    directive = chance.choice([None] * 12 + ["no-cache", "max-age=0", "max-age=10", "min-fresh=10", "max-stale", "max-stale=30", "no-store", "only-if-cached"])
    authorized = chance.random() < 0.15
    stored = resource.matching(value)
    newest = stored[0] if stored and stored[0].certain else None
    condition = chance.choice([None] * 6 + ['"never"', newest and newest.etag, resource.etag(value)])
    moment = now()
    verdict = newest is not None and (newest.shared or not authorized) and usable(newest, directive, moment)
    response = send(resource, f"X-V: {value}", directive and f"Cache-Control: {directive}",
                    authorized and "Authorization: Basic YTpi" or None, condition and f"If-None-Match: {condition}")
    story = (f"{resource.path} X-V {value}, {directive}, authorized {authorized}, If-None-Match {condition}: {response.status}, "
             f"Cache-Status {response.field('Cache-Status')}; the origin said {said}; policy {resource.policy['lines']}; "
             f"stored {[{name: what for name, what in vars(each).items() if name != 'body'} for each in stored]} at {moment:.1f}")
    history.append(story)
    if directive == "only-if-cached" and response.status == 504:
        expect(not said, story)
        expect(verdict is not True, "504 though it is stored: " + story)
        return count("504")
    if not said:
        return from_cache(response, [each for each in stored if each.shared or not authorized], condition, directive, moment, story)
    expect(directive != "only-if-cached", "asked the origin: " + story)
    expect(verdict is not True, "asked the origin though it is fresh: " + story)
    if said[-1] == "reset":
        return origin_down(response, stored, authorized, directive, condition, story)
    from_origin(response, resource, value, condition, authorized, directive, moment, story)


def ask_head(resource):
    """What is fresh answers; else the origin, and what is stale is renewed if that agrees with it (RFC 9111 §4.3.5)."""
    if not resource.policy["etag"]:
        return  # which body it is about could not be told
    value = chance.choice(["1", "2"])
    stored = resource.matching(value)
    newest = stored[0] if stored and stored[0].certain else None
    moment = now()
    verdict = newest is not None and usable(newest, None, moment)
    response = send(resource, f"X-V: {value}", method="HEAD")
    story = f"HEAD {resource.path} X-V {value}: {response.status}, {response.field('Cache-Status')}; the origin said {said}; stored {[vars(each) for each in stored]}"
    history.append(story)
    if not said:
        expect(any(usable(each, None, moment) is not False and (each.etag or "") == response.field("ETag", "") for each in stored), story)
        return count("HEAD hits")
    expect(verdict is not True, "asked the origin though it is fresh: " + story)
    if said[-1] == "reset":
        return expect_in(response.status, (502, 504), story)
    expect_equal((response.status, response.field("ETag")), (200, resource.etag(value)), story)
    count("HEAD")
    for each in list(stored):
        agrees = each.etag == resource.etag(value) and resource.policy["stores"]
        if agrees and each is newest:
            each.renew(resource.policy, moment)
        elif agrees:
            resource.stored.insert(0, Stored(resource.policy, each.body, each.etag, each.values, moment))
            resource.stored[0].certain = False
        elif each is newest:
            resource.replaced += stored
            resource.stored = [other for other in resource.stored if other not in stored]
            return
        else:
            each.certain = False


def fits(response, body, tag, condition):
    if response.status == 304:
        return condition is not None and condition == tag and not response.body
    return response.status == 200 and response.body.decode() == body


def from_cache(response, stored, condition, directive, moment, story):
    for each in stored:
        if usable(each, directive, moment) is not False and fits(response, each.body, each.etag, condition):
            age = each.age(now())
            expect(abs(int(response.field("Age", "-1")) - age) <= EDGE or not each.certain, f"Age {response.field('Age')}, not {age:.1f}: {story}")
            return count("stale hits" if age > each.lifetime else "hits")
    raise Failure(f"answered with what may not be used, {response.body[:30]}: {story}")


def origin_down(response, stored, authorized, directive, condition, story):
    leave = [each for each in stored if not each.strict and not each.no_cache and (each.shared or not authorized)]
    if response.status in (200, 304):
        expect(any(fits(response, each.body, each.etag, condition) for each in leave), "stale without leave: " + story)
        return count("stale because the origin is down")
    expect_in(response.status, (502, 504), story)
    expect(directive or not stored or not stored[0].certain or stored[0] not in leave, "an error though something stale may be used: " + story)
    count("errors of the origin")


def from_origin(response, resource, value, condition, authorized, directive, moment, story):
    policy, body, tag = resource.policy, resource.body(value), resource.etag(value)
    expect(fits(response, body, tag, condition), f"not what the origin has, {body[:30]}, but {response.body[:30]}: {story}")
    expect(len(said) <= 2, "asked too often: " + story)
    count(" then ".join(said))
    stored = resource.matching(value)
    unseen = authorized and any(not each.shared for each in stored)  # what was not to be looked at may be in the way
    if said[-1] != "304" and (not policy["stores"] or directive == "no-store" or (authorized and not policy["shared"])):
        for each in stored:
            each.certain = False  # older than what the origin says now: whether it is used is open
        return
    new = Stored(policy, body, tag, resource.values(value), moment)
    if said[-1] == "304":
        if not policy["stores"]:
            return
        if not unseen and directive != "no-store" and stored and stored[0].certain and stored[0].etag == tag:
            return stored[0].renew(policy, moment)
        new.certain = False  # one of several was renewed, or it was the client's own condition
    elif not tag and near(policy["age"], policy["lifetime"]) or unseen or len(stored) > 1 or not all(each.certain for each in stored):
        new.certain = False
    elif not tag and policy["age"] >= policy["lifetime"]:
        for each in stored:
            each.certain = False
        return
    resource.keep(new)


def step():
    resource = chance.choice(resources)
    what = chance.choices(["get", "head", "clock", "change", "post", "purge", "purge --hard", "down", "up", "restart"],
                          [70, 5, 14, 7, 2, 2, 1, 1, 4, 0.3])[0]
    if what != "get":
        history.append(f"{what} {resource.path}")
    if what == "get":
        get(resource)
    elif what == "head":
        ask_head(resource)
    elif what == "clock":
        seconds = chance.choice([1, 4, 9, 21, 61])
        weir.advance(seconds)
        shift[0] += seconds
    elif what == "change":
        resource.change()
    elif what == "post" and not resource.down:
        expect_equal(send(resource, method="POST", body=b"x").status, 200)
        expect_equal(said, ["POST"])
        resource.forget()
    elif what == "purge":
        weir.ctl("purge", f"http://www.test{resource.path}")
        for each in resource.stored + resource.replaced:
            each.purge(now())
    elif what == "purge --hard":
        weir.ctl("purge", "--hard", f"http://www.test{resource.path}")
        resource.stored, resource.replaced = [], []  # for good, whatever happens
    elif what == "down":
        resource.down = True
    elif what == "up":
        resource.down = False
    elif what == "restart":
        killed = chance.random() < 0.5
        if killed:
            weir.kill()
            weir.launch()
        else:
            weir.restart()
        weir.advance(shift[0])  # a new process has the true time
        for each in resources:
            each.restarted(killed)


@test(f"seed {SEED}: {STEPS} steps agree with the model")
def _():
    for done in range(STEPS):
        try:
            step()
        except Failure as failure:
            name = history[-1].split()[0]
            about = [line for line in history if line.startswith((f"{name} ", "clock", "restart")) or line.endswith(f" {name}")]
            raise Failure(f"{failure}\nbefore:\n" + "\n".join(about[-12:])) from None
    print("# " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())), flush=True)
    for what in ("hits", "200", "304", "stale because the origin is down"):
        expect(counts.get(what, 0) > (2 if "down" in what else 10), f"hardly any {what}: {counts}")


main(origin, weir)
