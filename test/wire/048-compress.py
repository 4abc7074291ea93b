#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compression: who gets which coding, what the head says, what never is coded; decoding; slow origins."""
import base64
import gzip
import hashlib
import random
import subprocess
import zlib

from lib import *

origin = Origin()
ROUTES = """
    route /off/   { cache main; compress !reset; pool app }
    route /pass/  { cache none; pool app }
    route /small/ { cache main; compress min 10KB types -text/* image/x-own; pool app }
    route /       { cache main; pool app }
"""
weir = Weir(config(origin, cache="memory 64MB", site="compress br gzip zstd", routes=ROUTES, listen="http1 http2"), clock=True)
HTML = "Content-Type: text/html"
TEXT = b"".join(b"line %d of what the origin sends\n" % i for i in range(200))
CODED = {  # TEXT, by each
    "gzip": gzip.compress(TEXT),
    "br": base64.b64decode("HyEaABwJdqzJKh0TD6l0RjrAy9tWeWX2Vgog9Hy7AKTFh9JkWYQHfvg9xvo2JZZs9vN9vRJPkvf3uTQCoUgskcrIys1Q4gggksgUKg2tXOIj"
                           "EElkCpWGVi7pEYgkMoVKQyuX/AhEEplCpaGVS3kEIolModLQyqU+ApFEplBpaOXSPAKRRKZQaWjl0j4CkUSmUGlo5dI9ApFEplBpaH+u89mD"
                           "wWgyW6w2tnQNz2A0mS1WG1u6xmcwmswWq40tXdMzGE1mi9XGlq75GYwms8VqY0vX8gxGk9litbGla30Go8lssdrY0rV5BqPJbLHa2NK1fQaj"
                           "yWyx2tjStXsGo8lssdrYLh4="),
    "zstd": base64.b64decode("KLUv/QRojQgAthQsF4ApzQFADEbvH8HGiKxES0ubyMIVY6l6MAAlAB4AVUREREREMzMzMzNt27bt//8nnhVNBywEiGNBEAaCQZEgR4FBGIFC"
                             "gwwSpJADYTgE////f7lcLpfL5XK5nJmZmZmJiIiIiHh3d3d3Z2ZmZmZWVVVVFXVd13Vd1zVN0zRN0zRNz/M8z/M8z3Pvvffee+//B3me53me"
                             "53mO4ziO4ziO4/d93/d93/dt27Zt27Zt23WAyKgREPr9PwPQG9UBESQE/68QSPxXS7OzuZlZW1XNzczWZmpt8VVY7apItaZSaotKqP0UTi8A"
                             "IAAAAgAgAAACACBQTcG0loLSSgqkdRRGqyiIXsEwgWGCmayFAZAqPZEdZQ=="),
}
number = [0]


def new_path(script, folder=""):
    number[0] += 1
    return origin.on(f"{folder}/{number[0]}", script)


def get(path, *fields, accept=None, **keys):
    with weir.site() as client:
        return client.get(path, *fields, *([f"Accept-Encoding: {accept}"] if accept is not None else []), **keys)


def plain(response):
    """The body as it was before it was coded; br and zstd are left to curl."""
    coding = response.field("Content-Encoding")
    return gzip.decompress(response.body) if coding == "gzip" else response.body


def curl(path, *words):
    host, port = weir.listener("site")
    done = subprocess.run(["curl", "-sS", "--resolve", f"www.test:{port}:{host}", *words, f"http://www.test:{port}{path}"],
                          capture_output=True)
    expect_equal(done.returncode, 0, done.stderr.decode())
    return done.stdout


def same_head(response):
    return {name.lower(): value for name, value in response.fields
            if name.lower() not in ("age", "cache-status", "transfer-encoding", "connection", "date")}


