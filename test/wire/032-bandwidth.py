#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Limits of bytes: bandwidth, whatever carries the body; quotas, over restarts; what is told of them."""
import threading
import time

from lib import *

KB = 1024
authority = Authority()
www = authority.make("www", "DNS:www.test")


def tunnelled(conn):
    """`send N`: N bytes; `take N`: takes them and says so."""
    while True:
        try:
            word, _, count = conn.until(b"\n").strip().partition(b" ")
        except (Closed, OSError):
            return
        if word == b"send":
            conn.send(b"t" * int(count))
        else:
            conn.exactly(int(count))
            conn.send(b"taken\n")


origin = Origin()
far = Origin(tunnel=tunnelled)
weir = Weir(config(origin, connect=str(far.port), top="""
limit slow   { key path header X-Key  bandwidth 100KB/s }
limit crawl  { key client  bandwidth 1KB/s }
limit tunnel { key client  bandwidth 100KB/s }
limit both   { key client  rate 1000/d  bandwidth 100KB/s  quota 1GB/month }
limit mine   { key client  bandwidth 100KB/s }
limit few    { key client  quota 64KB/day }
limit cut    { key client  quota 64KB/h }
limit kept   { key client  quota 64KB/day }
""", rules="limit tunnel client 127.0.0.21 127.0.0.22\n limit cut client 127.0.0.31 127.0.0.32\n limit few client 127.0.0.33\n allow all", routes="""
    route /slow   { limit slow; pool app; cache main }
    route /pass   { limit slow; pool app }
    route /coded  { limit slow; pool app; compress gzip }
    route /crawl  { limit crawl; pool app; cache main }
    route /both   { limit both; pool app; cache main }
    route /few    { limit few; pool app; cache main }
    route /kept   { limit kept; pool app; cache main }
    route /       { pool app; cache main }
""", site_rules="limit mine client 127.0.0.70", site=f"listen 127.0.0.4:0 tls cert {www}"), clock=True)

BODY = bytes(i * i % 251 for i in range(300 * KB))  # at 100KB/s, of which a second's worth goes at once
LEAST = 1.9


def until_close(body):
    def script(conn, _):
        conn.send(head("HTTP/1.1 200 OK", "Connection: close") + body)
        conn.close()
    return script


def expect_held(path, seconds, way):
    expect(seconds >= LEAST, f"{way}: {seconds:.2f} s are too few")
    row = weir.row(f"path = '{path}' AND limit_name = 'slow' AND status = 200")
    expect(1_000_000 < row["throttled"] <= row["duration"], f"{way}: throttled {row['throttled']} of {row['duration']}")
    expect_equal((row["end"], row["bytes_out"] > len(BODY)), ("ok", True), way)


def alone(*functions):
    """All at the same time; what went wrong in one is told."""
    wrong = []

    def run(function):
        try:
            function()
        except Exception as error:
            wrong.append(repr(error))
    threads = [threading.Thread(target=run, args=(each,)) for each in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not wrong, "\n".join(wrong))


@test("bodies are held to a bandwidth: hits, and what comes from an origin, by length, in chunks, to the close, over HTTP/2")
def _():
    origin.on("/slow/hit", fresh(BODY))
    origin.on("/slow/two", fresh(BODY))
    origin.on("/slow/miss", fresh(BODY))
    origin.on("/pass/length", answer(BODY))
    origin.on("/pass/chunks", head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunks(BODY[:100000], BODY[100000:]))
    origin.on("/pass/close", until_close(BODY))
    for path in ("/slow/hit", "/slow/two"):  # a key of its own
        with weir.site() as client:
            client.get(path, "X-Key: first")

    def one(path):
        with weir.site() as client:
            start = time.monotonic()
            response = client.get(path)
            seconds = time.monotonic() - start
            expect(response.body == BODY, f"{path}: another body")
            expect_held(path, seconds, path)

    def two():
        with H2Client(weir.listener("site", 1), name="www.test", ca=authority.ca) as client:
            start = time.monotonic()
            stream = client.ask("/slow/two", scheme="https")
            free = client.get("/free", scheme="https")  # a stream beside it does not wait
            expect(not client.seen(stream).ended and free.body == BODY[:50000], f"the free one: {free}")
            expect(client.answer(stream).body == BODY, "another body over HTTP/2")
            expect_held("/slow/two", time.monotonic() - start, "HTTP/2")

    origin.on("/free", fresh(BODY[:50000]))
    alone(*[lambda path=path: one(path) for path in ("/slow/hit", "/slow/miss", "/pass/length", "/pass/chunks", "/pass/close")], two)
    expect_equal([row["throttled"] for row in weir.rows("path = '/free'")], [0])
    held, delayed = weir.metric("bandwidth_bytes_total"), weir.metric("bandwidth_delayed_bytes_total")
    expect(held >= 8 * len(BODY) and 6 * 190 * KB <= delayed < held, f"held {held}, delayed {delayed}")
    expect_equal(weir.metric("bandwidth_waiting"), 0)


