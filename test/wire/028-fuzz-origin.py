#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The end-to-end fuzzer of origins: mutated answers through weir to a client that reads strictly. Whatever an origin says, the
client gets one well-formed answer that holds what the origin said to this request, or an error of weir's; what follows it on
either connection is not touched by it, and what is stored is no other. WEIR_SEED=N repeats a run; FUZZ_SECONDS=N goes on so
long. W6, W3.13."""
import collections
import os
import random
import socket
import threading
import time

from lib import *
from lib.fuzz import WORDS, Server

SEED = int(os.environ.get("WEIR_SEED", "1"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "600" if LONG else "0"))
CASES, THREADS = 2_000, 8
STALL = int(2000 * SLOWNESS)  # milliseconds until an answer that stops is given up
LINES = [b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Content-Length: 99999\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n",
         b"Connection: close\r\n", b"Content-Encoding: gzip\r\n", b"Content-Range: bytes 0-3/9\r\n", b"Vary: *\r\n", b"Upgrade: websocket\r\n", b"Set-Cookie: a=b\r\n",
         b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"Trailer: X\r\n"]


class Liars(Server):
    """An origin that answers /N with the bytes that the test has put there, and /ok/N well."""

    def __init__(self):
        super().__init__()
        self.blobs = {}  # number -> (pieces, close)

    def talk(self, peer):
        kept = b""
        with peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while piece := peer.recv(65536):
                    kept += piece
                    while b"\r\n\r\n" in kept:
                        head_, _, kept = kept.partition(b"\r\n\r\n")
                        method, target = head_.split(b" ")[:2]
                        if target.startswith(b"/ok/"):
                            body = b"ok <%s>" % target[4:]
                            peer.sendall(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                            continue
                        pieces, close = self.blobs[int(target[1:])]
                        for each in pieces:
                            peer.sendall(each)
                        if close:
                            return
            except OSError:
                pass


origin = Liars()
weir = Weir(f"""
state $DIR/state
admin {{ socket $DIR/admin.sock }}
log {{ errors $DIR/errors }}
cache main {{ memory 64MB }}
pool liars {{ server {origin.name}; answer-timeout {STALL}ms; body-timeout {STALL}ms }}
pool good {{ server {origin.name} }}
site * {{ listen 127.0.0.1:0; route /ok/ {{ pool good }}
    route / {{ cache main; pool liars }} }}
