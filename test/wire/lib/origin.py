# SPDX-License-Identifier: Apache-2.0
"""A scripted origin. `origin.on("/path", script)`: the script is bytes to send, a list of them (the
next for each further request; the last again and again), or a function (conn, request), which has
the connection to itself: send, close, reset, wait, read the body. What came is counted."""
import socket
import struct
import threading

from .http1 import Closed, Request, Stream, answer, to_bytes
from .tap import DEADLINE, Failure, expect, wait_until


class Connection(Stream):
    def __init__(self, sock, number):
        super().__init__(sock)
        self.number = number
        self.open = True
        self.proxy = None  # its PROXY header (ProxyOrigin)
        self.pending = None  # the request whose body is not read yet

    def send(self, *pieces):
        for piece in pieces:
            self.sock.sendall(to_bytes(piece))

    def body(self):
        """Reads the body of the request in work; Closed if it is cut."""
        request, self.pending = self.pending, None
        if request is None:
            return b""
        if "chunked" in request.field("Transfer-Encoding", "").lower():
            self.chunked(request)
        else:
            request.body = self.exactly(int(request.field("Content-Length", "0")))
        request.complete = True
        return request.body

    def close(self):
        self.open = False
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        self.open = False
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Origin:
    def __init__(self, tunnel=None, host="127.0.0.1"):
        """tunnel: a function (conn) that gets each connection raw, for CONNECT."""
        self.scripts = {}
        self.default = answer("no script\n", status=404, reason="Not Found")
        self.requests = []
        self.connections = 0
        self.open = set()
        self.tunnel = tunnel
        self.lock = threading.Lock()
        self.ending = False
        self.errors = []
        self.sock = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512)
        self.address = self.sock.getsockname()[:2]
        self.port = self.address[1]
        self.name = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def url(self, path):
        return f"http://{self.name}{path}"

    def on(self, path, script):
        self.scripts[path] = list(script) if isinstance(script, (list, tuple)) else script
        return path

    def seen(self, target):
        """The requests for this target so far."""
        with self.lock:
            return [each for each in self.requests if each.target == target]

    def count(self, target):
        return len(self.seen(target))

    def wait(self, target, count=1):
        return wait_until(lambda: len(found := self.seen(target)) >= count and found, f"{count} requests for {target}")

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.ending = True
        self.close_listener()
        self.close_connections()
        expect(not self.errors, "origin: " + "\n".join(self.errors[:5]))

    def abandon(self):
        self.ending = True

    def close_listener(self):
        """From now on a connect is refused."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def open_listener(self):
        """The same port again, after close_listener."""
        self.sock = socket.create_server(self.address, family=socket.AF_INET, backlog=512)
        self.start()

    def close_connections(self):
        with self.lock:
            held = list(self.open)
        for each in held:
            try:
                each.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        listener = self.sock
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(self._connection(sock),), daemon=True).start()

    def _connection(self, sock):
        with self.lock:
            self.connections += 1
            made = Connection(sock, self.connections)
            self.open.add(made)
        return made

    def serve(self, sock):
        """Answers on a connection that somebody else has accepted, until it ends."""
        Origin._serve(self, self._connection(sock))

    def _serve(self, connection):
        try:
            if self.tunnel:
                self.tunnel(connection)
                return
            while connection.open:
                self._one(connection)
        except (Closed, OSError):
            pass
        except Exception as error:
            if not self.ending:
                self.errors.append(f"{type(error).__name__}: {error}")
        finally:
            with self.lock:
                self.open.discard(connection)
            try:
                connection.sock.close()
            except OSError:
                pass

    def _one(self, connection):
        try:
            request = connection.head(Request)
        except TimeoutError:
            raise Closed(b"") from None
        request.connection = connection.number
        request.proxy = connection.proxy
        request.complete = False
        connection.pending = request
        with self.lock:
            self.requests.append(request)
            script = self.scripts.get(request.target, self.default)
            if isinstance(script, list):
                script = script.pop(0) if len(script) > 1 else script[0]
        if callable(script):
            script(connection, request)
            if connection.open and connection.pending:
                connection.body()
        else:
            connection.body()
            connection.send(script)
        if connection.open and "close" in request.field("Connection", "").lower():
            connection.close()


class Gate:
    """Holds a script until the test opens it: `gate.wait()` there, `gate.open()` here."""

    def __init__(self):
        self.event = threading.Event()
        self.arrived = threading.Semaphore(0)

    def wait(self):
        self.arrived.release()
        if not self.event.wait(DEADLINE):
            raise Failure("a gate was never opened")

    def reached(self):
        expect(self.arrived.acquire(timeout=DEADLINE), "the script did not reach its gate")

    def open(self):
        self.event.set()
