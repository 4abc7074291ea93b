#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo origin of `./bootstrap run`: a small web server whose answers show what a cache does.

/            a page, fresh for 60 s, with an ETag (a validation answers 304)
/time        the time, no-store: never from the cache
/slow        answers after 2 s, fresh for 60 s: N clients at once cost one request
/stale       fresh for 5 s, then validated
/headers     the request as the origin got it
/big?bytes=N N bytes, fresh for 60 s, in constant memory
/echo        (POST) the request's body
"""
import argparse
import hashlib
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = b"""<!doctype html><meta charset="utf-8"><title>weir demo</title>
<h1>It works</h1>
<p>This page came from the demo origin, through weir. Load it twice and look at <code>Age</code>
and <code>Cache-Status</code>.</p>
<ul><li><a href="/time">/time</a> is never cached
<li><a href="/slow">/slow</a> takes two seconds, once
<li><a href="/stale">/stale</a> is fresh for five seconds, then validated
<li><a href="/headers">/headers</a> shows the request the origin got
<li><a href="/big?bytes=100000000">/big?bytes=100000000</a> is 100 MB</ul>
"""
BLOCK = bytes(range(256)) * 256


class Demo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "weir-demo"
    sys_version = ""

    def reply(self, body, cache="max-age=60", kind="text/plain; charset=utf-8", status=200):
        tag = '"%s"' % hashlib.sha256(body).hexdigest()[:16]
        if status == 200 and self.headers.get("If-None-Match") == tag:
            status, body = 304, b""
        self.send_response(status)
        self.send_header("Cache-Control", cache)
        self.send_header("ETag", tag)
        if status != 304:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def big(self, query):
        text = parse_qs(query).get("bytes", ["1000000"])[0]
        left = int(text) if text.isdigit() else 1000000
        self.send_response(200)
        self.send_header("Cache-Control", "max-age=60")
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(left))
        self.end_headers()
        while left and self.command != "HEAD":
            left -= self.wfile.write(BLOCK[: min(left, len(BLOCK))])

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/":
            self.reply(PAGE, kind="text/html; charset=utf-8")
        elif url.path == "/time":
            self.reply(time.ctime().encode() + b"\n", cache="no-store")
        elif url.path == "/slow":
            time.sleep(2)
            self.reply(b"slow, but only for the first\n")
        elif url.path == "/stale":
            self.reply(b"fresh for five seconds\n", cache="max-age=5")
        elif url.path == "/headers":
            self.reply(f"{self.requestline}\n{self.headers}".encode("latin-1"), cache="no-store")
        elif url.path == "/big":
            self.big(url.query)
        else:
            self.reply(b"not here\n", status=404)

    do_HEAD = do_GET

    def do_POST(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.reply(body, cache="no-store")

    do_PUT = do_POST

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that left is no news


def main():
    options = argparse.ArgumentParser(description="the demo origin of ./bootstrap run")
    options.add_argument("--port", type=int, default=8090)
    port = options.parse_args().port
    try:
        Server(("127.0.0.1", port), Demo).serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
