# SPDX-License-Identifier: Apache-2.0
"""nginx as an origin, in the foreground, with a folder and kernel-chosen ports of its own."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

from .tap import DEADLINE, Skip, expect

PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


class Nginx:
    """`server(words, body)`: adds a server block and gives its port. `words` follow the address after
    listen; the body is nginx's own language."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="weir-nginx-"))
        self.servers = []
        self.sockets = []
        self.process = None

    def server(self, words, body):
        sock = socket.create_server(("127.0.0.1", 0), backlog=128)
        port = sock.getsockname()[1]
        self.sockets.append(sock)
        self.servers.append(f"server {{ listen 127.0.0.1:{port} {words}; {body} }}\n")
        return port

    def start(self):
        if PROGRAM is None:
            return  # need() skips the tests
        config = self.dir / "nginx.conf"
        config.write_text(f"""daemon off; worker_processes 1;
pid {self.dir}/pid; error_log {self.dir}/error.log info;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {self.dir}/body; proxy_temp_path {self.dir}/proxy; fastcgi_temp_path {self.dir}/fastcgi;
    uwsgi_temp_path {self.dir}/uwsgi; scgi_temp_path {self.dir}/scgi;
    {"".join(self.servers)}
}}
""")
        numbers = [sock.fileno() for sock in self.sockets]  # it takes these sockets, as in an upgrade of its own
        self.process = subprocess.Popen([PROGRAM, "-p", str(self.dir), "-c", str(config), "-e", str(self.dir / "error.log")],
                                        pass_fds=numbers, stdin=subprocess.DEVNULL,
                                        env={**os.environ, "NGINX": "".join(f"{each};" for each in numbers)})
        for sock in self.sockets:
            sock.close()

    def need(self):
        if self.process is None:
            raise Skip("no nginx here")

    def stop(self):
        if self.process:
            expect(self.process.poll() is None, "nginx ended: " + self.errors())
            self.process.terminate()
            self.process.wait(DEADLINE)
        shutil.rmtree(self.dir, ignore_errors=True)

    def errors(self):
        path = self.dir / "error.log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def abandon(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()  # its worker too
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
