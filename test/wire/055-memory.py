#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The process stays within `memory` and its stated overhead (doc/notes/memory.md) while the working set is many times
larger: of small objects, of large ones, and of large ones after small ones. WEIR_LONG=1: a million objects of 1 KiB, a
thousand of 10 MiB."""
import multiprocessing
import os
import socket
import threading

from lib import *

SMALL, LARGE = 1024, (10 << 20) if LONG else (1 << 20)
MEMORY = 128 << 20 if LONG else 16 << 20
COUNTS = {"small": 1_000_000 if LONG else 100_000, "large": 1_000 if LONG else 200}
CLIENTS = 2
BODY = {"small": b"s" * SMALL, "large": b"l" * LARGE}
ANSWER = {kind: fresh(body, 'ETag: "0123456789abcdef"', "Content-Type: text/plain") for kind, body in BODY.items()}


def serve(sock):
    """A fast origin, in a process of its own: what the path begins with says what comes."""
    def talk(peer):
        while request := peer.recv(8192):
            peer.sendall(ANSWER["small" if b" /small" in request else "large"])

    while True:
        threading.Thread(target=talk, args=(sock.accept()[0],), daemon=True).start()


class FastOrigin:
    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.sock.getsockname()[1]
        self.name = f"127.0.0.1:{self.port}"
        self.process = multiprocessing.Process(target=serve, args=(self.sock,), daemon=True)

    def start(self):
        self.process.start()

    def stop(self):
        self.process.kill()
        self.process.join()

    abandon = stop


def ask(address, kind, numbers, failed):
    with Client(address) as client:
        for number in numbers:
            client.send(head(f"GET /{kind}/{number} HTTP/1.1", "Host: www.test"))
            answered = client.head(Response)
            body = client.exactly(len(BODY[kind]))
            if answered.status != 200 or body != BODY[kind]:
                failed.set()
                return


def fetch(kind):
    """Gets COUNTS[kind] objects; gives the most memory that weir had meanwhile."""
    failed = multiprocessing.Event()
    clients = [multiprocessing.Process(target=ask, args=(weir.listener("site"), kind, range(i, COUNTS[kind], CLIENTS), failed)) for i in range(CLIENTS)]
    for client in clients:
        client.start()
    peak = 0
    while any(client.is_alive() for client in clients):
        peak = max(peak, weir.memory())
        clients[0].join(0.02)
    expect(not failed.is_set() and all(client.exitcode == 0 for client in clients), "a client got something else")
    return max(peak, weir.memory())


origin = FastOrigin()
# Without the log, whose memory (stated with `memory` in weir.conf(5)) comes on top.
text = config(origin, cache=f"memory {MEMORY >> 20}MB object-max 16MB").replace("log { sqlite $DIR/log }\n", "")
expect("sqlite" not in text, "there is a log")
weir = Weir(text)


def holds(kind, grown, overhead):
    status = weir.ctl_json("status")["caches"][0]
    print(f"# {COUNTS[kind]} of {len(BODY[kind])} bytes: memory rose by {grown >> 10} KiB, {grown / MEMORY:.2f} of the tier's; "
          f"{status['entries']} entries, {status['memory_used'] / status['entries']:.0f} bytes each; room {status['memory_room'] >> 10} KiB", flush=True)
    expect(status["memory_used"] <= status["memory_room"] <= MEMORY and status["evictions"] > 0, str(status))
    expect_grown(grown, MEMORY + overhead + (8 << 20) + CLIENTS * 2 * len(BODY[kind]))
    return status


def start_anew():
    if os.environ.get("WEIR_SANITIZED") == "1":
        raise Skip("a sanitizer's heap keeps what was freed")
    weir.restart()
    return weir.memory()


@table("{} objects: memory and an eighth, and what is being fetched", [("small",) * 2, ("large",) * 2])
def _(kind):
    idle = start_anew()
    status = holds(kind, fetch(kind) - idle, MEMORY // 8)
    expect(status["memory_used"] > MEMORY * 7 / 10, str(status))


@test("small objects give way to large ones: three quarters for a moment, then an eighth again")
def _():
    idle = start_anew()
    fetch("small")
    holds("large", fetch("large") - idle, MEMORY * 3 // 4)
    holds("large", fetch("large") - idle, MEMORY // 8)


main(origin, weir)
