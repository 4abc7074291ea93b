# SPDX-License-Identifier: Apache-2.0
"""WebSocket, as far as an echo needs it (RFC 6455)."""
import base64
import hashlib
import os

from .http1 import Closed, head

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def switched(request, *more):
    return head("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                "Sec-WebSocket-Accept: " + accept_of(request.field("Sec-WebSocket-Key") or ""), *more)


def message(conn):
    """One short masked text frame of a client, of a connection or a stream."""
    first, size = conn.exactly(2)
    mask = conn.exactly(4)
    return first, bytes(byte ^ mask[i % 4] for i, byte in enumerate(conn.exactly(size & 0x7f)))


def masked(text, first=0x81):
    mask = os.urandom(4)
    return bytes([first, 0x80 | len(text)]) + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(text))


def echo(conn, request):
    """A WebSocket server: echoes text; a close frame is answered and ends it."""
    conn.send(switched(request))
    while True:
        first, text = message(conn)
        conn.send(bytes([first, len(text)]) + text)
        if first == 0x88:
            conn.close()
            return


def h2_echo(stream):
    """The same on a stream of an extended CONNECT (RFC 8441)."""
    stream.head(200)
    first = 0
    while first != 0x88:
        try:
            first, text = message(stream)
        except Closed:
            stream.data(end=True)
            return
        stream.data(bytes([first, len(text)]) + text, end=first == 0x88)
