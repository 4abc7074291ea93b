# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end fuzzers share: an origin that keeps what it gets, and the comparison of that with what was meant."""
import collections
import socket
import threading

from .strict import Message, messages
from .tap import Failure, expect, expect_equal

# What weir writes itself, takes off, or may change (W5, W7.2): not compared.
OWN = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"content-length", b"host",
       b"expect", b"via", b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-host", b"x-original-url",
       b"x-rewrite-url", b"http2-settings", b"max-forwards", b"proxy-authorization"}
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: www.test\r\n\r\n"
WORDS = [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\n\n", b" ", b"\t", b"\x00", b"\x0b", b"\x0c", b"\x7f", b"\x80", b"\xa0", b"\xff", b":", b",", b";", b'"',
         b"#", b"%", b"%0d%0a", b"\\", b"0", b"0\r\n\r\n", b"+", b"-1", b"0x", b"_", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
         b"content-length:7\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding:\x0bchunked\r\n",
         b"Transfer-Encoding : chunked\r\n", b" Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked, chunked\r\n", b"TE: trailers\r\n",
         b"Connection: close\r\n", b"Connection: Content-Length\r\n", b"Connection: transfer-encoding, host\r\n", b"Host: other.test\r\n", b"Host:\r\n",
         b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n", b"Trailer: X\r\n", b"X: y\r\n z\r\n", b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"HTTP/1.9",
         b"http://www.test", b"http://a@www.test/", b"//", b"*", b"/../", b"FFFFFFFFFFFFFFFF\r\n", b"18446744073709551617", b"5\r\n", SMUGGLED]


def told(message):
    """What a message says, to compare."""
    named = set(message.members(b"connection"))
    fields = [(name, value) for name, value in message.fields if name not in OWN and name not in named]
    return message.method, message.target, message.host, tuple(sorted(fields))


class Server:
    """A socket whose connections are given to talk(peer), each in a thread of its own."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.sock.getsockname()[1]
        self.name = f"127.0.0.1:{self.port}"

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer = self.sock.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def stop(self):
        self.sock.close()

    abandon = stop


class Recorder(Server):
    """An origin that answers every request with 200, and keeps the bytes of each connection."""

    def __init__(self):
        super().__init__()
        self.mutex = threading.Lock()
        self.got = []  # messages, in the order they ended

    def talk(self, peer):
        kept = b""
        with peer:
            try:
                while piece := peer.recv(65536):
                    kept = self.take(peer, kept + piece)
            except OSError:
                pass
        if kept:
            self.keep(messages(kept)[0] or [f"a head without an end: {kept[:400]!r}"])

    def take(self, peer, data):
        """Answers what is whole; gives what is left. weir sends a request after the answer to the last one, no sooner."""
        found, why = messages(data)
        if why not in (None, "cut", "close") or len(found) > 1:
            self.keep([f"{why or len(found)}: {data[:400]!r}"])
            return b""
        if not found or found[0].cut:
            if found and b"100-continue" in found[0].members(b"expect") and not found[0].body:
                peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            return data
        self.keep(found)
        peer.sendall(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\n" + (b"" if found[0].method == b"HEAD" else b"ok"))
        return b""

    def keep(self, found):
        with self.mutex:
            self.got.extend(found)

    def take_all(self):
        with self.mutex:
            got, self.got = self.got, []
            return got


class Intended:
    """The messages that clients have sent so far, by what they say; an origin may see each once."""

    def __init__(self):
        self.bodies = collections.defaultdict(list)

    def add(self, message):
        self.bodies[told(message)].append(message)

    def take(self, got):
        left = self.bodies.get(told(got), [])
        for each in left:
            if each.body.startswith(got.body) if got.cut else each.body == got.body and not each.cut:
                left.remove(each)
                return
        raise Failure(f"the origin got what nobody sent: {got}")

    def check(self, origin, shown, counts):
        """What the Recorder got since the last time must be of these; `shown`: what was sent, for who has to look into it."""
        for got in origin.take_all():
            expect(isinstance(got, Message), f"the origin cannot read it: {got}\nsent {shown}")
            expect_equal(got.all(b"x-forwarded-host"), got.all(b"host"), f"X-Forwarded-Host of {shown}")
            try:
                self.take(got)
            except Failure as failure:
                raise Failure(f"{failure}\nsent {shown}") from None
            counts["forwarded"] += not got.cut


def judge(counts, number, weir):
    """A run of a fuzzer of requests is worth something, and weir is still there."""
    print(f"# {number} connections: {dict(counts)}", flush=True)
    expect(counts["forwarded"] > counts["intended"] * 95 // 100, f"most of what is good is refused: {counts}")
    expect(counts["refused"] > number // 10 and weir.alive, str(counts))