""")


def chunked(chance, body):
    text = b""
    while body:
        n = chance.randrange(1, len(body) + 1)
        text += b"%x\r\n" % n + body[:n] + b"\r\n"
        body = body[n:]
    return text + b"0\r\n" + chance.choice([b"", b"X-T: t\r\n"]) + b"\r\n"


def some_answer(chance, number):
    """Bytes; whether the origin closes after them."""
    body = (b"<%d>" % number) * chance.randrange(1, 400)
    lines = [chance.choice([b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found", b"HTTP/1.0 200 OK"]),
             chance.choice([b"Cache-Control: max-age=60", b"Cache-Control: no-store", b'ETag: "%d"' % number, b"Date: Sun, 06 Nov 1994 08:49:37 GMT"])]
    framing = chance.randrange(3)
    close = framing == 2 or chance.random() < 0.7
    if framing == 0:
        lines.append(b"Content-Length: %d" % len(body))
    elif framing == 1 and lines[0].startswith(b"HTTP/1.1"):
        lines.append(b"Transfer-Encoding: chunked")
        body = chunked(chance, body)
    else:
        close = True
    return b"\r\n".join(lines) + b"\r\n\r\n" + body, close


def mutated(chance, data):
    for _ in range(chance.choice([0, 1, 1, 2])):
        head_end = data.find(b"\r\n\r\n") + 4
        at = chance.randrange(head_end if chance.random() < 0.7 else len(data))
        to = min(len(data), at + chance.choice([0, 1, 1, 4, 16]))
        kind = chance.randrange(6)
        if kind == 0:
            data = data[:at] + data[to:]
        elif kind == 1:
            data = data[:at] + bytes([chance.randrange(256)]) + data[to:]
        elif kind == 2:
            data = data[:at] + chance.choice(WORDS) + data[to:]
        elif kind == 3:
            ends = [0] + [i + 2 for i in range(head_end - 2) if data[i:i + 2] == b"\r\n"]
            at = chance.choice(ends)
            data = data[:at] + chance.choice(LINES) + data[at:]
        elif kind == 4:
            data = data[:at]
        else:
            data = data + chance.choice([b"x", b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"])
        if b"\r\n\r\n" not in data:
            break
    return data


def said(blob, body):
    """Whether these octets are in what the origin sent: as they are, or, in this order, with the framing of chunks between them."""
    left = iter(blob)
    return body in blob or (b"chunked" in blob.lower() and all(each in left for each in body))


def ask(client, path, method="GET"):
    """The answer, and whether it is whole; None: the connection ended before one."""
    client.ask(path, method=method)
    try:
        response = client.response(method, body=False)
    except Closed:
        return None, False
    try:
        client.read_body(response, method)
        return response, True
    except Closed as closed:
        response.body = b"".join(response.chunks) or closed.got
        return response, False


def one(chance, number, counts):
    good, close = some_answer(chance, number)
    blob = mutated(chance, good)
    close = close or blob != good and chance.random() < 0.95
    cuts = sorted(chance.randrange(len(blob) + 1) for _ in range(chance.choice([0, 0, 1, 3])))
    origin.blobs[number] = ([blob[a:b] for a, b in zip([0, *cuts], [*cuts, len(blob)]) if b > a], close)
    method = chance.choice(["GET", "GET", "GET", "HEAD"])
    why = f"{method} of {blob[:600]!r}, {'closed' if close else 'kept open'}"
    bodies = []
    for again in range(2):
        with weir.site() as client:
            response, whole = ask(client, f"/{number}", method if not again else "GET")
            expect(response is not None, f"no answer at all to {why}")
            if response.status in (502, 504) and b"answered by weir" in response.body or (method == "HEAD" and not again):
                counts["refused" if response.status in (502, 504) else "HEAD"] += 1
            else:
                expect(said(blob, response.body), f"not what the origin said: {response} to {why}")
                counts["whole" if whole else "cut"] += 1
                bodies += [response.body] if whole else []
                if blob == good:
                    expect(whole and response.body == (b"<%d>" % number) * (len(response.body) // len(b"<%d>" % number)), f"{response} to what is good: {why}")
            if blob == good:
                expect(response.status in (200, 404), f"{response} to what is good: {why}")
            if whole and "close" not in response.field("Connection", "").lower():
                after, _ = ask(client, f"/ok/{number}")
                expect(after is None or after.body == b"ok <%d>" % number, f"the next answer is {after} after {why}")
        with weir.site() as client:
            after, _ = ask(client, f"/ok/{number}")
            expect(after is not None and after.body == b"ok <%d>" % number, f"another client's answer is {after} after {why}")
    del origin.blobs[number]


@test(f"W6 seed {SEED}: of mutated answers a client gets only what the origin said, once, or an error")
def _():
    counts, failed, end = collections.Counter(), [], time.monotonic() + SECONDS

    def work(index):
        chance, number = random.Random(SEED * 1000 + index), index
        try:
            while not failed and (number < CASES or time.monotonic() < end):
                one(chance, number, counts)
                number += THREADS
        except Exception as error:  # told by the test's own thread
            failed.append(error)
    threads = [threading.Thread(target=work, args=(index,)) for index in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if failed:
        raise failed[0]
    print(f"# {dict(counts)}", flush=True)
    expect(counts["whole"] > CASES // 2 and counts["refused"] > CASES // 20 and weir.alive, str(counts))


main(origin, weir)
