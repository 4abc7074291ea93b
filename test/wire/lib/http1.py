# SPDX-License-Identifier: Apache-2.0
"""Just enough HTTP/1: reads messages strictly and keeps their bytes; writes whatever a test wants."""
import socket

from .tap import DEADLINE


class Closed(Exception):
    """The peer closed, or reset, before the message was complete."""

    def __init__(self, got, reset=False):
        super().__init__(f"closed{' by reset' if reset else ''} after {got[:200]!r}")
        self.got = got
        self.reset = reset


class Malformed(Exception):
    pass


def to_bytes(text):
    return text.encode("latin-1") if isinstance(text, str) else text


class Fields(list):
    """Lines of (name, value), in order, as received."""

    def all(self, name):
        return [value for each, value in self if each.lower() == name.lower()]

    def __call__(self, name, default=None):
        """All lines of the field, joined by comma and space; `default` without any."""
        values = self.all(name)
        return ", ".join(values) if values else default

    def __contains__(self, name):
        return bool(self.all(name))


class Message:
    def __init__(self, line, fields, raw):
        self.line = line
        self.fields = fields
        self.raw = raw
        self.body = b""
        self.trailers = Fields()
        self.chunks = []

    def field(self, name, default=None):
        return self.fields(name, default)


class Request(Message):
    def __init__(self, line, fields, raw):
        super().__init__(line, fields, raw)
        self.method, self.target, self.version = line.split(" ", 2)


class Response(Message):
    def __init__(self, line, fields, raw):
        super().__init__(line, fields, raw)
        parts = line.split(" ", 2)
        self.version = parts[0]
        self.status = int(parts[1])
        self.reason = parts[2] if len(parts) > 2 else ""
        self.interim = []

    def __repr__(self):
        return f"<{self.line!r} {list(self.fields)} body {len(self.body)}: {self.body[:120]!r}>"

    @property
    def age(self):
        return int(self.field("Age", "-1"))

    @property
    def cache(self):
        """weir's own member of Cache-Status: {"hit": True, "fwd": ..., ...}; {} without."""
        members = self.field("Cache-Status", "").split(",")
        parameters = [each.strip() for each in members[-1].split(";")][1:]
        pairs = (each.partition("=") for each in parameters)
        return {name: value.strip('"') if is_pair else True for name, is_pair, value in pairs}

    @property
    def hit(self):
        return bool(self.cache.get("hit"))


class Stream:
    """A socket with a buffer: the reading half of both the client and the origin."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(DEADLINE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) if sock.family != socket.AF_UNIX else None
        self.buffer = b""

    def _more(self, so_far=b""):
        try:
            data = self.sock.recv(262144)
        except ConnectionError:
            raise Closed(so_far + self.buffer, reset=True) from None
        if not data:
            raise Closed(so_far + self.buffer)
        self.buffer += data

    def until(self, mark):
        while mark not in self.buffer:
            self._more()
        found = self.buffer.index(mark) + len(mark)
        taken, self.buffer = self.buffer[:found], self.buffer[found:]
        return taken

    def exactly(self, count):
        parts, have = [self.buffer[:count]], min(count, len(self.buffer))
        self.buffer = self.buffer[count:]
        while have < count:
            try:
                self._more()
            except Closed as closed:
                raise Closed(b"".join(parts), closed.reset) from None
            part = self.buffer[:count - have]
            self.buffer = self.buffer[len(part):]
            parts.append(part)
            have += len(part)
        return b"".join(parts)

    def to_end(self):
        """Everything until the peer closes (a reset is Closed)."""
        parts = [self.buffer]
        self.buffer = b""
        while True:
            try:
                data = self.sock.recv(262144)
            except ConnectionError:
                raise Closed(b"".join(parts), reset=True) from None
            if not data:
                return b"".join(parts)
            parts.append(data)

    def head(self, kind):
        raw = self.until(b"\r\n\r\n")
        lines = raw[:-4].split(b"\r\n")
        fields = Fields()
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or not name or name != name.strip() or b"\n" in line or b"\r" in line:
                raise Malformed(f"field line {line!r}")
            fields.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))
        try:
            return kind(lines[0].decode("latin-1"), fields, raw)
        except (ValueError, IndexError):
            raise Malformed(f"start line {lines[0]!r}") from None

    def chunked(self, message):
        while True:
            line = self.until(b"\r\n")[:-2]
            size = int(line.split(b";")[0], 16)
            if size == 0:
                break
            data = self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise Malformed(f"no CRLF after a chunk of {size}")
            message.chunks.append(data)
        while (line := self.until(b"\r\n")[:-2]):
            name, _, value = line.decode("latin-1").partition(":")
            message.trailers.append((name, value.strip()))
        message.body = b"".join(message.chunks)


def head(start, *fields):
    """Start line and field lines, as one head. Fields are "Name: value" lines; None is left out."""
    lines = [to_bytes(each) for each in (start, *fields) if each is not None]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def answer(body=b"", *fields, status=200, reason="OK"):
    """A response with Content-Length."""
    body = to_bytes(body)
    return head(f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", *fields) + body


def fresh(body=b"", *fields, seconds=3600, **keys):
    """A response that may be stored, fresh for `seconds`."""
    return answer(body, f"Cache-Control: max-age={seconds}", *fields, **keys)


def chunks(*pieces, trailers=()):
    """The chunked coding of the pieces, one chunk each."""
    coded = b"".join(b"%x\r\n%s\r\n" % (len(to_bytes(each)), to_bytes(each)) for each in pieces if each)
    return coded + b"0\r\n" + b"".join(to_bytes(each) + b"\r\n" for each in trailers) + b"\r\n"