@test("what is compressed on its way is held by what is sent")
def _():
    text = "".join(f"{i * i % 10007} " for i in range(100_000))
    origin.on("/coded", answer(text, "Content-Type: text/plain"))
    with weir.site() as client:
        start = time.monotonic()
        response = client.get("/coded", "Accept-Encoding: gzip")
        seconds = time.monotonic() - start
    sent = len(response.body)
    expect(sent > 110 * KB, f"only {sent} bytes: not held at all")
    expect(seconds >= (sent / (100 * KB) - 1) * 0.9, f"{sent} bytes in {seconds:.2f} s")
    expect_equal(response.field("Content-Encoding"), "gzip")


@test("those who share a key share its bandwidth, on any worker; another key waits for nobody")
def _():
    origin.on("/slow/shared", fresh(BODY[:150 * KB]))
    origin.on("/slow/other", fresh(BODY[:90 * KB]))
    ends = []

    def come(key, path, source):
        with Client(weir.listener("site"), source=source) as client:
            response = client.get(path, f"X-Key: {key}")
            ends.append((time.monotonic() - start, key))
            expect(len(response.body) in (90 * KB, 150 * KB), "a body that is not whole")
    with weir.site() as client:
        client.get("/slow/shared", "X-Key: none")
    start = time.monotonic()
    alone(*[lambda i=i: come("same", "/slow/shared", f"127.0.0.{10 + i}") for i in range(4)],
          lambda: come("other", "/slow/other", "127.0.0.10"))
    expect(max(ends)[0] >= 4.8, f"600 KB in {max(ends)[0]:.2f} s")
    rows = weir.rows("path = '/slow/shared' AND limit_name = 'slow'", count=4)
    expect(min(row["throttled"] for row in rows) > 100_000, f"{[row['throttled'] for row in rows]}")  # all of them waited
    expect_equal([(row["throttled"], row["limit_name"]) for row in weir.rows("path = '/slow/other'")], [(0, "")])


@test("who is held to a bandwidth does not hold up others that wait for the same large answer")
def _():
    large = BODY * 8  # more than memory keeps of one
    for lead in ("held", "free"):
        gate, path = Gate(), f"/large/{lead}"

        def script(conn, _, gate=gate):
            gate.wait()
            conn.send(fresh(large))
        origin.on(path, script)
        held = Client(weir.listener("site"), source="127.0.0.70")
        free = weir.site()
        for client in ((held, free) if lead == "held" else (free, held)):
            client.ask(path)
            origin.wait(path)
        wait_until(lambda: weir.metric("exchanges_active") == 2, "both to wait")
        gate.open()
        expect(free.response().body == large, "another body")
        response = held.response(body=False)
        expect_equal(response.status, 200)
        row = weir.row(f"path = '{path}' AND client = '127.0.0.1'")
        expect_equal((row["end"], row["throttled"]), ("ok", 0))
        held.reset()
        row = weir.row(f"path = '{path}' AND client = '127.0.0.70'")
        expect_equal((row["end"], row["cache"], row["limit_name"]), ("client-abort", "pass", "mine"))
        expect_equal(row["cache_reason"], "bandwidth")
        expect_equal(origin.count(path), 2)
        free.close()


@test("a tunnel: what comes is held, what goes is not, and waiting costs nothing")
def _():
    def open_tunnel(source):
        client = Client(weir.listener("forward"), source=source)
        client.ask(far.name, method="CONNECT", host=far.name)
        expect_equal(client.response("CONNECT", body=False).status, 200)
        return client
    with open_tunnel("127.0.0.21") as client:
        before = weir.processor_time()
        start = time.monotonic()
        client.send(b"take 1000000\n" + b"u" * 1_000_000)  # ten seconds' worth
        expect_equal(client.until(b"\n"), b"taken\n")
        client.send(b"send 409600\n")
        got = 0
        while got < 409600:
            got += len(client.exactly(4096))
            if got == 204800:
                client.send(b"tak")  # readable both ways while it waits
        seconds = time.monotonic() - start
        expect(seconds >= 2.9, f"400 KB in {seconds:.2f} s")
        expect(weir.processor_time() - before < 1.5, f"{weir.processor_time() - before} s of processor time")
    row = weir.row("kind = 'tunnel' AND client = '127.0.0.21'")
    expect_equal(row["limit_name"], "tunnel")
    expect(row["throttled"] > 1_500_000, f"throttled {row['throttled']}")


