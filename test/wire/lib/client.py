# SPDX-License-Identifier: Apache-2.0
"""A client that sends the bytes a test gives it, and reads answers strictly."""
import socket
import struct

from .http1 import Closed, Response, Stream, head, to_bytes
from .tap import DEADLINE, Failure, expect


class Client(Stream):
    def __init__(self, address, receive_buffer=None, source=None):
        sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(DEADLINE)
        if source:
            sock.bind((source, 0))
        sock.connect(address)
        super().__init__(sock)
        self.address = address

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def name(self):
        return self.sock.getsockname()

    def send(self, *pieces):
        """Each piece is one write; a peer that has closed already is no failure here."""
        for piece in pieces:
            try:
                self.sock.sendall(to_bytes(piece))
            except ConnectionError:
                return False
        return True

    def ask(self, target="/", *fields, method="GET", host="www.test", body=None, version="HTTP/1.1"):
        """Sends a request; host None: no Host field."""
        length = None if body is None else f"Content-Length: {len(body)}"
        self.send(head(f"{method} {target} {version}", host and f"Host: {host}", length, *fields) + to_bytes(body or b""))

    def get(self, target="/", *fields, **keys):
        """Sends a request and reads its answer."""
        self.ask(target, *fields, **keys)
        return self.response(keys.get("method", "GET"))

    def response(self, method="GET", body=True):
        """The next final response, with the interim ones before it; the body too, if asked."""
        interim = []
        while True:
            response = self.head(Response)
            if response.status >= 200 or response.status == 101:
                break
            interim.append(response)
        response.interim = interim
        if body and response.status != 101:
            self.read_body(response, method)
        return response

    def read_body(self, response, method="GET"):
        if method == "HEAD" or response.status in (204, 304) or (method == "CONNECT" and response.status < 300):
            return
        if "chunked" in response.field("Transfer-Encoding", "").lower():
            expect("Content-Length" not in response.fields, "both Transfer-Encoding and Content-Length")
            self.chunked(response)
        elif "Content-Length" in response.fields:
            lengths = response.fields.all("Content-Length")
            expect(len(lengths) == 1, f"Content-Length {lengths}")
            response.body = self.exactly(int(lengths[0]))
        else:
            response.body = self.to_end()

    def end(self):
        """What comes until the peer closes; a reset counts as closed. Failure if it does not close."""
        try:
            return self.to_end()
        except Closed as closed:
            return closed.got
        except TimeoutError:
            raise Failure(f"the connection was not closed; got {self.buffer[:200]!r}") from None

    def fill(self, seconds=1):
        """Sends until nothing is taken for so long; how many bytes that were."""
        sent = 0
        self.sock.settimeout(seconds)
        try:
            while True:
                sent += self.sock.send(bytes(65536))
        except TimeoutError:
            return sent
        finally:
            self.sock.settimeout(DEADLINE)

    def is_quiet(self, seconds=0.05):
        """True if neither a byte nor the end comes within `seconds`."""
        if self.buffer:
            return False
        self.sock.settimeout(seconds)
        try:
            self.buffer = self.sock.recv(65536)
            return False
        except TimeoutError:
            return True
        except ConnectionError:
            return False
        finally:
            self.sock.settimeout(DEADLINE)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()
