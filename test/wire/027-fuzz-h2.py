#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The end-to-end fuzzer of HTTP/2: mutated field lists, bodies in any pieces, many streams, through weir to an origin of HTTP/1.1
that keeps what it gets. Each message there is one that RFC 9113 section 8 finds on a stream: what a pseudo field or a value holds
never becomes a line, a field or a second request. WEIR_SEED=N repeats a run; FUZZ_SECONDS=N goes on so long. W10.1, W10.2."""
import collections
import os
import random
import struct
import time

from lib import *
from lib.fuzz import SMUGGLED, WORDS, Intended, Recorder, judge
from lib.strict import Refused, h2_message

SEED = int(os.environ.get("WEIR_SEED", "1"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "600" if LONG else "0"))
CASES = 1_500
DATA, HEADERS, RST_STREAM, CONTINUATION = 0, 1, 3, 9
END_STREAM, END_HEADERS = 1, 4
NAMES = [b":method", b":path", b":authority", b":scheme", b":status", b":protocol", b":foo", b"host", b"content-length", b"transfer-encoding", b"connection",
         b"te", b"expect", b"cookie", b"x-a", b"X-A", b"x a", b"x-a\r\nsmuggled: 1", b"", b":", b"x:y", b"trailer", b"upgrade", b"via"]
chance = random.Random(SEED)


def some_list(number):
    method = chance.choice([b"GET", b"GET", b"POST", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"BREW"])
    path = b"/%d" % number + chance.choice([b"", b"?a=b", b"/a%2Fb", b";p", b"/?x=http://y/"])
    pairs = [(b":method", method), (b":scheme", b"http"), (b":authority", b"www.test"), (b":path", path)]
    for _ in range(chance.randrange(5)):
        pairs.append(chance.choice([(b"x-a", b"b"), (b"x-empty", b""), (b"x-obs", b"\xe4\xff"), (b"accept", b"*/*"), (b"cookie", b"a=b"), (b"cookie", b"c=d"),
                                    (b"te", b"trailers"), (b"host", b"www.test"), (b"content_length", b"9"), (b"x-list", b"a, b")]))
    body = b"" if method in (b"GET", b"HEAD") and chance.random() < 0.8 else chance.choice(
        [b"", b"x", b"hello", SMUGGLED, b"0\r\n\r\n" + SMUGGLED, b"z" * chance.randrange(30000)])
    if body and chance.random() < 0.5:
        pairs.append((b"content-length", b"%d" % len(body)))
    return pairs, body


def mutated(pairs):
    for _ in range(chance.choice([0, 0, 1, 1, 2])):
        at = chance.randrange(len(pairs))
        name, value = pairs[at]
        kind = chance.randrange(7)
        if kind == 0:
            pairs = pairs[:at] + pairs[at + 1:] or pairs
        elif kind == 1:
            pairs = pairs[:at] + [pairs[at]] + pairs[at:]
        elif kind == 2:
            other = chance.randrange(len(pairs))
            pairs = [*pairs]
            pairs[at], pairs[other] = pairs[other], pairs[at]
        elif kind == 3:
            pairs = pairs[:at] + [(chance.choice(NAMES), value)] + pairs[at + 1:]
        elif kind == 4:
            pairs = pairs[:at] + [(chance.choice(NAMES), chance.choice([b"x", b"chunked", b"5", b"close", b"trailers", b"other.test", SMUGGLED]))] + pairs[at:]
        else:
            cut = chance.randrange(len(value) + 1)
            pairs = pairs[:at] + [(name, value[:cut] + chance.choice(WORDS) + value[cut:])] + pairs[at + 1:]
    return pairs


def head_frames(stream, pairs, end):
    """HEADERS, and CONTINUATION in any pieces."""
    coded = block(*pairs)
    cuts = sorted(chance.randrange(len(coded) + 1) for _ in range(chance.choice([0, 0, 0, 2])))
    parts = [coded[a:b] for a, b in zip([0, *cuts], [*cuts, len(coded)])]
    frames = [frame(HEADERS if i == 0 else CONTINUATION, (END_STREAM if end and i == 0 else 0) | (END_HEADERS if i == len(parts) - 1 else 0), stream, part)
              for i, part in enumerate(parts)]
    return b"".join(frames)


def data_frames(stream, body, ended):
    """DATA in any pieces; the end with the last, or as a frame of its own, or as trailers."""
    cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.choice([0, 1, 3])))
    parts = [body[a:b][i:i + 16384] for a, b in zip([0, *cuts], [*cuts, len(body)]) for i in range(0, max(b - a, 1), 16384)]
    out = b"".join(frame(DATA, 0, stream, part) for part in parts if part)
    if not ended:
        return out + frame(RST_STREAM, 0, stream, struct.pack("!I", 8))
    if chance.random() < 0.2:
        return out + head_frames(stream, [(b"x-trailer", b"t")], True)
    return out + frame(DATA, END_STREAM, stream)


origin = Recorder()
weir = Weir(f"""
state $DIR/state
admin {{ socket $DIR/admin.sock }}
log {{ errors $DIR/errors }}
pool o {{ server {origin.name} }}
site * {{ listen 127.0.0.1:0 http1 http2; route / {{ pool o }} }}
""")


def converse(number, intended, counts):
    """One connection: what it sends is what is meant."""
    shown = []
    with H2Client(weir.listener("site")) as client:
        streams = []
        for i in range(chance.choice([1, 1, 2, 4])):
            pairs, body = some_list(number * 10 + i)
            pairs = mutated(pairs)
            ended = chance.random() < 0.95
            bare = not body and ended and chance.random() < 0.7
            stream, client.next = client.next, client.next + 2
            try:
                message = h2_message(pairs, body, ended)
                intended.add(message)
                counts["cut" if message.cut else "intended"] += 1
            except Refused:
                counts["refused"] += 1
            shown.append((pairs, body[:100], ended))
            client.send(head_frames(stream, pairs, bare) + (b"" if bare else data_frames(stream, body, ended)))
            if ended:
                streams.append(stream)
        try:
            for stream in streams:
                counts["answered 200"] += client.answer(stream).status == 200
        except (Closed, ConnectionError):
            counts["connections ended"] += 1
    return shown


@test(f"W10.1 W10.2 seed {SEED}: of mutated field lists the origin gets only what was meant")
def _():
    intended, counts = Intended(), collections.Counter()
    end = time.monotonic() + SECONDS
    number = 0
    while number < CASES or time.monotonic() < end:
        number += 1
        intended.check(origin, converse(number, intended, counts), counts)
    judge(counts, number, weir)


main(origin, weir)
