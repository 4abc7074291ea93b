# SPDX-License-Identifier: Apache-2.0
"""A scripted HTTP/2 origin. `origin.on("/path", script)`: the script is a function (stream), run in a
thread of its own once the head of the request is there, or a list of them (the next for each further
request; the last again and again). It answers with stream.head, data, trailers, reset, or what
stream.conn can send. What came is counted."""
import ctypes
import select
import socket
import ssl
import struct
import threading

from .http1 import Closed, Fields, Stream, to_bytes
from .http2 import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ERRORS, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
                    WINDOW_UPDATE, Frame, block, frame)
from .tap import DEADLINE, expect, wait_until
from .tls import h2_server_context


class _Pair(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("value", ctypes.c_void_p), ("name_size", ctypes.c_size_t), ("value_size", ctypes.c_size_t),
                ("flags", ctypes.c_uint8)]


class Inflater:
    """HPACK by libnghttp2: field blocks of one direction of a connection, in order."""

    def __init__(self):
        self.lib = ctypes.CDLL("libnghttp2.so.14")
        self.lib.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self.state = ctypes.c_void_p()
        expect(self.lib.nghttp2_hd_inflate_new(ctypes.byref(self.state)) == 0, "no inflater")

    def fields(self, data):
        found, at = Fields(), 0
        while True:
            pair, flags, part = _Pair(), ctypes.c_int(0), data[at:]
            used = self.lib.nghttp2_hd_inflate_hd2(self.state, ctypes.byref(pair), ctypes.byref(flags), part,
                                                   ctypes.c_size_t(len(part)), 1)
            expect(used >= 0, f"HPACK error {used}")
            at += used
            if flags.value & 2:
                found.append((ctypes.string_at(pair.name, pair.name_size).decode("latin-1"),
                              ctypes.string_at(pair.value, pair.value_size).decode("latin-1")))
            if flags.value & 1:
                self.lib.nghttp2_hd_inflate_end_headers(self.state)
                return found
            expect(used > 0 or flags.value & 2, "a block that does not end")


class H2Request:
    """One stream at the origin. `body()` waits for the end; `error`: it was reset by weir."""

    def __init__(self, conn, number, fields):
        self.conn, self.number, self.fields = conn, number, fields
        self.method, self.path = fields(":method"), fields(":path")
        self.trailers, self.received, self.ended, self.error, self.hold = None, bytearray(), False, None, False
        self.taken = 0  # by exactly()

    def __repr__(self):
        return f"<stream {self.number} {self.method} {self.path} ended {self.ended} error {self.error} {len(self.received)}>"

    def wait(self, fact, what):
        with self.conn.changed:
            expect(self.conn.changed.wait_for(lambda: fact() or self.conn.over, DEADLINE), f"waited in vain for {what}: {self}")
            if not fact():
                raise Closed(bytes(self.received))

    def body(self):
        self.wait(lambda: self.ended or self.error, "the end of the request")
        return self.received

    def exactly(self, size):
        """The next bytes that come; Closed if they end before."""
        end = self.taken + size
        self.wait(lambda: len(self.received) >= end or self.ended or self.error, f"{size} bytes")
        if len(self.received) < end:
            raise Closed(bytes(self.received))
        start, self.taken = self.taken, end
        return bytes(self.received[start:end])

    def was_reset(self):
        self.wait(lambda: self.error, "a reset")
        return self.error

    def head(self, status=200, *fields, end=False):
        self.conn.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), self.number, block((":status", str(status)), *fields)))

    def data(self, body=b"", end=False):
        """As the windows allow."""
        body = to_bytes(body)
        while True:
            size = min(len(body), 16384)
            if size:
                self.wait(lambda: self.conn.room(self.number) > 0 or self.error, "room")
                if self.error:
                    raise Closed(b"")
                size = min(size, self.conn.room(self.number))
            part, body = body[:size], body[size:]
            self.conn.spend(self.number, size)
            self.conn.send(frame(DATA, END_STREAM if end and not body else 0, self.number, part))
            if not body:
                return

    def answer(self, body=b"", *fields, status=200):
        self.head(status, ("content-length", str(len(body))), *fields, end=not body)
        if body:
            self.data(body, end=True)

    def trailing(self, *fields):
        self.conn.send(frame(HEADERS, END_HEADERS | END_STREAM, self.number, block(*fields)))

    def reset(self, error):
        self.conn.send(frame(RST_STREAM, 0, self.number, struct.pack("!I", ERRORS.index(error))))