@test("a miss and a hit are compressed; who takes nothing gets it as it is; all of them vary")
def _():
    path = new_path(fresh(TEXT, HTML, 'ETag: "x"', "Accept-Ranges: bytes", "Content-MD5: abc", "Vary: Cookie"))
    for hit in (False, True):
        response = get(path, accept="gzip")
        expect_equal(response.hit, hit)
        expect_equal(response.field("Content-Encoding"), "gzip")
        expect_equal(plain(response), TEXT)
        expect(len(response.body) < len(TEXT) / 3, len(response.body))
        expect_equal(response.field("ETag"), 'W/"x"')
        expect_equal(response.field("Vary"), "Cookie, Accept-Encoding")
        for name in ("Content-Length", "Accept-Ranges", "Content-MD5"):
            expect(name not in response.fields, name)
    for accept in (None, "identity", "deflate", "gzip;q=0, *;q=0"):
        response = get(path, accept=accept)
        expect(response.hit and "Content-Encoding" not in response.fields)
        expect_equal(response.body, TEXT)
        expect_equal(response.field("ETag"), '"x"')
        expect_equal(response.field("Content-Length"), str(len(TEXT)))
        expect_in("Accept-Encoding", response.field("Vary"))
    expect_equal(origin.count(path), 1)
    row = weir.row(f"path = '{path}' AND encoding = 'gzip'")
    expect_equal(row["mime"], "text/html")
    expect_equal(len(weir.rows(f"path = '{path}' AND encoding = ''", count=4)), 4)


@table("curl decodes {}: HTTP/1.1, HTTP/2 and HTTP/1.0; a miss, a hit and past the cache", [(each, each) for each in CODED])
def _(coding):
    for version in ("--http1.1", "--http2-prior-knowledge", "--http1.0"):
        for folder in ("", "/pass"):  # three requests: the next ones could find it coded and stored (056)
            body = random.Random(number[0]).randbytes(3000).hex().encode() * 20
            path = new_path(fresh(body, HTML), folder)
            for _ in range(2):
                expect_equal(curl(path, version, "--compressed", "-H", f"Accept-Encoding: {coding}"), body)
            told = curl(path, version, "-D-", "-o", "/dev/null", "-H", f"Accept-Encoding: {coding}").decode().lower()
            expect_in(f"content-encoding: {coding}", told)
            expect_in("vary: accept-encoding", told)
            expect("content-length" not in told, told)


@test("the greatest weight wins; among equals the first of the route")
def _():
    path = new_path(fresh(TEXT, HTML))
    for accept, coding in (("gzip, br, zstd", "br"), ("gzip;q=0.9, zstd, br;q=0.8", "zstd"), ("*", "br"), ("*;q=0.5, br;q=0.4", "gzip"),
                           ("identity;q=0, gzip;q=0.001", "gzip"), ("identity, br;q=0.9", None), ("GZIP", "gzip")):
        expect_equal(get(path, accept=accept).field("Content-Encoding"), coding, accept)


@test("HEAD says what GET says")
def _():
    for folder in ("", "/pass"):
        for accept in ("gzip", "br", None):
            path = new_path(lambda conn, request: conn.send(head("HTTP/1.1 200 OK", f"Content-Length: {len(TEXT)}", HTML, 'ETag: "h"',
                                                                 "Cache-Control: max-age=100") + (b"" if request.method == "HEAD" else TEXT)), folder)
            told = get(path, accept=accept, method="HEAD")
            expect_equal(told.body, b"")
            expect_equal(same_head(told), same_head(get(path, accept=accept)))


@test("C16.5 no-transform: the body stays as it is, whoever says it")
def _():
    path = new_path(fresh(TEXT, HTML, "Cache-Control: no-transform"))
    asked = new_path(fresh(TEXT, HTML))
    coded = new_path(fresh(CODED["gzip"], HTML, "Content-Encoding: gzip", "Cache-Control: no-transform"))
    for _ in range(2):
        for response in (get(path, accept="gzip"), get(asked, "Cache-Control: no-transform", accept="gzip")):
            expect("Content-Encoding" not in response.fields)
            expect_equal(response.body, TEXT)
            expect_equal(response.field("Content-Length"), str(len(TEXT)))
        expect_equal(get(coded).body, CODED["gzip"])


