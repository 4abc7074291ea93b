#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What outlives the process: hits and purges, over a stop and over kill -9. WIRE_RULES section 11."""
from lib import *

origin = Origin()
weir = Weir(config(origin, memory_only=False))


def stored(path, script=None):
    origin.on(path, script or fresh("body of " + path, 'ETag: "1"'))
    with weir.site() as client:
        client.get(path)
        response = client.get(path)
        expect(response.hit)
    wait_until(lambda: on_disk(path), f"{path} on disk")
    return path


def on_disk(path):
    code, text = weir.ctl("cache", "show", f"http://www.test{path}", code=None)
    return code == 0 and "disk" in text and weir.metric("disk_dirty_bytes") == 0


def is_hit(path):
    with weir.site() as client:
        response = client.get(path)
    expect_equal(response.body.decode(), "body of " + path)
    return response.hit


@test("a hit outlives a stop, with its age")
def _():
    path = stored("/stop")
    weir.restart()
    expect(is_hit(path), "a miss after the restart")
    expect_equal(origin.count(path), 1)


@test("a hit outlives kill -9 once it is flushed")
def _():
    path = stored("/kill")
    weir.kill()
    weir.launch()
    expect(is_hit(path), "a miss after kill -9")
    expect_equal(origin.count(path), 1)


@test("each variant is found again, as a hit")
def _():
    origin.on("/variants", lambda conn, request: conn.send(fresh(request.field("X-V"), 'ETag: "1"', "Vary: X-V")))
    with weir.site() as client:
        for value in "ab":
            client.get("/variants", f"X-V: {value}")
    wait_until(lambda: on_disk("/variants"), "the variants on disk")
    weir.restart()
    with weir.site() as client:
        for value in "ab":
            response = client.get("/variants", f"X-V: {value}")
            expect_equal((response.body.decode(), response.hit), (value, True))
    expect_equal(origin.count("/variants"), 2)


@test("what was not to be stored is stored at once when a purge came between")
def _():
    origin.on("/marked", [answer("no", "Cache-Control: no-store"), fresh("yes")])
    with weir.site() as client:
        client.get("/marked")
        weir.ctl("purge", "http://www.test/marked")
        expect_in("stored", client.get("/marked").field("Cache-Status"))
        expect(client.get("/marked").hit)


@test("C1.3 C14 what a POST's answer has stored, and what a HEAD has renewed, outlives kill -9; what a HEAD has ended does not")
def _():
    def script(conn, request):
        if request.method == "POST":
            return conn.send(fresh("body of /posted", f"Content-Location: {request.target}"))
        if request.method == "HEAD":
            return conn.send(head("HTTP/1.1 200 OK", 'ETag: "1"' if request.target == "/renewed" else 'ETag: "2"', "Cache-Control: max-age=1000"))
        conn.send(answer(f"body of {request.target}", "Cache-Control: max-age=0", 'ETag: "1"'))
    for path in ("/posted", "/renewed", "/ended"):
        origin.on(path, script)
        with weir.site() as client:
            client.get(path)
    with weir.site() as client:
        client.get("/posted", method="POST", body=b"x")
        client.get("/renewed", method="HEAD")
        wait_until(lambda: on_disk("/ended"), "/ended on disk")
        client.get("/ended", method="HEAD")
    wait_until(lambda: on_disk("/posted") and on_disk("/renewed") and not on_disk("/ended"), "all on disk")
    weir.kill()
    weir.launch()
    expect_equal([is_hit("/posted"), is_hit("/renewed"), is_hit("/ended")], [True, True, False])
    expect_equal(origin.seen("/ended")[-1].field("If-None-Match"), None)


@test("a large object too, in order")
def _():
    body = b"".join(b"%08d" % each for each in range(500_000))
    origin.on("/large", fresh(body))
    with weir.site() as client:
        client.get("/large")
    wait_until(lambda: on_disk("/large"), "/large on disk")
    weir.kill()
    weir.launch()
    with weir.site() as client:
        response = client.get("/large")
        expect(response.body == body, "not the same bytes")
        expect(response.hit)
        part = client.get("/large", "Range: bytes=3999992-")
        expect_equal((part.status, part.body), (206, b"00499999"))


