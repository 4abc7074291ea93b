#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""weirctl, config test, metrics, the log's other forms."""
import json
import os
import signal
import subprocess
import time

from lib import *

origin = Origin()
weir = Weir(config(origin).replace("log { sqlite $DIR/log }", "log { sqlite $DIR/log; json $DIR/access.json; errors $DIR/errors.log info }"))

FIVE_MISTAKES = """\
workers two
cache main {
    memry 64MB
    memory 64
}
pool app { server 127.0.0.1:80000 }
site a.test {
    listen 127.0.0.1:0
    route / { pool ap }
}
"""


@test("config test on five mistakes: five errors with file, line, column, caret and suggestion")
def _():
    path = weir.write("five.conf", FIVE_MISTAKES)
    code, text = weir.ctl("config", "test", str(path), code=None)
    expect_equal(code, 1, text)
    for place in ("five.conf:1:9", "five.conf:3:5", "five.conf:4:12", "five.conf:6:19", "five.conf:9:20"):
        expect_in(place, text)
    expect(text.count("^") >= 5, text)
    for word in ("memory", "app"):
        expect_in(word, text)
    expect_in("    memry 64MB", text, "the line itself")


@test("weir -t prints and ends as config test does; -V prints the version")
def _():
    path = weir.write("five.conf", FIVE_MISTAKES)
    code, text = run_weir("weir", "-t", "-c", str(path))
    expect_equal(code, 1, text)
    expect_in("five.conf:3:5", text)
    code, text = run_weir("weir", "-t", "-c", str(weir.config_file))
    expect_equal(code, 0, text)
    code, text = run_weir("weir", "-V")
    expect_equal(code, 0)
    expect_in("weir", text)


@test("config test passes the good file; fmt is idempotent; show --effective says where from")
def _():
    weir.ctl("config", "test", str(weir.config_file))
    once = weir.ctl("config", "fmt", str(weir.config_file))
    formatted = weir.write("formatted.conf", once)
    expect_equal(weir.ctl("config", "fmt", str(formatted)), once)
    weir.ctl("config", "test", str(formatted))
    text = weir.ctl("config", "show", "--effective")
    expect_in("default", text)
    expect_in("weir.conf:", text)


@table("words that are not built are refused: {}", [
    ("auth", "forward a { listen 127.0.0.1:0; auth digest from staff; rules { allow all } }"), ("http3", "site a { listen 127.0.0.1:0 http3; route / { respond 200 } }"),
    ("parent", "forward a { listen 127.0.0.1:0; parent 127.0.0.1:1; rules { allow all } }"), ("nonsense", "nonsense 5"),
    ("privacy", "forward a { listen 127.0.0.1:0; privacy standard; rules { allow all } }")])
def _(text):
    path = weir.write("refused.conf", text + "\n")
    code, output = weir.ctl("config", "test", str(path), code=None)
    expect_equal(code, 1, output)
    expect_in("refused.conf:1:", output)


@test("an open forward to the world is refused unless it says so")
def _():
    text = "forward a { listen 0.0.0.0:0; rules { allow all } }\n"
    code, output = weir.ctl("config", "test", str(weir.write("open.conf", text)), code=None)
    expect_equal(code, 1, output)
    weir.ctl("config", "test", str(weir.write("open.conf", text.replace("rules", "open-proxy yes; rules"))))


@test("status")
def _():
    text = weir.ctl("status")
    expect_in("generation", text.lower())
    asked_before = weir.ctl_json("status")["requests"]["site"]
    with weir.site() as client:
        for _ in range(20):
            client.get("/")
    wait_until(lambda: weir.ctl_json("status")["requests"]["site"] == asked_before + 20, "the requests to be counted")
    rates = weir.ctl_json("status")["rates"]
    expect(0 < rates["over_seconds"] < 120, rates)
    expect(round(rates["requests_per_second"] * rates["over_seconds"]) >= 20, rates)
    expect_in("requests/s", weir.ctl("status"))


@test("what is under way and what is kept is in the gauges, what passed in the counters")
def _():
    gate = Gate()

    def script(conn, request):
        gate.wait()
        conn.send(head("HTTP/1.1 103 Early Hints"), fresh("x" * 5000))
    origin.on("/gauges", script)
    before = {name: weir.metric(name) for name in ("client_bytes_total", "origin_bytes_total", "responses_total", "cache_entries", "cache_bytes",
                                                   "request_duration_seconds_count", "request_ttfb_seconds_count", "client_aborts_total")}
    with weir.site() as client, weir.site() as leaver:
        client.ask("/gauges")
        gate.reached()
        expect(weir.metric("exchanges_active") >= 1)
        expect_equal((weir.metric("fills_active"), weir.metric("workers")), (1, 2))
        expect(weir.metric("origin_connections") >= 1)
        leaver.ask("/gauges")
        wait_until(lambda: weir.metric("exchanges_active") >= 2, "the second")
        leaver.reset()
        wait_until(lambda: weir.metric("client_aborts_total") == before["client_aborts_total"] + 1, "the abort to be counted")
        gate.open()
        expect_equal(len(client.response().body), 5000)
    wait_until(lambda: weir.metric("exchanges_active") == 0 and weir.metric("fills_active") == 0, "the end")
    expect(weir.metric("origin_connections_idle") >= 1)
    expect_equal(weir.metric("cache_entries"), before["cache_entries"] + 1)
    expect(5000 < weir.metric("cache_bytes") - before["cache_bytes"] < 8000)
    for name, least in (("client_bytes_total", 5000), ("origin_bytes_total", 5000), ("responses_total", 2),
                        ("request_duration_seconds_count", 1), ("request_ttfb_seconds_count", 1)):
        expect(weir.metric(name) >= before[name] + least, f"{name}: {before[name]}, then {weir.metric(name)}")