@test("not for compression: small, of another type, coded already, without a body, off")
def _():
    cases = [(fresh(b"x" * 1023, HTML), ""), (fresh(TEXT, "Content-Type: image/png"), ""), (fresh(TEXT), ""),
             (fresh(TEXT, HTML, "Content-Encoding: aes128gcm"), ""), (fresh(TEXT, HTML), "/off"), (fresh(TEXT, HTML), "/small"),
             (fresh(TEXT, "Content-Type: image/x-own"), "/small")]
    for script, folder in cases:
        path = new_path(script, folder)
        for _ in range(2):
            response = get(path, accept="gzip, br, zstd")
            expect_equal(response.field("Content-Encoding"), "aes128gcm" if b"aes" in script else None)
            expect(response.body in script and "Content-Length" in response.fields)
    large = new_path(fresh(TEXT * 4, "Content-Type: image/x-own"), "/small")
    expect_equal(plain(get(large, accept="gzip")), TEXT * 4)
    for status, reason in ((204, "No Content"), (304, "Not Modified")):
        path = new_path(head(f"HTTP/1.1 {status} {reason}", HTML))
        response = get(path, accept="gzip")
        expect("Content-Encoding" not in response.fields and "Transfer-Encoding" not in response.fields)
    error = new_path(answer(TEXT, HTML, status=404, reason="Not Here"))
    response = get(error, accept="gzip")
    expect_equal((response.status, response.reason, plain(response)), (404, "Not Here", TEXT))
    short = new_path(fresh(b"", HTML))
    expect_equal(get(short, accept="gzip").field("Content-Length"), "0")


@test("C9.1 C10.2 conditions: the weak tag gives 304, and neither ranges nor changes")
def _():
    path = new_path(fresh(TEXT, HTML, 'ETag: "v1"'))
    tag = get(path, accept="gzip").field("ETag")
    expect_equal(tag, 'W/"v1"')
    response = get(path, f"If-None-Match: {tag}", accept="gzip")
    expect_equal((response.status, response.field("ETag"), response.field("Vary")), (304, tag, "Accept-Encoding"))
    response = get(path, f"If-None-Match: {tag}")  # has the coded one, asks for the plain one
    expect_equal((response.status, response.field("ETag")), (304, tag))
    response = get(path, 'If-None-Match: "v1"')
    expect_equal((response.status, response.field("ETag"), response.field("Vary")), (304, '"v1"', "Accept-Encoding"))
    expect_equal(get(path, 'If-None-Match: W/"v2"', accept="gzip").status, 200)
    response = get(path, "Range: bytes=5-9", f"If-Range: {tag}", accept="gzip")
    expect_equal((response.status, plain(response)), (200, TEXT))
    response = get(path, "Range: bytes=5-9", 'If-Range: "v1"', accept="gzip")
    expect_equal((response.status, response.body, response.field("ETag")), (206, TEXT[5:10], '"v1"'))
    expect_equal(response.field("Vary"), "Accept-Encoding")

    def strict(conn, request):
        mine = request.field("If-Match")
        conn.send(answer(b"", status=200 if mine in (None, '"v1"') else 412, reason="Said"))
    update = new_path(strict)
    expect_equal(get(update, f"If-Match: {tag}", method="PUT", body="x").status, 412)
    expect_equal(get(update, 'If-Match: "v1"', method="PUT", body="x").status, 200)


@test("past the cache: the origin sees the client's weak tag, and its 304 keeps it weak")
def _():
    def script(conn, request):
        if request.field("If-None-Match") == 'W/"p"':
            conn.send(head("HTTP/1.1 304 Not Modified", 'ETag: "p"'))
        else:
            conn.send(answer(TEXT, HTML, 'ETag: "p"'))
    path = new_path(script, "/pass")
    tag = get(path, accept="br").field("ETag")
    response = get(path, f"If-None-Match: {tag}", accept="br")
    expect_equal((response.status, response.field("ETag")), (304, 'W/"p"'))