@test("C10.1 a range of a large object reads only its chunks from disk")
def _():
    body = b"".join(b"%08d" % each for each in range(500_000))
    origin.on("/part", fresh(body))
    with weir.site() as client:
        client.get("/part")
        wait_until(lambda: on_disk("/part"), "/part on disk")
        before = weir.metric("disk_read_bytes_total")
        response = client.get("/part", "Range: bytes=3000000-3099999")
        expect_equal((response.status, response.hit), (206, True))
        expect(response.body == body[3000000:3100000], "not the right bytes")
        read = weir.metric("disk_read_bytes_total") - before
    expect(100_000 <= read <= 3 * 65536, f"{read} bytes were read for 100000")


@test("purge, kill -9 at once, start: a miss")
def _():
    path = stored("/purged")
    weir.ctl("purge", f"http://www.test{path}")
    weir.kill()
    weir.launch()
    expect(not is_hit(path), "a hit after its purge was acknowledged")


@test("an invalidation by POST holds over a restart")
def _():
    path = stored("/posted", lambda conn, request: conn.send(fresh("body of /posted") if request.method == "GET" else answer("ok")))
    with weir.site() as client:
        client.get(path, method="POST", body=b"x")
    weir.restart()
    expect(not is_hit(path))


@test("the log's rows are there after kill -9")
def _():
    origin.on("/logged", answer("x"))
    with weir.site() as client:
        client.get("/logged")
    weir.row("path = '/logged'")
    weir.kill()
    weir.launch()
    expect_equal(len(weir.sql("SELECT * FROM access WHERE path = '/logged'")), 1)


@test("W11.2 damaged, cut and foreign files in the store: it starts, never gives wrong bytes, heals")
def _():
    paths = [stored(f"/damaged{each}", fresh(f"body of /damaged{each}")) for each in range(20)]
    weir.kill()
    for number, path in enumerate(sorted((weir.dir / "cache").rglob("*"))):
        if path.is_file() and path.suffix == ".sst":
            data = bytearray(path.read_bytes())
            if number % 3 == 0:
                data[len(data) // 2] ^= 0xFF
            elif number % 3 == 1:
                data = data[:len(data) // 2]
            path.write_bytes(data)
    (weir.dir / "cache" / "foreign.txt").write_text("hello")
    weir.launch()
    for path in paths:
        is_hit(path)
    for path in paths:
        is_hit(path)


def flipped(data):
    for at in range(0, len(data), 97):
        data[at] ^= 0xFF
    return data


@table("W11.2 database files {}: weir starts, says so, serves, and what is purged is purged, also after a kill", [
    ("cut in the middle", lambda data: data[:len(data) // 2]), ("of zeros", lambda data: bytes(len(data))), ("with flipped bytes", flipped),
    ("gone", lambda data: None)])
def _(damage):
    path, other = stored("/state1"), stored("/state2")
    for i in range(3):
        weir.ctl("purge", f"http://www.test/nothing{i}")
    late = stored("/state3")
    weir.process.terminate()
    weir.process.wait()
    said = len(weir.stderr)
    broken = list((weir.dir / "log").glob("*.db"))
    for folder in ("state", "log"):
        for file in (weir.dir / folder).glob("*.db*"):
            data = damage(bytearray(file.read_bytes()))
            file.unlink() if data is None else file.write_bytes(data)
    weir.launch()
    is_hit(path)
    for each in (other, late):
        weir.ctl("purge", f"http://www.test{each}")
    expect(not is_hit(late), "a hit after its purge")
    if damage(bytearray(100)) is not None:
        expect_in("access-", weir.ctl("log", "sql", "SELECT count(*) FROM access", code=None)[1])  # which it cannot read
        for file in broken:
            file.unlink()
    weir.row(f"path = '{late}'")
    weir.kill()
    weir.launch()
    expect(not is_hit(other), "a hit after its purge and a kill")
    if damage(bytearray(100)) is not None:
        expect_in("state.db", weir.stderr[said:])
        expect_in("access-", weir.stderr[said:])


@test("W11.3 a disk tier that cannot be opened is absent, and status says so")
def _():
    cache = weir.dir / "cache"
    weir.process.terminate()
    weir.process.wait()
    cache.rename(weir.dir / "cache.away")
    cache.write_text("a file, not a folder")
    weir.launch()
    origin.on("/diskless", fresh("body of /diskless"))
    is_hit("/diskless")
    expect(is_hit("/diskless"), "not even in memory")
    text = weir.ctl("status") + weir.stderr
    expect_in("disk", text.lower())
    weir.process.terminate()
    weir.process.wait()
    cache.unlink()
    (weir.dir / "cache.away").rename(cache)
    weir.launch()


main(origin, weir)
