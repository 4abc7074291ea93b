# SPDX-License-Identifier: Apache-2.0
"""PROXY headers as an origin reads them, by the specification and not by weir's own code."""
import socket
import struct

from .http1 import Closed
from .origin import Origin
from .tap import Failure
from .tls import TlsOrigin

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def exactly(sock, count):
    """No byte more: what follows may be TLS."""
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise Closed(data)
        data += part
    return data


def has_begun(sock):
    """Waits for the first byte. False: whoever has connected was ended before it said anything, as a check is by a stop."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except ConnectionError:
        return False


def read_proxy(sock):
    """(version, source, destination) at the front of a connection; addresses are None for LOCAL and UNKNOWN."""
    first = exactly(sock, 6)
    if first == b"PROXY ":
        line = b""
        while not line.endswith(b"\r\n"):
            line += exactly(sock, 1)
        words = line[:-2].decode().split(" ")
        if words == ["UNKNOWN"]:
            return 1, None, None
        family, source, destination, source_port, destination_port = words
        kind = {"TCP4": socket.AF_INET, "TCP6": socket.AF_INET6}[family]
        for text in (source, destination):
            socket.inet_pton(kind, text)
        return 1, (source, int(source_port)), (destination, int(destination_port))
    if first + exactly(sock, 6) != SIGNATURE:
        raise Failure(f"no PROXY header: {first!r}")
    command, family, size = struct.unpack("!BBH", exactly(sock, 4))
    rest = exactly(sock, size)
    if command == 0x20:
        return 2, None, None
    if command != 0x21 or (family, size) not in ((0x11, 12), (0x21, 36)):
        raise Failure(f"a PROXY header with command {command}, family {family}, length {size}")
    kind, each = (socket.AF_INET, 4) if family == 0x11 else (socket.AF_INET6, 16)
    ports = struct.unpack("!HH", rest[2 * each:])
    return 2, (socket.inet_ntop(kind, rest[:each]), ports[0]), (socket.inet_ntop(kind, rest[each:2 * each]), ports[1])


class ProxyOrigin(Origin):
    """An origin whose connections begin with a PROXY header. `headers`: those of all connections; a request has that of
    its own as `proxy`."""

    def __init__(self, **keys):
        super().__init__(**keys)
        self.headers = []

    def _serve(self, connection):
        if not has_begun(connection.sock):
            connection.close()
            return
        try:
            connection.proxy = read_proxy(connection.sock)
        except Exception as error:  # of another thread: told at the end
            self.errors.append(f"{type(error).__name__}: {error}")
            connection.close()
            return
        with self.lock:
            self.headers.append(connection.proxy)
        super()._serve(connection)


class ProxyTlsOrigin(ProxyOrigin, TlsOrigin):
    pass
