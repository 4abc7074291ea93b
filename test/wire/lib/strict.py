# SPDX-License-Identifier: Apache-2.0
"""What WIRE_RULES sections 1 to 4 take for a request, written down a second time and without regard to speed: the model that
the end-to-end fuzzer compares weir with. Reads the bytes of a whole connection at once."""
import dataclasses
import re

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
PATH = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})*\Z")
HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+(?::[0-9]{0,5})?\Z|\[[0-9A-Fa-f:.]+\](?::[0-9]{0,5})?\Z")
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
BLANK = b" \t"


class Refused(Exception):
    """The bytes are no request; nothing that follows them is one."""


class Cut(Exception):
    """The message has no end: the bytes do, or (`why`) they go wrong. `body`: what is there of its content, None: not even a whole head."""

    def __init__(self, body=None, why="cut"):
        super().__init__(why)
        self.body = body


@dataclasses.dataclass
class Message:
    method: bytes
    target: bytes  # origin-form
    host: bytes
    minor: int
    fields: list  # (name in lower case, value), in order
    body: bytes = b""
    cut: str = None  # why it has no end

    def all(self, name):
        return [value for each, value in self.fields if each == name]

    def members(self, name):
        return [each.strip(BLANK).lower() for value in self.all(name) for each in value.split(b",") if each.strip(BLANK)]

    @property
    def last(self):
        """Nothing after it is read (W5.8)."""
        options = self.members(b"connection")
        return b"close" in options or (self.minor == 0 and b"keep-alive" not in options)


def field_lines(text):
    fields = []
    for line in text.split(b"\r\n") if text else []:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name):
            raise Refused("W2.1 a field line")
        if CONTROL.search(value):
            raise Refused("W2.2 a control octet")
        fields.append((name.lower(), value.strip(BLANK)))
    return fields


def request_line(line):
    words = line.split(b" ")
    if len(words) != 3 or not TOKEN.match(words[0]) or len(words[0]) > 64:
        raise Refused("W1.2 a method, W1.4 separators")
    version = re.fullmatch(rb"HTTP/1\.([0-9])", words[2])
    if not version:
        raise Refused("W1.6 a version")
    return words[0], words[1], min(int(version[1]), 1)


def target_of(method, target):
    """The target as the origin sees it, and the host it names."""
    if target == b"*" and method == b"OPTIONS":
        return target, None
    host = None
    absolute = re.match(rb"https?://([^/?#]*)", target, re.I)
    if absolute:
        host, target = absolute[1], target[absolute.end():]
        if target[:1] != b"/":
            target = b"/" + target if target else b"*" if method == b"OPTIONS" else b"/"
    if target[:1] not in (b"/", b"*") or not PATH.match(target):
        raise Refused("W1.9 a target")
    return target, host


