#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cache warm: from a list and from the log; its rate, its patience, its end."""
import threading
import time

from lib import *

origin = Origin()
ROUTES = """
    route /none/ { pool app }
    route /      { cache main; pool app }
"""
RULES = """
    deny path /forbidden
    deny client 10.1.0.0/16
    allow all
"""
weir = Weir(config(origin, routes=ROUTES, memory_only=False, site_rules=RULES), clock=True)
count = [0]


def url(path):
    return f"http://www.test{path}"


def new_paths(n, script=None):
    """So many, each with an answer."""
    paths = []
    for _ in range(n):
        count[0] += 1
        paths.append(origin.on(f"/n{count[0]}", script or fresh(f"n{count[0]}", 'ETag: "1"')))
    return paths


def get(path, *fields, method="GET"):
    with weir.site() as client:
        return client.get(path, *fields, host="www.test", method=method)


def urls_of(paths):
    return [word for path in paths for word in ("--url", url(path))]


def warm(*words):
    """Waits for its end."""
    return weir.ctl_json("cache", "warm", *words, "--wait", "--rate", "1000/s")


def status():
    return weir.ctl_json("cache", "warm", "--status")


def begin(*words):
    return weir.ctl_json("cache", "warm", *words)


def until(state):
    return wait_until(lambda: (found := status())["state"] == state and found, f"a warm that is {state}")


def counts(body):
    return {name: body[name] for name in ("found", "fresh", "skipped", "fetched", "failed", "left") if body[name]}


@test("nothing was warmed yet; nothing to warm; nothing to stop")
def _():
    expect_in("nothing was warmed", weir.ctl("cache", "warm", "--status"))
    code, text = weir.ctl("cache", "warm", code=None)
    expect_equal(code, 2, text)
    weir.ctl("cache", "warm", "--stop")


@test("a list in a file: what is not stored fresh is fetched once; clients find it; the log has rows of kind warm")
def _():
    paths = new_paths(5)
    get(paths[0])
    before = weir.metric("cache_warm_total")
    weir.write("urls.txt", "# ours\n\n" + "".join(url(path) + "\r\n" for path in paths[1:]) + f"www.test{paths[0]}#part\n")
    dry = weir.ctl_json("cache", "warm", "urls.txt", "--dry-run")
    expect_equal((dry["state"], counts(dry)), ("none", {"found": 5, "fresh": 1, "left": 4}))
    expect_equal(sum(origin.count(path) for path in paths), 1)
    done = warm("urls.txt")
    expect_equal((done["state"], counts(done)), ("done", {"found": 5, "fresh": 1, "fetched": 4}), done)
    expect_equal(weir.metric("cache_warm_total"), before + 4)
    for path in paths:
        expect(get(path).hit, path)
        expect_equal(origin.count(path), 1)
    rows = weir.rows("kind = 'warm'", count=4)
    expect_equal({(row["path"], row["status"], row["cache"], row["place"], row["client"], row["method"]) for row in rows},
                 {(path, 200, "miss", "*", "127.0.0.1", "GET") for path in paths[1:]})
    expect_equal(counts(warm("urls.txt")), {"found": 5, "fresh": 5})


@test("what is stale is validated")
def _():
    def script(conn, request):
        if request.field("If-None-Match") == '"1"':
            conn.send(answer(b"", "Cache-Control: max-age=50", 'ETag: "1"', status=304, reason="Not Modified"))
        else:
            conn.send(answer(b"x", "Cache-Control: max-age=50", 'ETag: "1"'))
    [path] = new_paths(1, script)
    get(path)
    weir.advance(60)
    expect_equal(counts(warm("--url", url(path))), {"found": 1, "fetched": 1})
    expect(get(path).hit)


@test("standard input; lines that are no URL are told with their numbers, and nothing is asked")
def _():
    paths = new_paths(2)
    code, text = run_weir("weirctl", "-s", weir.socket, "cache", "warm", "-", "--wait", text="".join(url(path) + "\n" for path in paths))
    expect_equal(code, 0, text)
    expect_in("done: 2 found, 0 fresh, 0 skipped, 2 fetched, 0 failed, 0 left", text)
    paths = new_paths(1)
    code, text = run_weir("weirctl", "-s", weir.socket, "cache", "warm", "-", text=f"{url(paths[0])}\nhttp://\n\nftp://a/\n")
    expect_equal((code, origin.count(paths[0])), (2, 0), text)
    expect_in("weirctl: -:2: 'http://' is not a URL", text)
    expect_in("weirctl: -:4: 'ftp://a/' is not a URL", text)
    code, text = weir.ctl("cache", "warm", "no-such-file", code=None)
    expect_equal((code, "cannot be opened" in text), (2, True), text)
    for words in (["--rate", "fast"], ["--header", "x"], ["--limit", "-1"], ["--client", "me"]):
        expect_equal(weir.ctl("cache", "warm", "--url", url("/x"), *words, code=None)[0], 2, words)


@test("what no cache may answer is skipped, what is not stored has failed; both are told")
def _():
    [private] = new_paths(1, answer("x", "Cache-Control: private"))
    [missing] = new_paths(1, answer("x", status=404, reason="Not Found"))
    done = warm(*urls_of([private, missing, "/none/x", "/forbidden"]))
    expect_equal(counts(done), {"found": 4, "skipped": 2, "failed": 2})
    told = "\n".join(done["told"])
    for want in (f"{url(private)}: 200, not stored: private", f"{url(missing)}: 404", "/none/x: pass: the route has no cache",
                 "/forbidden: refused: deny 403"):
        expect_in(want, told)
    [path] = new_paths(1)
    expect_equal(counts(warm("--url", url(path), "--client", "10.1.2.3")), {"found": 1, "skipped": 1})