@test("C10 ranges are of the body as it is; a part says that it varies")
def _():
    path = new_path(fresh(TEXT, HTML))
    get(path)
    response = get(path, "Range: bytes=10-19", accept="gzip, br")
    expect_equal((response.status, response.body), (206, TEXT[10:20]))
    expect_equal((response.field("Vary"), response.field("Content-Encoding")), ("Accept-Encoding", None))
    expect_equal(get(path, "Range: bytes=99999-", accept="gzip").status, 416)


@test("after a purge the next answer is the new one, coded as before")
def _():
    path = new_path([fresh(TEXT, HTML), fresh(TEXT[::-1], HTML)])
    expect_equal(plain(get(path, accept="gzip")), TEXT)
    weir.ctl("purge", "--hard", f"http://www.test{path}")
    response = get(path, accept="gzip")
    expect(not response.hit)
    expect_equal(plain(response), TEXT[::-1])


@test("a slow origin: each piece reaches the client when it comes, in every coding; one fetch, two clients")
def _():
    for coding in ("gzip", None):
        gates = [Gate() for _ in range(3)]

        def script(conn, request):
            conn.send(head("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked", "Cache-Control: max-age=9"))
            for i, gate in enumerate(gates):
                piece = b"data: %d\n\n" % i
                conn.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                gate.wait()
            conn.send("0\r\n\r\n")
        path = new_path(script)
        with weir.site() as one, weir.site() as two:
            decoders = []
            for client in (one, two):
                client.ask(path, "Accept-Encoding: gzip" if coding and client is one else "X: y")
                response = client.response(body=False)
                decoder = zlib.decompressobj(31) if response.field("Content-Encoding") == "gzip" else None
                decoders.append(decoder)
            expect_equal(decoders[0] is not None, coding is not None)
            for i, gate in enumerate(gates):
                for client, decoder in zip((one, two), decoders):
                    got = b""
                    while got != b"data: %d\n\n" % i:
                        piece = client.exactly(int(client.until(b"\r\n"), 16))
                        client.exactly(2)
                        got += decoder.decompress(piece) if decoder else piece
                gate.open()
            for client in (one, two):
                while (size := int(client.until(b"\r\n"), 16)):
                    client.exactly(size + 2)
        expect_equal(origin.count(path), 1)


@test("50 MB go through as they come, in bounded memory, to a client that reads when it likes")
def _():
    piece = b"".join(b"%d is a number, and so is %d\n" % (i * 7919, i) for i in range(8000))
    rounds = 50 * 1024 * 1024 // len(piece) + 1
    size = rounds * len(piece)

    def script(conn, request):
        conn.send(head("HTTP/1.1 200 OK", HTML, f"Content-Length: {size}", "Cache-Control: no-store"))
        for _ in range(rounds):
            conn.send(piece)
    path = new_path(script, "/pass")
    before = weir.memory()
    for coding in ("gzip", "br", "zstd"):
        host, port = weir.listener("site")
        with subprocess.Popen(["curl", "-sS", "--compressed", "-H", f"Accept-Encoding: {coding}", "-H", "Host: www.test", f"http://{host}:{port}{path}"],
                              stdout=subprocess.PIPE) as done:
            whole, seen = hashlib.sha256(), 0
            while (part := done.stdout.read(1 << 20)):
                whole.update(part)
                seen += len(part)
        expect_equal(seen, size)
        wanted = hashlib.sha256()
        for _ in range(rounds):
            wanted.update(piece)
        expect_equal(whole.digest(), wanted.digest())
        expect_grown(weir.memory() - before, 24 << 20, f"memory with {coding}")
    expect(weir.metric("compress_bytes_total") > 0)


