# SPDX-License-Identifier: Apache-2.0
"""TLS for the tests: an authority of our own, made anew by openssl, and a client that uses it."""
import atexit
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading

from .client import Client
from .http1 import Stream
from .origin import Origin
from .tap import DEADLINE, Failure


class Authority:
    """A CA in a folder of its own: `ca` is its certificate, `make` signs others."""

    def __init__(self, name="weir test CA"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="weir-ca-"))
        atexit.register(shutil.rmtree, self.dir, True)
        self.ca = str(self.dir / "ca.pem")
        self.key = str(self.dir / "ca.key")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                      "-out", self.ca, "-days", "400", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")

    def _openssl(self, *words):
        done = subprocess.run(["openssl", *words], capture_output=True, text=True, cwd=self.dir)
        if done.returncode != 0:
            raise Failure(f"openssl {' '.join(words)}: {done.stderr}")
        return done.stdout

    def make(self, name, *alternative, days=90, key="ec", subject=None):
        """NAME.pem: certificate, CA and key. `alternative`: "DNS:a.test", "IP:127.0.0.1", ..."""
        folder = self.dir
        kind = ["-newkey", "rsa:2048"] if key == "rsa" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self._openssl("req", "-new", *kind, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                      "-subj", subject or f"/CN={name}")
        (folder / f"{name}.ext").write_text("subjectAltName=" + ",".join(alternative or (f"DNS:{name}",)) + "\n")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial",
                      "-days", str(days), "-out", f"{name}.crt", "-extfile", f"{name}.ext")
        text = (folder / f"{name}.crt").read_text() + pathlib.Path(self.ca).read_text()
        path = folder / f"{name}.pem"
        path.write_text(text + (folder / f"{name}.key").read_text())
        return str(path)


def context(ca, cert=None, alpn=None, most=None):
    made = ssl.create_default_context(cafile=ca)
    if cert:
        made.load_cert_chain(cert)
    if alpn:
        made.set_alpn_protocols(alpn)
    if most:
        made.maximum_version = most
    return made


def client_hello(name):
    """The bytes of a ClientHello as OpenSSL writes it."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    out = ssl.MemoryBIO()
    try:
        made.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def h2_server_context(cert, alpn):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(cert)
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


class TlsClient(Client):
    """A Client over TLS. `name` is the SNI, and what the certificate must be for; `before`: bytes sent in clear first."""

    def __init__(self, address, name, ca, cert=None, alpn=None, most=None, session=None, made=None, before=b""):
        sock = socket.create_connection(address, DEADLINE)
        sock.sendall(before)
        self.context = made or context(ca, cert, alpn, most)
        Stream.__init__(self, self.context.wrap_socket(sock, server_hostname=name, session=session))
        self.address = address

    @property
    def names(self):
        """The alternative names of the server's certificate."""
        return [value for _, value in self.sock.getpeercert()["subjectAltName"]]


class TlsOrigin(Origin):
    """An Origin over TLS. `handshakes` has (SNI, resumed, subject of the client's certificate) of each."""

    def __init__(self, cert, client_ca=None, most=None, **keys):
        super().__init__(**keys)
        self.handshakes = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert)
        if most:
            self.context.maximum_version = most
        if client_ca:
            self.context.load_verify_locations(client_ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.asked = threading.local()

        def note(sock, name, _):
            self.asked.name = name
        self.context.sni_callback = note

    def _serve(self, connection):
        self.asked.name = None
        try:
            connection.sock = self.context.wrap_socket(connection.sock, server_side=True)
        except (OSError, ValueError):
            self.handshakes.append(None)
            connection.sock.close()
            return
        peer = connection.sock.getpeercert()
        subject = dict(pair for each in peer["subject"] for pair in each) if peer else None
        self.handshakes.append((self.asked.name, connection.sock.session_reused, subject))
        super()._serve(connection)