@test("who leaves while it waits is gone at once; a reload to no bandwidth frees those under way")
def _():
    origin.on("/crawl", fresh(BODY))
    client = weir.site()
    client.ask("/crawl")
    client.response(body=False)
    wait_until(lambda: weir.metric("bandwidth_waiting") == 1, "one that waits")
    client.reset()
    wait_until(lambda: weir.metric("bandwidth_waiting") == 0, "nobody that waits")
    row = weir.row("path = '/crawl' AND end = 'client-abort'")
    expect_equal(row["limit_name"], "crawl")
    with Client(weir.listener("site"), source="127.0.0.40") as held:
        held.ask("/crawl")
        response = held.response(body=False)
        wait_until(lambda: weir.metric("bandwidth_waiting") == 1, "one that waits")
        try:
            weir.write("weir.conf", weir.text.replace("bandwidth 1KB/s", "bandwidth 1GB/s"))
            weir.ctl("reload")
            with Client(weir.listener("site"), source="127.0.0.40") as other:
                expect(other.get("/crawl").body == BODY, "another body")
            held.read_body(response)
            expect(response.body == BODY, "another body")
        finally:
            weir.write("weir.conf", weir.text)
            weir.ctl("reload")


def used(limit, key):
    return {each["key"]: each for each in weir.ctl_json("limit", "top", limit)["keys"]}.get(key)


@test("a quota: what is sent counts; the response under way is finished, then 429 until the next day")
def _():
    origin.on("/few", fresh(BODY[:30 * KB]))
    with weir.site() as client:
        answers = [client.get("/few") for _ in range(4)]
        expect_equal([each.status for each in answers], [200, 200, 200, 429])
        expect_equal([len(each.body) for each in answers[:3]], [30 * KB] * 3)
        expect_equal(answers[0].field("RateLimit-Policy"), '"few-quota";q=65536;qu="content-bytes";w=86400')
        expect_in('"few-quota";r=65536;t=', answers[0].field("RateLimit"))
        expect_in('"few-quota";r=0;t=', answers[3].field("RateLimit"))
        until = int(answers[3].field("Retry-After"))
        expect(0 < until <= 25 * 3600, f"Retry-After {until}")
        midnight = time.localtime(time.time() + until)
        expect(abs((midnight.tm_hour * 60 + midnight.tm_min + 720) % 1440 - 720) <= 2, f"not midnight: {midnight}")
        expect_in(b"has been sent", answers[3].body)
        expect_equal(client.get("/free").status, 200)
    row = weir.row("path = '/few' AND status = 429")
    expect_equal((row["end"], row["limit_name"]), ("quota", "few"))
    expect_in("limit few", row["rule"])
    expect_equal(weir.metric("quota_refused_total"), 1)
    sent = sum(each["bytes_out"] for each in weir.rows("path = '/few' AND status = 200", count=3))
    expect_equal(used("few", "127.0.0.1")["used_bytes"], sent)
    with Client(weir.listener("site"), source="127.0.0.9") as client:
        expect_equal(client.get("/few").status, 200)
    with Client(weir.listener("forward"), source="127.0.0.33") as client:
        expect_equal(client.get(origin.url("/few"), host=origin.name).status, 200)
        expect_equal([client.get(origin.url("/few"), host=origin.name).status for _ in range(3)], [200, 200, 429])
    with Client(weir.listener("forward"), source="127.0.0.33") as client:
        client.ask(far.name, method="CONNECT", host=far.name)
        response = client.response("CONNECT")
        expect_equal(response.status, 429)
        expect(int(response.field("Retry-After")) > 0, "no Retry-After for CONNECT")
    weir.advance(until + 60)
    with weir.site() as client:
        response = client.get("/few")
        expect_equal((response.status, response.field("RateLimit")[:21]), (200, '"few-quota";r=65536;t'))


