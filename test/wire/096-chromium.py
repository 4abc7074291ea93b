#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A browser as people have it: Chromium over TLS and HTTP/2 to a site, WebSocket in that connection, and through the forward
proxy, in clear and over TLS: absolute-form, CONNECT. Skipped where there is none."""
import os
import shutil
import signal
import subprocess
import tempfile

from lib import *
from lib.websocket import echo

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    print("1..0 # SKIP no chromium here (apt-get install chromium)")
    raise SystemExit(0)

authority = Authority()
www = authority.make("www", "DNS:www.test", "IP:127.0.0.1")
origin, secure = Origin(), TlsOrigin(www)
text = config(origin, connect=str(secure.port)) + f"""
site www.test {{
    listen 127.0.0.4:0 tls cert {www} http1 http2
    route / {{ cache main; pool app }}
}}
forward tls {{
    listen 127.0.0.5:0 tls cert {www} http1 http2
    connect {secure.port}
    private deny except 127.0.0.0/8
    cache main
    rules {{ allow all }}
}}
"""
weir = Weir(text)
PARTS = 12
# What a page does: a stylesheet, a dozen images at once, a script that asks, posts, and talks over a WebSocket. In the end it tells how it went.
PAGE = """<!doctype html><link rel=stylesheet href=/style.css>
<body onload="go()">IMAGES<script>
async function go() {
  let told = [];
  told.push([...document.images].filter(each => each.naturalWidth == 1).length);
  told.push(getComputedStyle(document.body).color);
  told.push((await (await fetch('/data', {cache: 'no-store'})).text()).length);
  told.push(await (await fetch('/post', {method: 'POST', body: 'x'.repeat(100000)})).text());
  TALK
  await fetch('/told?' + told.join(':').replaceAll(' ', ''), {cache: 'no-store'});
}
</script>"""
TALK = """told.push(await new Promise((good, bad) => {
    let socket = new WebSocket('wss://' + location.host + '/ws');
    socket.onopen = () => socket.send('hello');
    socket.onmessage = message => { good(message.data); socket.close(); };
    socket.onerror = () => good('failed');
  }));"""
GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")


def page(talk):
    images = "".join(f"<img src=/image/{i}>" for i in range(PARTS))
    return fresh(PAGE.replace("IMAGES", images).replace("TALK", talk), "Content-Type: text/html")


def posted(conn, request):
    size = str(len(conn.body()))
    conn.send(head("HTTP/1.1 200 OK", f"Content-Length: {len(size)}"), size)


for each in (origin, secure):
    each.on("/page", page(TALK if each is origin else ""))
    each.on("/plain", page(""))
    each.on("/style.css", fresh("body { color: rgb(1, 2, 3) }", "Content-Type: text/css"))
    each.on("/data", answer("d" * 300000))
    each.on("/post", posted)
    each.default = answer("")
    each.on("/ws", echo)
    for i in range(PARTS):
        each.on(f"/image/{i}", fresh(GIF, "Content-Type: image/gif"))


def told(url, *options):
    """What the page's script tells its origin in the end."""
    asked = secure if url.startswith(f"https://{secure.name}") else origin
    before = len(asked.requests)
    folder = tempfile.mkdtemp(prefix="weir-chromium-")
    browser = subprocess.Popen([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                                "--disable-background-networking", "--disable-component-update", "--ignore-certificate-errors",
                                "--remote-debugging-port=0", f"--user-data-dir={folder}", *options, url],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        return wait_until(lambda: next((each.target for each in asked.requests[before:] if each.target.startswith("/told?")), None),
                          "the page to tell", DEADLINE * 3).partition("?")[2]
    finally:
        os.killpg(browser.pid, signal.SIGKILL)  # with its renderers
        browser.wait()
        shutil.rmtree(folder, ignore_errors=True)


GOOD = f"{PARTS}:rgb(1,2,3):300000:100000"


@test("a site over TLS: HTTP/2 by ALPN, a dozen streams, a POST, a WebSocket in the same connection")
def _():
    host, port = weir.listener("site www.test")
    expect_equal(told(f"https://www.test:{port}/page", f"--host-resolver-rules=MAP www.test {host}"), GOOD + ":hello")
    rows = weir.rows("host = 'www.test' AND user_agent LIKE '%Chrome%'", count=PARTS + 4)
    expect_equal({(row["http"], row["tls"], row["end"]) for row in rows if row["kind"] == "site"}, {("2", "1.3", "ok")})
    expect_equal(weir.row("kind = 'tunnel' AND path = '/ws'")["http"], "2")


@test("through the forward proxy: absolute-form, and CONNECT for https")
def _():
    host, port = weir.listener("forward lan")
    proxy = (f"--proxy-server=http://{host}:{port}", "--proxy-bypass-list=<-loopback>")
    expect_equal(told(origin.url("/plain"), *proxy), GOOD)
    expect_equal(told(f"https://{secure.name}/plain", *proxy), GOOD)
    expect_equal(weir.row(f"kind = 'tunnel' AND port = {secure.port}")["http"], "1.1")


@test("through a forward proxy over TLS: HTTP/2, CONNECT in its streams")
def _():
    host, port = weir.listener("forward tls")
    proxy = (f"--proxy-server=https://{host}:{port}", "--proxy-bypass-list=<-loopback>")
    expect_equal(told(origin.url("/plain"), *proxy), GOOD)
    expect_equal(told(f"https://{secure.name}/plain", *proxy), GOOD)
    expect_equal(weir.row(f"kind = 'tunnel' AND port = {secure.port} AND tls != ''")["http"], "2")


main(origin, secure, weir)
