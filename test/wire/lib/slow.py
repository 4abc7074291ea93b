#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""slow.py HOST PORT COUNT: so many clients that never get on, in a process of their own: half of them drip a head, a
byte in a second, half read the answer to /large so. Each that is cut begins again. Says "ready" when all are
connected, and ends with its standard input."""
import select
import socket
import sys
import time

HEAD = b"GET /small HTTP/1.1\r\nHost: www.test\r\nX-Slow: " + b"x" * 200


class Slow:
    def __init__(self, address, drips):
        self.address, self.drips, self.at, self.cuts = address, drips, 0, -1
        self.sock = None
        self.begin()

    def begin(self):
        self.cuts += 1
        if self.sock:
            self.sock.close()
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.connect(self.address)
        self.sock.setblocking(False)
        self.at = 20
        self.sock.send(HEAD[:20] if self.drips else b"GET /large HTTP/1.1\r\nHost: www.test\r\n\r\n")

    def step(self):
        try:
            if not self.drips:
                if not self.sock.recv(1):
                    self.begin()
                return
            self.sock.send(HEAD[self.at:self.at + 1])
            self.at += 1
            if self.at == len(HEAD) or not self.sock.recv(1, socket.MSG_PEEK):
                self.begin()
            elif self.sock.recv(4096):  # 408
                self.begin()
        except BlockingIOError:
            pass
        except OSError:
            self.begin()


def main():
    address, count = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3])
    clients = [Slow(address, bool(i % 2)) for i in range(count)]
    print("ready", flush=True)
    turn, due = 0, time.monotonic()
    while not select.select([sys.stdin], [], [], max(0, due - time.monotonic()))[0]:
        for client in clients[turn % 50::50]:  # each once in a second
            client.step()
        turn, due = turn + 1, due + 0.02
    print(sum(client.cuts for client in clients), flush=True)


main()