def normal_host(host):
    """In lower case, without the root's dot, a port as a number, without that of http (W7.2, W8.2)."""
    name, port = re.fullmatch(rb"(.*?)\.?(?::([0-9]*))?", host.lower()).groups()
    return name + (b":%d" % int(port) if port and int(port) != 80 else b"")


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def line(self, body=None):
        end = self.data.find(b"\r\n", self.at)
        bad = re.compile(rb"\n|\r(?!\n|\Z)").search(self.data, self.at, end if end >= 0 else len(self.data))
        if bad:
            raise Refused("W1.5 a bare CR or LF")
        if end < 0:
            raise Cut(body)
        line, self.at = self.data[self.at:end], end + 2
        return line

    def lines(self, body=None):
        """Up to and without the empty line."""
        lines = []
        while line := self.line(body):
            lines.append(line)
        return b"\r\n".join(lines)

    def chunked(self):
        body = b""
        while True:
            try:
                line = self.line(body)
                size, mark, _ = line.partition(b";")
                if mark:
                    size = size.rstrip(BLANK)
                if not re.fullmatch(rb"[0-9A-Fa-f]+", size) or CONTROL.search(line) or int(size, 16) >= 1 << 63:
                    raise Refused("W3.9 a chunk's size, W3.10 an extension")
                size = int(size, 16)
                if size == 0:
                    field_lines(self.lines(body))
                    return body
                data = self.data[self.at:self.at + size]
                end = self.data[self.at + size:self.at + size + 2]
                body += data
                self.at += size + 2
                if len(data) < size or (b"\r\n".startswith(end) and end != b"\r\n"):
                    raise Cut(body)
                if end != b"\r\n":
                    raise Refused("W3.11 a chunk's end")
            except Refused as refused:
                raise Cut(body, str(refused)) from None  # the head is on its way already (W3.13)

    def sized(self, size):
        body = self.data[self.at:self.at + size]
        self.at += len(body)
        if len(body) < size:
            raise Cut(body)
        return body

    def head(self):
        while self.data[self.at:self.at + 2] == b"\r\n":
            self.at += 2
        method, target, minor = request_line(self.line())
        text = self.lines()
        target, host = target_of(method, target)
        message = Message(method, target, b"", minor, field_lines(text))
        hosts = message.all(b"host")
        if len(hosts) > 1 or (not hosts and minor > 0) or any(each and not HOST.match(each) for each in hosts):
            raise Refused("W4.1 Host")
        if host is not None and not HOST.match(host):
            raise Refused("W4.3 an authority")
        message.host = normal_host(host if host is not None else hosts[0] if hosts else b"")
        return message

    def message(self):
        message = self.head()
        lengths, codings = message.all(b"content-length"), message.all(b"transfer-encoding")
        if codings:
            if lengths or message.minor == 0 or len(codings) > 1 or codings[0].lower() != b"chunked":
                raise Refused("W3.3 Transfer-Encoding")
            read = self.chunked
        else:
            if len(lengths) > 1 or any(not re.fullmatch(rb"[0-9]+", each) or int(each) >= 1 << 63 for each in lengths):
                raise Refused("W3.1 Content-Length")
            def read():
                return self.sized(int(lengths[0]) if lengths else 0)
        try:
            message.body = read()
        except Cut as cut:
            message.body, message.cut = cut.body, str(cut)
        return message


def messages(data):
    """The requests in the bytes of a connection, and why there are no more (None: all bytes are used up)."""
    reader, found = Reader(data), []
    try:
        while reader.at < len(data):
            found.append(reader.message())
            if found[-1].cut:
                return found, found[-1].cut
            if found[-1].last:
                return found, "close"
    except Refused as refused:
        return found, str(refused)
    except Cut:
        return found, "cut"
    return found, None


# ---- HTTP/2

CONNECTION_SPECIFIC = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}


def h2_message(pairs, body, ended):
    """The request that a field list and its DATA say (RFC 9113 8.1 to 8.3); Refused if they say none."""
    pseudo, fields, cookies = {}, [], []
    for name, value in pairs:
        if CONTROL.search(value) or value != value.strip(BLANK):
            raise Refused("8.2.1 a value")
        if name.startswith(b":"):
            if fields or cookies or name in pseudo or name not in (b":method", b":scheme", b":authority", b":path"):
                raise Refused("8.3 a pseudo field")
            pseudo[name] = value
        elif not TOKEN.match(name) or name != name.lower():
            raise Refused("8.2 a name")
        elif name in CONNECTION_SPECIFIC or (name == b"te" and value.lower() != b"trailers"):
            raise Refused("8.2.2 a field of the connection")
        elif name == b"cookie":
            cookies += [value] if value else []
        else:
            fields.append((name, value))
    method, scheme, path = (pseudo.get(each, b"") for each in (b":method", b":scheme", b":path"))
    if not TOKEN.match(method) or scheme != b"http" or method == b"CONNECT":
        raise Refused("8.3.1 a method, a scheme")
    message = Message(method, target_of(method, path)[0] if path[:1] in (b"/", b"*") else b"", b"", 1, fields, body)
    if not message.target:
        raise Refused("8.3.1 a path")
    if cookies:
        fields.append((b"cookie", b"; ".join(cookies)))
    lengths, hosts = message.all(b"content-length"), message.all(b"host")
    host = pseudo.get(b":authority") or (hosts[0] if hosts else b"")
    if len(hosts) > 1 or not HOST.match(host) or (hosts and hosts[0].lower() != host.lower()):
        raise Refused("8.3.1 Host and :authority")
    if len(lengths) > 1 or any(not re.fullmatch(rb"[0-9]+", each) for each in lengths):
        raise Refused("8.1.1 a length")
    if lengths and (int(lengths[0]) < len(body) or (ended and int(lengths[0]) != len(body))):
        message.cut = "8.1.1 another length"  # its head may be on its way
    elif not ended:
        message.cut = "cut"
    message.host = normal_host(host)
    return message
