# SPDX-License-Identifier: Apache-2.0
"""A DNS server of one test: names to addresses, in a dict; it can fall silent or fail."""
import ipaddress
import socket
import struct
import threading


class Dns:
    def __init__(self, names=None, ttl=60):
        self.names = dict(names or {})  # name -> list of addresses
        self.ttl = ttl
        self.silent = False
        self.asked = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.name = f"127.0.0.1:{self.port}"

    def start(self):
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self):
        self.sock.close()

    abandon = stop

    def count(self, name):
        return sum(1 for each, _ in self.asked if each == name)

    def _serve(self):
        while True:
            try:
                query, peer = self.sock.recvfrom(4096)
            except OSError:
                return
            if not self.silent:
                try:
                    self.sock.sendto(self._answer(query), peer)
                except OSError:
                    return

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]])
            at += query[at] + 1
        name = b".".join(labels).decode("latin-1").lower()
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        question = query[12:at + 5]
        self.asked.append((name, kind))
        addresses = self.names.get(name)
        records = b""
        count = 0
        for address in map(ipaddress.ip_address, addresses or []):
            if (address.version, kind) in ((4, 1), (6, 28)):
                packed = address.packed
                records += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, self.ttl, len(packed)) + packed
                count += 1
        code = 3 if addresses is None else 0
        return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, count, 0, 0) + question + records