@test("log sql: any SELECT; a write is refused; an error is 1")
def _():
    origin.on("/sql", answer("x"))
    with weir.site() as client:
        client.get("/sql")
    weir.row("path = '/sql'")
    rows = weir.sql("SELECT a.path, count(*) AS n FROM access a JOIN access b ON a.id = b.id WHERE a.path = '/sql' GROUP BY 1")
    expect_equal(rows, [{"path": "/sql", "n": 1}])
    expect_in("/sql", weir.ctl("log", "sql", "SELECT path FROM access"))
    for query in ("DELETE FROM access", "SELECT nonsense FROM access", "ATTACH '/tmp/x' AS x", "CREATE TABLE x(a)"):
        code, text = weir.ctl("log", "sql", query, code=None)
        expect(code != 0, query)


@test("log req finds one request by its id")
def _():
    row = weir.row("path = '/sql'")
    expect_in("/sql", weir.ctl("log", "req", row["id"]))
    code, _ = weir.ctl("log", "req", "0000000000000000", code=None)
    expect(code != 0)


@test("tail gives requests as they come, filtered; a filter that is wrong names the near fields")
def _():
    origin.on("/tailed", answer("x", status=404))
    from lib.weir import WEIRCTL
    tail = subprocess.Popen([WEIRCTL, "-s", weir.socket, "--json", "tail", "status = 404 and path = /tailed"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.set_blocking(tail.stdout.fileno(), False)
    got = bytearray()

    def look():
        with weir.site() as client:
            client.get("/tailed")
            client.get("/sql")
        got.extend(tail.stdout.read() or b"")
        return b"/tailed" in got
    try:
        wait_until(look, "a line of tail")
    finally:
        tail.terminate()
        tail.wait()
        tail.stdout.close()
        tail.stderr.close()
    expect(b"/sql" not in got, repr(bytes(got)))
    done = subprocess.run([WEIRCTL, "-s", weir.socket, "tail", "statsu = 404"], capture_output=True, text=True)
    expect_equal((done.returncode, done.stdout), (2, ""))
    expect_in("did you mean `status`", done.stderr)


@test("exit codes: 2 for usage, 3 when there is no daemon")
def _():
    code, _ = weir.ctl("nonsense", code=None)
    expect_equal(code, 2)
    code, text = run_weir("weirctl", "-s", "/nowhere/admin.sock", "status")
    expect_equal(code, 3, text)


@test("--help fits a screen and shows no verb that is not built")
def _():
    text = weir.ctl("--help")
    expect(len(text.splitlines()) <= 50, f"{len(text.splitlines())} lines")
    for verb in ("rollback", "backup", "unblock"):
        expect(verb not in text, verb)


@test("metrics: every family once, with HELP and TYPE; counters move")
def _():
    import urllib.request
    host, port = weir.listener("admin")
    with urllib.request.urlopen(f"http://{host}:{port}/metrics") as page:
        text = page.read().decode()
        kind = page.headers["Content-Type"]
    expect_in("text/plain", kind)
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    expect_equal(len(families), len(set(families)))
    helped = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    expect_equal(set(families), helped)
    before = weir.metric("requests_total")
    with weir.site() as client:
        client.get("/sql")
    wait_until(lambda: weir.metric("requests_total") > before, "the counter to move")


@test("the admin listener carries out a command with the token, and none without")
def _():
    host, port = weir.listener("admin")
    for line, good in (("Authorization: Bearer secret-of-the-tests", True), ("Authorization: Bearer wrong", False), ("X: 1", False)):
        with Client((host, port)) as client:
            client.send(head("POST /v1/status HTTP/1.1", f"Host: {host}", "Content-Type: application/json", "Content-Length: 2", "Connection: close", line) + b"{}")
            response = client.response()
        expect_equal(response.status == 200, good, f"{line}: {response.status}")


@test("the JSON access log has the same rows; SIGUSR1 opens it anew")
def _():
    origin.on("/json", answer("x"))
    path = weir.dir / "access.json"

    def has(what):
        with weir.site() as client:
            client.get("/json?" + what)
        return path.exists() and any(json.loads(line).get("query") == what for line in path.read_text().splitlines())
    wait_until(lambda: has("one"), "a line of JSON")
    path.rename(weir.dir / "access.old")
    weir.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: has("two"), "a line in the new file")


@test("W11.6 a second start on the same port fails loudly, naming the address")
def _():
    host, port = weir.listener("site")
    text = f"admin {{ socket $DIR/second.sock }}\nstate $DIR/state2\nsite a {{ listen {host}:{port}; route / {{ respond 200 }} }}\n"
    path = weir.write("second.conf", text)
    code, output = run_weir("weir", "-c", str(path))
    expect(code == 1, f"ended with {code}: {output}")
    expect_in(f"{host}:{port}", output)


main(origin, weir)
