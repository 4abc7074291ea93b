#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The end-to-end fuzzer: mutated requests through weir to an origin that keeps what it gets. Whatever is sent, the origin sees
whole messages of one meaning, and each is one of those that lib/strict.py finds in the bytes of the client: nothing is smuggled.
WEIR_SEED=N repeats a run; FUZZ_SECONDS=N goes on so long."""
import collections
import os
import random
import socket
import time

from lib import *
from lib.fuzz import SMUGGLED, WORDS, Intended, Recorder, judge
from lib.strict import messages

SEED = int(os.environ.get("WEIR_SEED", "1"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "600" if LONG else "0"))
CASES = 5_000
chance = random.Random(SEED)


# ---- what is sent

def some_body():
    return chance.choice([b"", b"x", b"hello", SMUGGLED, b"0\r\n\r\n" + SMUGGLED, b"5\r\nhello\r\n0\r\n\r\n", b"z" * chance.randrange(3000)])


def chunked(body):
    text = b""
    while body:
        n = chance.randrange(1, len(body) + 1)
        ext = chance.choice([b"", b"", b";a", b";a=b", b'; a="b;c"'])
        text += (b"%x" % n if chance.random() < 0.5 else b"%04X" % n) + ext + b"\r\n" + body[:n] + b"\r\n"
        body = body[n:]
    return text + b"0\r\n" + chance.choice([b"", b"", b"X-Trailer: t\r\n", b"Content-Length: 3\r\n"]) + b"\r\n"


def some_request(number):
    method = chance.choice([b"GET", b"GET", b"POST", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"BREW"])
    path = b"/%d" % number + chance.choice([b"", b"?a=b", b"/a%2Fb", b";p", b"/?x=http://y/"])
    target = path if chance.random() < 0.85 else b"http://abs.test" + path
    lines = [method + b" " + target + chance.choice([b" HTTP/1.1"] * 9 + [b" HTTP/1.0"]), b"Host: www.test"]
    for _ in range(chance.randrange(4)):
        lines.append(chance.choice([b"X-A: b", b"x-empty:", b"X-Obs: \xe4\xff", b"Accept: */*", b"Cookie: a=b; c=d", b"X-List: a, b", b"x-list:\tc \t",
                                    b"Connection: keep-alive", b"Connection: X-A", b"Content_Length: 9", b"Content-Type: text/plain"]))
    body = some_body() if method not in (b"GET", b"HEAD") or chance.random() < 0.2 else b""
    if body or chance.random() < 0.2:
        if chance.random() < 0.5:
            lines.append(b"Content-Length: %d" % len(body))
        else:
            lines.append(b"Transfer-Encoding: " + chance.choice([b"chunked", b"chunked", b"Chunked"]))
            body = chunked(body)
    if chance.random() < 0.3:
        lines[1:] = chance.sample(lines[1:], len(lines) - 1)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def mutated(data):
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        at = chance.randrange(len(data) + 1)
        to = min(len(data), at + chance.choice([0, 1, 1, 2, 4, 16]))
        kind = chance.randrange(6)
        if kind == 0:
            data = data[:at] + data[to:]
        elif kind == 1:
            data = data[:at] + bytes([chance.randrange(256)]) + data[to:]
        elif kind == 2:
            data = data[:to] + data[at:]
        elif kind == 3:  # at the head of a line, where a field begins
            ends = [i + 2 for i in range(len(data) - 1) if data[i:i + 2] == b"\r\n"]
            at = chance.choice(ends) if ends else at
            data = data[:at] + chance.choice(WORDS) + data[at:]
        else:
            data = data[:at] + chance.choice(WORDS) + data[to:]
    return data


def pieces(data):
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice([0, 0, 1, 3])))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)]) if b > a]


def send_all(data):
    """Everything, and the end; gives all that comes back."""
    answer = b""
    with socket.create_connection(weir.listener("site"), DEADLINE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces(data):
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it was refused before it was all there
        try:
            while piece := sock.recv(65536):
                answer += piece
        except ConnectionError:
            pass
    return answer


origin = Recorder()
weir = Weir(f"""
state $DIR/state
admin {{ socket $DIR/admin.sock }}
log {{ errors $DIR/errors }}
pool o {{ server {origin.name} }}
site * {{ listen 127.0.0.1:0; route / {{ pool o }} }}
""")


@test(f"W3.4 W3.8 seed {SEED}: of mutated requests the origin gets only what was meant")
def _():
    intended, counts = Intended(), collections.Counter()
    end = time.monotonic() + SECONDS
    number = 0
    while number < CASES or time.monotonic() < end:
        number += 1
        data = b"".join(mutated(some_request(number * 10 + i)) for i in range(chance.choice([1, 1, 2, 3])))
        sent, why = messages(data)
        for each in sent:
            intended.add(each)
        counts["refused" if why not in (None, "cut", "close") else "good"] += 1
        answer = send_all(data)
        expect(not data or answer == b"" or answer.startswith(b"HTTP/1.1 "), f"an answer that is none: {answer[:200]!r} to {data!r}")
        counts["answered 200"] += answer.count(b"HTTP/1.1 200 OK\r\n")
        counts["intended"] += sum(not each.cut for each in sent)
        intended.check(origin, f"{data!r}\nmeant {sent} {why}", counts)
    judge(counts, number, weir)


main(origin, weir)