@test("a tunnel beyond a quota is cut, whichever way it went")
def _():
    for source, script in (("127.0.0.31", b"send 1000000\n"), ("127.0.0.32", b"take 1000000\n" + b"u" * 1_000_000)):
        cut = weir.metric("quota_cut_total")
        with Client(weir.listener("forward"), source=source) as client:
            client.ask(far.name, method="CONNECT", host=far.name)
            expect_equal(client.response("CONNECT", body=False).status, 200)
            client.send(script)
            try:
                got = len(client.to_end())
            except Closed as end:
                got = len(end.got)
            expect(got < 1_000_000, f"{got} bytes")
        row = weir.row(f"kind = 'tunnel' AND client = '{source}' AND end = 'quota'")
        expect_equal(row["limit_name"], "cut")
        expect(row["bytes_in"] + row["bytes_out"] > 64 * KB, f"{row['bytes_in']} and {row['bytes_out']}")
        expect_equal(weir.metric("quota_cut_total"), cut + 1)


@test("limit ls, top and reset; explain and config show")
def _():
    limits = {each["name"]: each for each in weir.ctl_json("limit", "ls")["limits"]}
    expect_equal((limits["few"]["quota"], limits["few"]["key"], limits["few"]["rate"]), ("64KB/day", "client /32 /64", "none"))
    expect(limits["slow"]["delayed_bytes"] > 1_000_000 and limits["cut"]["quota_refused"] == 2, f"{limits}")
    origin.on("/both", fresh(b"x" * 1000))
    with weir.site() as client:
        response = client.get("/both")
        expect_in('"both";r=999;t=', response.field("RateLimit"))
        expect_in('"both-quota";r=', response.field("RateLimit"))
    key = used("both", "127.0.0.1")
    expect_equal((key["requests_left"], key["wait_seconds"]), (999, 0))
    expect(1000 < key["used_bytes"] < 3000 and key["used_bytes"] + key["left_bytes"] == 1 << 30, f"{key}")
    expect_in("127.0.0.1", weir.ctl("limit", "top", "both"))
    expect_in("64KB/day", weir.ctl("limit", "ls"))
    with Client(weir.listener("site"), source="127.0.0.50") as client:
        expect_equal([client.get("/few").status for _ in range(4)], [200, 200, 200, 429])
        expect_in("1 key begins anew", weir.ctl("limit", "reset", "few", "127.0.0.50"))
        expect_equal(client.get("/few").status, 200)
    expect_in("counted nothing by", weir.ctl("limit", "reset", "few", "192.0.2.1", code=None)[1])
    code, text = weir.ctl("limit", "top", "fewer", code=None)
    expect_equal(code, 2)
    expect_in("no limit is called 'fewer'", text)
    expect_in("100KB/s", weir.ctl("config", "show"))
    expect_in("limit few", weir.ctl("explain", "http://www.test/few"))


@test("a quota outlives a restart and kill -9")
def _():
    origin.on("/kept", fresh(BODY[:30 * KB]))
    with weir.site() as client:
        expect_equal([client.get("/kept").status for _ in range(3)], [200] * 3)
    before = used("kept", "127.0.0.1")["used_bytes"]
    weir.restart()
    after = used("kept", "127.0.0.1")["used_bytes"]
    expect_equal(after, before)
    with weir.site() as client:
        expect_equal(client.get("/kept").status, 429)
    writes = weir.metric("state_writes_total")
    with Client(weir.listener("site"), source="127.0.0.60") as client:
        expect_equal([client.get("/kept").status for _ in range(3)], [200] * 3)
    wait_until(lambda: weir.metric("state_writes_total") > writes, "what was used to be saved")
    weir.kill()
    weir.launch()
    for source in ("127.0.0.1", "127.0.0.60"):
        with Client(weir.listener("site"), source=source) as client:
            expect_equal(client.get("/kept").status, 429, source)


@test("C5 mistakes are told where they are")
def _():
    for line, column, wrong in (
            ("bandwidth 2MB", 11, "the time is missing: write 2MB/s"),
            ("bandwidth 2MB/min", 11, "bytes in a second: write 2MB/s"),
            ("bandwidth 1B/s", 11, "too little"),
            ("quota 5GB/week", 7, "bytes in an hour, a day or a month: write 500MB/h, 5GB/day or 100GB/month"),
            ("quota many/day", 7, "write 500MB/h, 5GB/day or 100GB/month"),
            ("quota 1GB/day burst 5", 15, "the burst is one of requests, and there is no rate of them")):
        path = weir.write("wrong.conf", "limit x {\n    key client\n" + line + "\n}\nforward f { listen 127.0.0.1:0; rules { limit x; allow all } }\n")
        code, text = weir.ctl("config", "test", str(path), code=None)
        expect_equal(code, 1, line)
        expect_in(wrong, text, line)
        expect_in(f"wrong.conf:3:{column}:", text, line)
        expect_in("^", text, line)


main(origin, far, weir)