class H2Connection(Stream):
    def __init__(self, origin, sock, number):
        super().__init__(sock)
        self.origin, self.number_of = origin, number
        self.changed = threading.Condition()
        self.inflater, self.streams, self.over, self.gone = Inflater(), {}, False, None
        self.windows, self.first, self.writing = {0: 65535}, 65535, threading.Lock()
        self.settings, self.acked = {}, 0

    def send(self, *pieces):
        with self.writing:
            for piece in pieces:
                self.sock.sendall(piece)

    def _more(self, so_far=b""):
        if not isinstance(self.sock, ssl.SSLSocket):
            return super()._more(so_far)
        data = None
        while data is None:  # OpenSSL takes no read beside a write of another thread
            with self.writing:
                self.sock.settimeout(0)
                try:
                    data = self.sock.recv(262144)
                except ssl.SSLWantReadError:
                    pass
                finally:
                    self.sock.settimeout(DEADLINE)
            if data is None and not select.select([self.sock], [], [], DEADLINE)[0]:
                raise TimeoutError
        if not data:
            raise Closed(so_far + self.buffer)
        self.buffer += data

    def goaway(self, last, error="NO_ERROR"):
        self.send(frame(GOAWAY, 0, 0, struct.pack("!II", last, ERRORS.index(error))))

    def room(self, stream):
        return min(self.windows[0], self.first + self.windows.get(stream, 0))

    def spend(self, stream, size):
        with self.changed:
            for each in (0, stream):
                self.windows[each] = self.windows.get(each, 0) - size

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def frame(self):
        header = self.exactly(9)
        length = struct.unpack("!I", b"\0" + header[:3])[0]
        kind, flags, stream = struct.unpack("!BBI", header[3:])
        return Frame(kind, flags, stream & 0x7fffffff, self.exactly(length))

    def serve(self):
        expect(self.exactly(len(PREFACE)) == PREFACE, "no preface")
        values = [(1, 0), *self.origin.settings]
        if self.origin.settles:
            self.send(frame(SETTINGS, 0, 0, b"".join(struct.pack("!HI", *each) for each in values)))
        while True:
            try:
                got = self.frame()
            except TimeoutError:
                continue
            with self.changed:
                self.take(got)
                self.changed.notify_all()

    def take(self, got):
        stream = self.streams.get(got.stream)
        if got.kind == HEADERS:
            payload = got.payload
            while not got.flags & END_HEADERS:
                more = self.frame()
                expect(more.kind == CONTINUATION, "no CONTINUATION")
                got.flags |= more.flags & END_HEADERS
                payload += more.payload
            if got.flags & 0x20:
                payload = payload[5:]
            fields = self.inflater.fields(payload)
            if stream:
                stream.trailers, stream.ended = fields, True
            else:
                stream = self.streams[got.stream] = H2Request(self, got.stream, fields)
                stream.ended = bool(got.flags & END_STREAM)
                self.origin.begin(stream)
        elif got.kind == DATA and stream:
            stream.received += got.payload
            stream.ended = stream.ended or bool(got.flags & END_STREAM)
            if got.payload and not stream.hold:
                size = struct.pack("!I", len(got.payload))
                self.send(frame(WINDOW_UPDATE, 0, 0, size), frame(WINDOW_UPDATE, 0, got.stream, size))
        elif got.kind == RST_STREAM and stream:
            stream.error = got.error
        elif got.kind == SETTINGS and got.flags & ACK:
            self.acked += 1
        elif got.kind == SETTINGS:
            self.settings.update(struct.unpack("!HI", got.payload[i:i + 6]) for i in range(0, len(got.payload), 6))
            self.first = self.settings.get(4, 65535)
            self.send(frame(SETTINGS, ACK) if self.origin.settles else b"")
        elif got.kind == WINDOW_UPDATE:
            self.windows[got.stream] = self.windows.get(got.stream, 0) + struct.unpack("!I", got.payload)[0]
        elif got.kind == PING and not got.flags & ACK:
            self.send(frame(PING, ACK, 0, got.payload))
        elif got.kind == GOAWAY:
            self.gone = got.error


class H2Origin:
    """`settings`: pairs for its SETTINGS; `settles` False: it sends none. `cert`: over TLS with this `alpn`. `http1`: an
    Origin, who answers on connections that speak HTTP/1.1 here."""

    def __init__(self, settings=(), settles=True, cert=None, alpn=("h2",), http1=None):
        self.settings, self.settles, self.http1 = list(settings), settles, http1
        self.context = h2_server_context(cert, alpn) if cert else None
        self.scripts, self.requests, self.connections, self.errors = {}, [], [], []
        self.lock, self.ending = threading.Lock(), False
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.sock.getsockname()[1]
        self.name = f"127.0.0.1:{self.port}"

    def on(self, path, script):
        self.scripts[path] = list(script) if isinstance(script, (list, tuple)) else script
        return path

    def seen(self, path):
        with self.lock:
            return [each for each in self.requests if each.path == path]

    def count(self, path):
        return len(self.seen(path))

    def wait(self, path, count=1):
        return wait_until(lambda: len(found := self.seen(path)) >= count and found, f"{count} requests for {path}")

    def begin(self, stream):
        with self.lock:
            self.requests.append(stream)
            script = self.scripts.get(stream.path, lambda each: each.answer(b"no script\n", status=404))
            if isinstance(script, list):
                script = script.pop(0) if len(script) > 1 else script[0]
        threading.Thread(target=self._run, args=(script, stream), daemon=True).start()

    def _run(self, script, stream):
        try:
            script(stream)
        except (Closed, OSError):
            pass
        except Exception as error:
            if not self.ending:
                self.errors.append(f"{stream}: {type(error).__name__}: {error}")

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.abandon()
        for each in self.connections:
            each.close()
        expect(not self.errors, "HTTP/2 origin: " + "\n".join(self.errors[:5]))

    def abandon(self):
        self.ending = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _speaks_http2(self, sock):
        if self.context:
            return sock.selected_alpn_protocol() == "h2"
        return sock.recv(4, socket.MSG_PEEK | socket.MSG_WAITALL) == PREFACE[:4]

    def _serve(self, sock):
        conn = None
        try:
            if self.context:
                sock.settimeout(DEADLINE)
                sock = self.context.wrap_socket(sock, server_side=True)
            if self.http1 and not self._speaks_http2(sock):
                self.http1.serve(sock)
                return
            conn = H2Connection(self, sock, len(self.connections) + 1)
            with self.lock:
                self.connections.append(conn)
            conn.serve()
        except (Closed, OSError):
            pass
        except Exception as error:
            if not self.ending:
                self.errors.append(f"{type(error).__name__}: {error}")
        finally:
            if conn:
                with conn.changed:
                    conn.over = True
                    conn.changed.notify_all()
            sock.close()
