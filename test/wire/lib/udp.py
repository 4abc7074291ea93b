# SPDX-License-Identifier: Apache-2.0
"""Both ends of datagrams: a server, which answers a TCP check on the same port too, and a client."""
import select
import socket
import threading
import time

from .tap import DEADLINE, Failure, expect_equal


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class UdpServer:
    def __init__(self, host="127.0.0.1", answer=lambda data: [data]):
        """answer: a function from a datagram to those sent back."""
        self.answer = answer
        while True:
            self.sock = socket.socket(family_of(host), socket.SOCK_DGRAM)
            self.sock.bind((host, 0))
            self.port = self.sock.getsockname()[1]
            try:
                self.tcp = socket.create_server((host, self.port), family=family_of(host))
                break
            except OSError:  # somebody has the TCP port of that number
                self.sock.close()
        self.name = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.thread = None
        self.wake, self.woken = socket.socketpair()
        self.got = []  # (datagram, address and port it came from)

    def start(self):
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self):
        """Nobody is there any more: who sends to it is told so by ICMP."""
        self.wake.send(b"x")
        if self.thread:
            self.thread.join()
        self.sock.close()
        if self.tcp:
            self.tcp.close()

    stop = abandon = close

    def fail_check(self):
        """TCP is refused from now on; datagrams are answered as before."""
        self.wake.send(b"x")
        self.thread.join()
        self.tcp.close()
        self.tcp = None
        self.woken.recv(1)
        self.start()

    def senders(self, data):
        """From where each datagram like this one came."""
        return [sender for got, sender in list(self.got) if got == data]

    def _serve(self):
        while True:
            ready = select.select([each for each in (self.sock, self.tcp, self.woken) if each], [], [])[0]
            if self.woken in ready:
                return
            if self.tcp in ready:  # a check
                self.tcp.accept()[0].close()
            if self.sock not in ready:
                continue
            try:
                data, sender = self.sock.recvfrom(65536)
                self.got.append((data, sender))
                for each in self.answer(data):
                    self.sock.sendto(each, sender)
            except OSError:  # a client that has gone
                continue


class UdpClient:
    def __init__(self, address, source=None, connected=True):
        """connected: datagrams of nobody else than `address` are taken."""
        self.address = address
        self.sock = socket.socket(family_of(address[0]), socket.SOCK_DGRAM)
        self.sock.settimeout(DEADLINE)
        if source:
            self.sock.bind((source, 0))
        if connected:
            self.sock.connect(address)
        self.connected = connected

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        if self.connected:
            self.sock.send(data)
        else:
            self.sock.sendto(data, self.address)

    def receive(self):
        try:
            return self.sock.recv(65536)
        except TimeoutError:
            raise Failure("no datagram came") from None

    def ask(self, data):
        self.send(data)
        return self.receive()

    def ask_again(self, data):
        """Asks until an answer comes, as clients do: the kernel drops datagrams where there are too many."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            self.send(data)
            if select.select([self.sock], [], [], 0.1)[0]:
                return self.receive()
        raise Failure("no datagram came")

    def expect_echo(self, data=b"x"):
        expect_equal(self.ask(data), data)

    def has_answer(self):
        """One is there now; it stays."""
        return bool(select.select([self.sock], [], [], 0)[0])
