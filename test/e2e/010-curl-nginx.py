#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""End to end with what people use: curl as the client, nginx as the origin, weir between, over both
directions; then kill -9 and a start. Skipped without curl or nginx."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "wire"))
from lib import *  # noqa: E402

CURL = shutil.which("curl")
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
if not CURL or not NGINX:
    print("1..0 # SKIP curl and nginx are needed (./bootstrap deps test)")
    sys.exit(0)


class Nginx:
    """An nginx of its own, as the origin: files, gzip, ETags, ranges, uploads by its own size limit."""

    def __init__(self):
        self.probe = Origin()  # only for a port that is free
        self.port = self.probe.port
        self.name = f"127.0.0.1:{self.port}"
        self.process = None
        self.dir = None

    def start(self):
        import tempfile
        self.probe.close_listener()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="weir-nginx-"))
        self.dir.chmod(0o755)
        (self.dir / "www").mkdir()
        (self.dir / "www/index.html").write_text("<h1>nginx</h1>\n" * 100)
        (self.dir / "www/big.bin").write_bytes(bytes(range(256)) * 40000)
        temporary = "".join(f"{each}_temp_path {self.dir}/{each};\n" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.dir / "conf").write_text(f"""
daemon off; master_process off; pid {self.dir}/pid; error_log {self.dir}/error;
events {{ }}
http {{ {temporary} access_log {self.dir}/access; default_type text/html; gzip on; gzip_vary on; gzip_min_length 1;
  server {{ listen {self.name}; root {self.dir}/www;
    location / {{ add_header Cache-Control max-age=60; }}
    location /nc/ {{ add_header Cache-Control no-store; return 200 "not cached\\n"; }}
    location /status/ {{ return 503 "down\\n"; }} }} }}
""")
        self.process = subprocess.Popen([NGINX, "-c", str(self.dir / "conf"), "-p", str(self.dir)], stdin=subprocess.DEVNULL,
                                        stderr=open(self.dir / "stderr", "wb"))

        def listens():
            if self.process.poll() is not None:
                raise Failure((self.dir / "stderr").read_text())
            try:
                Client(("127.0.0.1", self.port)).close()
                return True
            except OSError:
                return False
        wait_until(listens, "nginx")

    def count(self, what):
        return sum(what in line for line in (self.dir / "access").read_text().splitlines())

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    abandon = stop


nginx = Nginx()
weir = Weir(config(nginx, memory_only=False, rules="deny host blocked.test\nallow all"))


def curl(*words, code=0):
    done = subprocess.run([CURL, "-sS", "--noproxy", "", "-m", str(int(DEADLINE)), *words], capture_output=True, stdin=subprocess.DEVNULL)
    expect_equal(done.returncode, code, f"curl {' '.join(words)}: {done.stderr.decode()}")
    return done.stdout


def forward():
    host, port = weir.listener("forward")
    return f"{host}:{port}"


def site(path):
    host, port = weir.listener("site")
    return f"http://{host}:{port}{path}"


@test("reverse: a miss, then a hit with Age and Cache-Status")
def _():
    first = curl("-i", site("/")).decode()
    expect_in("200", first.splitlines()[0])
    second = curl("-i", site("/")).decode()
    expect_in("\nage: ", second.lower())
    expect("; hit" in second.lower(), second[:500])
    expect_equal(nginx.count("GET / "), 1)


@test("forward: absolute URI, and a tunnel")
def _():
    body = (nginx.dir / "www/index.html").read_bytes()
    expect_equal(curl("-x", forward(), f"http://{nginx.name}/"), body)
    expect_equal(curl("-x", forward(), "-p", f"http://{nginx.name}/"), body)


@test("gzip and identity side by side, by Vary")
def _():
    body = (nginx.dir / "www/index.html").read_bytes()
    for _ in range(2):
        expect_equal(curl("--compressed", site("/index.html")), body)
        expect_equal(curl(site("/index.html")), body)


@test("a large file, whole and in parts, resumed by curl")
def _():
    body = (nginx.dir / "www/big.bin").read_bytes()
    wanted = hashlib.sha256(body).hexdigest()
    expect_equal(hashlib.sha256(curl(site("/big.bin"))).hexdigest(), wanted)
    expect_equal(curl("-r", "1000-1999", site("/big.bin")), body[1000:2000])
    part = weir.dir / "part"
    part.write_bytes(body[:5000])
    curl("-C", "-", "-o", str(part), site("/big.bin"))
    expect_equal(hashlib.sha256(part.read_bytes()).hexdigest(), wanted)


@test("conditional: curl's ETag and date give 304")
def _():
    tags = weir.dir / "etag"
    curl("--etag-save", str(tags), "-o", str(weir.dir / "page"), site("/big.bin"))
    expect_equal(curl("--etag-compare", str(tags), "-o", str(weir.dir / "none"), "-w", "%{http_code}", site("/big.bin")), b"304")


@test("a blocked page, and its row")
def _():
    page = curl("-i", "-x", forward(), "http://blocked.test/").decode()
    expect_in("403", page.splitlines()[0])
    row = weir.row("host = 'blocked.test'")
    expect_in(row["id"], page)
    expect_in("deny host blocked.test", row["rule"])


@test("an upload with Expect: 100-continue, chunked and not")
def _():
    data = weir.write("upload", b"x" * 200000)
    for words in ((), ("-H", "Transfer-Encoding: chunked")):
        status = curl("-H", "Expect: 100-continue", *words, "-o", "/dev/null", "-w", "%{http_code}", "-T", str(data), site("/upload"))
        expect_equal(status, b"405")


@test("kill -9 and a start: still a hit")
def _():
    host = ("-H", "Host: www.test")  # the port, which is in the key otherwise, is another after the start
    curl(*host, site("/big.bin"))
    wait_until(lambda: "disk" in weir.ctl("cache", "show", "http://www.test/big.bin", code=None)[1] and
               weir.metric("disk_dirty_bytes") == 0, "big.bin on disk")
    weir.kill()
    weir.launch()
    text = curl("-i", *host, site("/big.bin"))
    expect_equal(hashlib.sha256(text.partition(b"\r\n\r\n")[2]).hexdigest(),
                 hashlib.sha256((nginx.dir / "www/big.bin").read_bytes()).hexdigest())
    expect(b"; hit" in text[:2000].lower(), repr(text[:500]))


main(nginx, weir)