@test("with fields, for the variant that they select")
def _():
    [path] = new_paths(1, lambda conn, request: conn.send(fresh(request.field("X-V", ""), "Vary: X-V")))
    warm("--url", url(path), "--header", "X-V: one")
    expect(get(path, "X-V: one").hit)
    expect(not get(path, "X-V: two").hit)


@test("log: what clients asked for most, of what a cache may answer")
def _():
    often, once, other = new_paths(3)
    [private] = new_paths(1, answer("x", "Cache-Control: private"))
    for path, times in ((often, 3), (once, 1), (other, 2), (private, 5)):
        for _ in range(times):
            get(path, "User-Agent: of-the-log")
    weir.rows("user_agent = 'of-the-log'", count=11)
    weir.ctl("purge", "--hard", "--wait", "host = www.test")
    where = ("log", "--where", f"user_agent = of-the-log and path != {other}")
    dry = weir.ctl_json("cache", "warm", *where, "--dry-run")
    expect_equal(counts(dry), {"found": 2, "left": 2})
    expect_equal(counts(warm(*where, "--limit", "1")), {"found": 1, "fetched": 1})
    expect_equal([origin.count(path) for path in (often, once, other, private)], [2, 1, 1, 5])
    expect_equal(counts(warm(*where, "--since", "1h")), {"found": 2, "fresh": 1, "fetched": 1})
    code, text = weir.ctl("cache", "warm", "log", "--where", "sise > 1", code=None)
    expect_equal((code, "no field" in text), (2, True), text)
    expect_equal(weir.ctl("cache", "warm", "log", "--since", "ever", code=None)[0], 2)


@test("through a forward, as it is asked for there")
def _():
    path = origin.on("/of-forward", fresh("x"))
    expect_equal(counts(warm("--url", origin.url(path), "--forward", "lan")), {"found": 1, "fetched": 1})
    with weir.forward() as client:
        expect(client.get(origin.url(path), host=origin.name).hit)
    expect_equal(weir.row("kind = 'warm' and path = '/of-forward'")["place"], "lan")


@test("so many a second and no more; a reload does not end it; one at a time")
def _():
    paths = new_paths(3)
    expect_equal(begin(*urls_of(paths), "--rate", "0.01/s")["found"], 3)
    origin.wait(paths[0])
    wait_until(lambda: status()["fetched"] == 1, "the first")
    code, text = weir.ctl("cache", "warm", "--url", url("/x"), code=None)
    expect_equal((code, "under way" in text), (1, True), text)
    weir.advance(100)
    origin.wait(paths[1])
    weir.ctl("reload")
    expect_equal((status()["state"], origin.count(paths[2])), ("running", 0))
    weir.advance(100)
    expect_equal(counts(until("done")), {"found": 3, "fetched": 3})


@test("it waits while clients have requests in work")
def _():
    gate = Gate()
    [slow] = new_paths(1, lambda conn, request: (gate.wait(), conn.send(fresh("x"))))
    paths = new_paths(3)
    with weir.site() as client:
        client.send(f"GET {slow} HTTP/1.1\r\nHost: www.test\r\n\r\n")
        gate.reached()
        begin(*urls_of(paths), "--busy", "0", "--rate", "1000/s")
        until("waiting")
        weir.advance(5)
        expect_equal((status()["left"], sum(origin.count(path) for path in paths)), (3, 0))
        gate.open()
        expect_equal(client.response().body, b"x")
    expect_equal(counts(until("done")), {"found": 3, "fetched": 3})


@test("four at once, no more; --stop gives up what is under way")
def _():
    lock, gate, now = threading.Lock(), Gate(), {"active": 0, "most": 0}

    def held(conn, request):
        with lock:
            now["active"] += 1
            now["most"] = max(now["most"], now["active"])
        gate.wait()
        with lock:
            now["active"] -= 1
        conn.send(fresh("x"))
    paths = new_paths(12, held)
    begin(*urls_of(paths[:8]), "--rate", "1000/s")
    for _ in range(4):
        gate.reached()
    expect_equal((status()["left"], now["most"]), (8, 4))
    gate.open()
    expect_equal((counts(until("done")), now["most"]), ({"found": 8, "fetched": 8}, 4))
    gate.event.clear()
    begin(*urls_of(paths[8:]), "--rate", "1000/s")
    for _ in range(8):
        gate.reached()
    weir.ctl("cache", "warm", "--stop")
    expect_equal(until("stopped")["left"], 4)
    expect_equal(weir.metric("exchanges_active"), 0)
    gate.open()


@test("a large body is stored whole; one that breaks off has failed")
def _():
    body = bytes(range(256)) * 20_000
    [large] = new_paths(1, fresh(body))
    [broken] = new_paths(1, lambda conn, request: (conn.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\n\r\nabc"), conn.close()))
    done = warm(*urls_of([large, broken]))
    expect_equal(counts(done), {"found": 2, "fetched": 1, "failed": 1}, done)
    response = get(large)
    expect(response.hit and response.body == body, response.cache)


@test("the end of the daemon does not wait for it")
def _():
    gate = Gate()
    paths = new_paths(3, lambda conn, request: (gate.wait(), conn.send(fresh("x"))))
    begin(*urls_of(paths))
    gate.reached()
    before = time.monotonic()
    weir.restart()
    expect(time.monotonic() - before < 10 * SLOWNESS, "it took the grace time")
    gate.open()
    expect_equal(status()["state"], "none")


main(origin, weir)
