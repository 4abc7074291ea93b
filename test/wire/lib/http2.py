# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 by hand: frames as a test wants them, heads as literals, and just enough of HPACK to read a
status (this client's table has no room, so that nothing is indexed)."""
import socket
import struct

from .http1 import Closed, Stream, to_bytes
from .tap import DEADLINE, Failure, expect
from .tls import context

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
NAMES = "DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH PING GOAWAY WINDOW_UPDATE CONTINUATION".split()
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
STATUS = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
ERRORS = "NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR " \
         "REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY HTTP_1_1_REQUIRED".split()
DIGITS = {"00000": "0", "00001": "1", "00010": "2", "011001": "3", "011010": "4", "011011": "5", "011100": "6", "011101": "7",
          "011110": "8", "011111": "9"}


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack("!I", size)[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def number(value, prefix, first=0):
    """An integer of HPACK (RFC 7541 5.1)."""
    most = (1 << prefix) - 1
    if value < most:
        return bytes([first | value])
    out, value = bytes([first | most]), value - most
    while value >= 128:
        out, value = out + bytes([value % 128 + 128]), value // 128
    return out + bytes([value])


def literal(name, value):
    name, value = to_bytes(name), to_bytes(value)
    return b"\x00" + number(len(name), 7) + name + number(len(value), 7) + value


def block(*pairs):
    return b"".join(literal(name, value) for name, value in pairs)


def status_of(data):
    while data and data[0] & 0xe0 == 0x20:  # a new size of the table
        data = data[1:]
    if data[0] & 0x80:
        return STATUS.get(data[0] & 0x7f, 0)
    coded, length = data[1] & 0x80, data[1] & 0x7f
    text = data[2:2 + length]
    if not coded:
        return int(text)
    bits = "".join(f"{byte:08b}" for byte in text)
    found = ""
    while len(found) < 3:
        size = 5 if bits[:5] in DIGITS else 6
        found, bits = found + DIGITS[bits[:size]], bits[size:]
    return int(found)


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    def __repr__(self):
        name = NAMES[self.kind] if self.kind < len(NAMES) else self.kind
        return f"<{name} stream {self.stream} flags {self.flags:#x} {len(self.payload)}: {self.payload[:60]!r}>"

    @property
    def error(self):
        at = 4 if self.kind == GOAWAY else 0
        return ERRORS[struct.unpack("!I", self.payload[at:at + 4])[0]]


class Answer:
    """What came on a stream until it ended: status, body, how many heads, the error of a reset."""

    def __init__(self):
        self.status, self.interim, self.head, self.body, self.heads, self.error, self.ended = 0, [], b"", b"", 0, None, False
        self.trailers = b""

    def __repr__(self):
        return f"<{self.status} ended {self.ended} error {self.error} body {len(self.body)}: {self.body[:100]!r}>"


class H2Client(Stream):
    """`name`: over TLS with this SNI; else h2c by prior knowledge. `before`: bytes sent in clear first."""

    def __init__(self, address, name=None, ca=None, window=None, settings=(), start=True, before=b""):
        sock = socket.create_connection(address, DEADLINE)
        sock.sendall(before)
        if name:
            sock = context(ca, alpn=["h2"]).wrap_socket(sock, server_hostname=name)
            expect(sock.selected_alpn_protocol() == "h2", f"ALPN chose {sock.selected_alpn_protocol()}")
        super().__init__(sock)
        self.next = 1
        self.answers = {}
        self.gone = None
        self.given, self.taken, self.first = {0: 65535}, {}, 65535  # windows for our DATA, and what was sent of them
        if start:
            values = [(1, 0), *settings] + ([(4, window)] if window is not None else [])
            self.send(PREFACE + frame(SETTINGS, 0, 0, b"".join(struct.pack("!HI", *each) for each in values)))
            if window is None:
                self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 0x7f000000 - 65535)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, *pieces):
        for piece in pieces:
            try:
                self.sock.sendall(piece)
            except OSError:
                return False
        return True

    def frame(self):
        header = self.exactly(9)
        length = struct.unpack("!I", b"\0" + header[:3])[0]
        kind, flags, stream = struct.unpack("!BBI", header[3:])
        return Frame(kind, flags, stream & 0x7fffffff, self.exactly(length))

    def fields(self, path="/", *more, method="GET", scheme="http", host="www.test"):
        return [(":method", method), (":scheme", scheme), (":authority", host), (":path", path), *more]

    def ask(self, path="/", *more, end=True, **keys):
        return self.headers(*self.fields(path, *more, **keys), end=end)

    def headers(self, *pairs, end=True):
        stream, self.next = self.next, self.next + 2
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block(*pairs)))
        return stream

    def data(self, stream, body=b"", end=True):
        for each in (0, stream):
            self.taken[each] = self.taken.get(each, 0) + len(body)
        self.send(frame(DATA, END_STREAM if end else 0, stream, to_bytes(body)))

    def room(self, stream):
        return min(self.given[0] - self.taken.get(0, 0), self.first + self.given.get(stream, 0) - self.taken.get(stream, 0))

    def upload(self, stream, body):
        """All of it and the end, as the windows allow."""
        while body:
            while not self.room(stream):
                self.step()
            size = min(self.room(stream), len(body), 16384)
            self.data(stream, body[:size], end=size == len(body))
            body = body[size:]

    def step(self, give=True):
        """Takes one frame in. `give`: opens the windows again for what came."""
        got = self.frame()
        answer = self.answers.setdefault(got.stream, Answer())
        if got.kind == WINDOW_UPDATE:
            self.given[got.stream] = self.given.get(got.stream, 0) + struct.unpack("!I", got.payload)[0]
        if got.kind == SETTINGS and not got.flags & ACK:
            self.first = dict(struct.unpack("!HI", got.payload[i:i + 6]) for i in range(0, len(got.payload), 6)).get(4, 65535)
            self.send(frame(SETTINGS, ACK))
        elif got.kind == PING and not got.flags & ACK:
            self.send(frame(PING, ACK, 0, got.payload))
        elif got.kind == HEADERS:
            answer.heads += 1
            if answer.status >= 200:
                answer.trailers = got.payload
            else:
                status = status_of(got.payload)
                answer.interim += [status] if status < 200 else []
                answer.status, answer.head = (status, got.payload) if status >= 200 else (0, b"")
        elif got.kind == DATA:
            answer.body += got.payload
            if give and got.payload:
                size = struct.pack("!I", len(got.payload))
                self.send(frame(WINDOW_UPDATE, 0, 0, size) + (frame(WINDOW_UPDATE, 0, got.stream, size)
                                                              if not got.flags & END_STREAM else b""))
        elif got.kind == RST_STREAM:
            answer.error = answer.error or got.error
        elif got.kind == GOAWAY:
            self.gone = got.error
        if got.kind in (HEADERS, DATA) and got.flags & END_STREAM:
            answer.ended = True
        return got

    def seen(self, stream):
        """What came on the stream so far."""
        return self.answers.setdefault(stream, Answer())

    def answer(self, stream):
        """Frames until the stream has ended or was reset."""
        answer = self.answers.setdefault(stream, Answer())
        while not answer.ended and answer.error is None:
            self.step()
        return answer

    def get(self, path="/", *more, **keys):
        return self.answer(self.ask(path, *more, **keys))

    def until_gone(self):
        """The error of GOAWAY; the connection must end after it."""
        try:
            while True:
                self.step()
        except Closed:
            return self.gone
        except TimeoutError:
            raise Failure(f"the connection was not closed; GOAWAY {self.gone}") from None