@test("what comes coded goes on as it is to who takes it, and decoded to who does not")
def _():
    for coding, bytes_ in CODED.items():
        for folder in ("", "/pass"):
            path = new_path(fresh(bytes_, HTML, f"Content-Encoding: {coding}", 'ETag: "c"'), folder)
            for _ in range(2):
                response = get(path, accept=f"deflate, {coding}")
                expect_equal((response.field("Content-Encoding"), response.body, response.field("ETag")), (coding, bytes_, '"c"'))
                expect_equal(response.field("Vary"), "Accept-Encoding")
                for accept in (None, "identity", f"{coding};q=0"):
                    response = get(path, accept=accept)
                    expect_equal((response.field("Content-Encoding"), response.field("ETag")), (None, 'W/"c"'))
                    expect_equal(response.body, TEXT)
                    expect("Content-Length" not in response.fields)
                    expect_equal(response.field("Vary"), "Accept-Encoding")
                told = get(path, method="HEAD")
                expect_equal(same_head(told), same_head(get(path)))
    weir.row(f"path = '{path}' AND encoding = 'identity'")
    expect(weir.metrics()['weir_responses_coded_total{coding="identity"}'] > 0)


@table("a coded body that is {} is cut so that the client sees it, and the log says bad-coding", [
    ("damaged", CODED["gzip"][:200] + b"garbage" * 50), ("cut", CODED["br"][:-3]), ("a bomb", gzip.compress(b"\0" * (40 << 20), 9))])
def _(coded):
    coding = "br" if coded[:2] != b"\x1f\x8b" else "gzip"
    path = new_path(fresh(coded, HTML, f"Content-Encoding: {coding}"))
    for _ in range(2):
        with weir.site() as client:
            client.ask(path)
            try:
                client.response()
                raise Failure("it was served as whole")
            except Closed as closed:
                expect(len(closed.got) < 24 << 20, len(closed.got))
    weir.rows(f"path = '{path}' AND end = 'bad-coding'", count=2)


@test("a client that goes away in the middle, and an origin that breaks off")
def _():
    def script(conn, request):
        conn.send(head("HTTP/1.1 200 OK", HTML, f"Content-Length: {len(TEXT) * 2}") + TEXT)
        conn.reset()
    path = new_path(script, "/pass")
    with weir.site() as client:
        client.ask(path, "Accept-Encoding: gzip")
        try:
            client.response()
            raise Failure("a cut body was served as whole")
        except Closed:
            pass
    weir.row(f"path = '{path}' AND end = 'origin-abort'")
    gate = Gate()

    def endless(conn, request):
        conn.send(head("HTTP/1.1 200 OK", HTML, "Content-Length: 100000000"))
        try:
            while True:
                conn.send(random.randbytes(65536))
        except OSError:
            gate.open()
    path = new_path(endless, "/pass")
    client = weir.site(receive_buffer=4096)
    client.ask(path, "Accept-Encoding: br")
    client.response(body=False)
    client.reset()
    expect(gate.event.wait(DEADLINE), "the origin was not told")
    weir.row(f"path = '{path}' AND end = 'client-abort'")


@test("many at once: those beyond the limit of a worker go as they are, and are counted")
def _():
    gate = Gate()

    def script(conn, request):
        conn.send(head("HTTP/1.1 200 OK", HTML, f"Content-Length: {len(TEXT)}", "Cache-Control: max-age=900") + TEXT[:1000])
        gate.wait()
        conn.send(TEXT[1000:])
    path = new_path(script)
    clients = []
    for _ in range(300):  # two workers with 128 each; all wait for one slow answer
        clients.append(weir.site())
        clients[-1].ask(path, "Accept-Encoding: gzip")
    wait_until(lambda: weir.metric("compress_skipped_total") > 0, "a response that is left as it is")
    gate.open()
    codings = []
    for client in clients:
        response = client.response()
        expect_equal(plain(response), TEXT)
        codings.append(response.field("Content-Encoding"))
        expect_equal(response.field("Vary"), "Accept-Encoding")
        client.close()
    expect(0 < codings.count(None) <= 300 - 128, codings.count(None))
    expect_equal(origin.count(path), 1)
    expect_equal(get(path, accept="gzip").field("Content-Encoding"), "gzip")


main(origin, weir)
