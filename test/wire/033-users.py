#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Users and auth basic: forward (407) and site (401), tunnels, HTTP/2, before the cache; what is memoised, who is
locked out; user and group in rules, limits by user; the file, its reload and weirctl user. W8.6."""
import base64
import re
import subprocess
import threading

from lib import *
from lib.websocket import echo

ANN = "ann:$2y$04$/TdeYD575DRVifO9NSYTDusAteV6mO3xjQgHSNO7pFY6qmegVA.nq"  # open:sesame
BOB = "bob:$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA"  # secret
SLOW = "slow:$2y$11$5q981h3L4kIz4RqcC.t.OuSSNNgOXrivEoNbuPaWCPVkgcYanrMl."  # slow
authority = Authority()
www = authority.make("www", "DNS:www.test", "DNS:proxy.test")
origin = Origin()
text = config(origin, top="""
users staff { file $DIR/users  cache 5min  attempts 5  lock-time 1min }
users heavy { file $DIR/heavy  cache 5min }
limit each  { key user  rate 2/h }
limit quota { key user  quota 4KB/day }
cache joined shared { memory 16MB }
""", forward='auth basic from staff realm "Company proxy"', rules="""
    limit each path /limited
    limit quota path /quota
    deny path /bob unless user bob
    deny path /it unless group it admins
    deny host it.test unless group it
    allow all
""", site="auth basic from staff", routes="""
    route /open/  { auth none; cache main; pool app }
    route /pass/  { auth basic from staff realm "Once more" pass; cache main; pool app }
    route /       { cache joined; pool app }
""") + f"""
site www.test {{
    listen 127.0.0.6:0
    route / {{ cache joined; pool app }}
}}
forward open {{
    listen 127.0.0.7:0
    private deny except 127.0.0.0/8
    cache joined
    rules {{ allow all }}
}}
forward tls {{
    listen 127.0.0.8:0 tls cert {www} http1 http2
    connect {origin.port}
    private deny except 127.0.0.0/8
    auth basic from staff
    rules {{ allow all }}
}}
forward heavy {{
    listen 127.0.0.9:0
    private deny except 127.0.0.0/8
    auth basic from heavy
    rules {{ allow all }}
}}
site secure.test {{
    listen 127.0.0.10:0 redirect https
    listen 127.0.0.11:0 tls cert {www} http1 http2
    auth basic from staff
    rules {{ allow user ann; deny all }}
    route / {{ pool app }}
}}
"""
USERS = f"# staff\n{ANN}:it,sales\n{BOB}\n"
weir = Weir(text, clock=True, files={"users": USERS, "heavy": SLOW + "\n"})


def basic(name, password, scheme="Basic", field="Proxy-Authorization"):
    plain = f"{name}:{password}".encode() if isinstance(password, str) else name.encode() + b":" + password
    return f"{field}: {scheme} {base64.b64encode(plain).decode()}"


ann = basic("ann", "open:sesame")
bob = basic("bob", "secret")


def login(name="ann", password="open:sesame"):
    return basic(name, password, field="Authorization")


def by_proxy(path, *fields, listener="forward lan", **keys):
    with Client(weir.listener(listener)) as client:
        return client.get(origin.url(path), *fields, host=origin.name, **keys)


def logins(result):
    return weir.metrics()[f'weir_logins_total{{result="{result}"}}']


@test("W8.6 a forward asks with 407 and Proxy-Authenticate, and lets pass who knows; the field is not forwarded")
def _():
    origin.on("/first", answer("in"))
    refused = by_proxy("/first")
    expect_equal((refused.status, refused.field("Proxy-Authenticate")), (407, 'Basic realm="Company proxy", charset="UTF-8"'))
    expect("WWW-Authenticate" not in refused.fields)
    expect_in("no-store", refused.field("Cache-Control"))
    expect_equal(origin.count("/first"), 0)
    for field in (ann, basic("ann", "open:sesame", "bASIC"), basic("ann", "open:sesame", "Basic  ")):
        expect_equal(by_proxy("/first", field).status, 200, field)
    for request in origin.seen("/first"):
        expect("Proxy-Authorization" not in request.fields, "forwarded")
    expect_equal(weir.row("path = '/first' AND status = 407")["end"], "unauthorized")
    expect_equal([row["user"] for row in weir.rows("path = '/first' AND status = 200", count=3)], ["ann"] * 3)
    expect_equal(weir.row("path = '/first' AND status = 407")["user"], "")


@table("W8.6 wrong credentials are 407: {}", [
    ("another password", basic("ann", "sesame")), ("the beginning of it", basic("ann", "open")), ("more than it", basic("ann", "open:sesame ")),
    ("letter case of the name", basic("Ann", "open:sesame")), ("nobody", basic("eve", "open:sesame")), ("no password", basic("ann", "")),
    ("NUL after it", basic("ann", b"open:sesame\0")), ("NUL and more", basic("ann", b"open:sesame\0x")), ("a line feed", basic("ann", b"open:sesame\n")),
    ("NUL in the name", basic("ann\0", "open:sesame")), ("no base64", "Proxy-Authorization: Basic ann:open"), ("not padded", ann.rstrip("=") + "!"),
    ("no colon", "Proxy-Authorization: Basic YW5u"), ("another scheme", "Proxy-Authorization: Bearer YW5uOm9wZW46c2VzYW1l"),
    ("nothing", "Proxy-Authorization: Basic"), ("the field of sites", login()), ("300 octets", basic("bob", "secret" + "x" * 300))])
def _(field):
    origin.on("/wrong", answer("in"))
    expect_equal(by_proxy("/wrong", field).status, 407)
    expect_equal(origin.count("/wrong"), 0)


@test("W8.6 two fields of credentials are none")
def _():
    expect_equal(by_proxy("/first", ann, bob).status, 407)
    expect_equal(by_proxy("/first", bob, basic("bob", "x")).status, 407)
    with H2Client(weir.listener("forward tls"), name="proxy.test", ca=authority.ca) as client:
        fields = [("proxy-authorization", each.partition(": ")[2]) for each in (bob, ann)]
        got = client.get("/first", *fields, host=origin.name)
        expect_equal(got.status, 407)


@test("W8.6 each request is checked, before the cache; HEAD, conditions and ranges too")
def _():
    weir.advance(61)  # nobody is locked out any more
    origin.on("/stored", fresh("stored", "ETag: \"1\""))
    with weir.forward() as client:
        expect_equal(client.get(origin.url("/stored"), ann, host=origin.name).status, 200)
        hit = client.get(origin.url("/stored"), bob, host=origin.name)
        expect_in("hit", hit.field("Cache-Status"))
        for fields in ([], ['If-None-Match: "1"'], ["Range: bytes=0-1"], ["Cache-Control: only-if-cached"], [basic("bob", "no")]):
            refused = client.get(origin.url("/stored"), *fields, host=origin.name)
            expect_equal((refused.status, b"stored" in refused.body), (407, False), fields)
        expect_equal(client.get(origin.url("/stored"), method="HEAD", host=origin.name).status, 407)
        expect_in("hit", client.get(origin.url("/stored"), bob, host=origin.name).field("Cache-Status"))
    expect_equal(origin.count("/stored"), 1)


@test("W8.6 CONNECT: 407 and the end of the connection, or a tunnel")
def _():
    with weir.forward() as client:
        client.ask(origin.name, method="CONNECT", host=origin.name)
        refused = client.response("CONNECT")
        expect_equal((refused.status, refused.field("Connection")), (407, "close"))
        client.end()
    with weir.forward() as client:
        client.ask(origin.name, ann, method="CONNECT", host=origin.name)
        expect_equal(client.response("CONNECT").status, 200)
        origin.on("/inside", answer("through"))
        expect_equal(client.get("/inside", host=origin.name).body, b"through")
    row = weir.row("kind = 'tunnel' AND user = 'ann'")
    expect_equal(row["status"], 200)
    expect("Proxy-Authorization" not in origin.seen("/inside")[0].fields)


@table("W8.6 curl --proxy-user: {}", [
    ("http", [], "http", "forward lan"), ("a tunnel", ["-p"], "http", "forward lan"), ("https proxy", [], "https", "forward tls"),
    ("a tunnel through an https proxy", ["-p"], "https", "forward tls")])
def _(words, scheme, listener):
    origin.on("/curl", answer("by curl"))
    host, port = weir.listener(listener)

    def curl(user):
        done = subprocess.run(["curl", "-sS", *words, "--proxy-cacert", authority.ca, "--resolve", f"proxy.test:{port}:{host}", "-x",
                               f"{scheme}://proxy.test:{port}", "--proxy-user", user, "--proxy-anyauth", "-w", "|%{http_code}|%{http_connect}",
                               origin.url("/curl")], capture_output=True, text=True, timeout=DEADLINE)
        return done.stdout, done.stderr
    got, why = curl("ann:open:sesame")
    expect(got.startswith("by curl|200"), got + why)
    got, _ = curl("ann:sesame!")
    expect("407" in got, got)


@test("W8.6 a forward over HTTP/2: requests and tunnels; wrong is 407 on its stream alone")
def _():
    origin.on("/h2", answer("over h2"))
    with H2Client(weir.listener("forward tls"), name="proxy.test", ca=authority.ca) as client:
        name, _, value = ann.partition(": ")
        field = (name.lower(), value)
        expect_equal(client.get("/h2", host=origin.name).status, 407)
        expect_equal(client.get("/h2", ("proxy-authorization", "Basic x"), host=origin.name).status, 407)
        asked = client.get("/h2", field, host=origin.name)
        expect_equal((asked.status, bytes(asked.body)), (200, b"over h2"))
        refused = client.headers((":method", "CONNECT"), (":authority", origin.name))
        while not client.seen(refused).heads:
            client.step()
        expect_equal(client.seen(refused).status, 407)
        tunnel = client.headers((":method", "CONNECT"), (":authority", origin.name), field, end=False)
        while not client.seen(tunnel).heads:
            client.step()
        expect_equal(client.seen(tunnel).status, 200)
    expect("Proxy-Authorization" not in origin.seen("/h2")[0].fields)


@test("W8.6 an extended CONNECT (8441) to a site: 401, or a WebSocket")
def _():
    origin.on("/socket", echo)
    with H2Client(weir.listener("site secure.test", 1), name="www.test", ca=authority.ca) as client:
        name, _, value = login().partition(": ")
        for more, wanted in ([], 401), ([(name.lower(), value)], 200):
            method, *rest = client.fields("/socket", ("sec-websocket-version", "13"), *more, method="CONNECT", scheme="https", host="secure.test")
            stream = client.headers(method, (":protocol", "websocket"), *rest, end=False)
            while not client.seen(stream).heads:
                client.step()
            expect_equal(client.seen(stream).status, wanted)


@test("FEATURES 4: a hash is computed once, whoever asks meanwhile, and then known until its time is over")
def _():
    weir.advance(301)
    origin.on("/memo", answer("x"))
    before = weir.metric("login_hashes_total")
    statuses = []

    def come():
        statuses.append(by_proxy("/memo", ann).status)
    threads = [threading.Thread(target=come) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect_equal(statuses, [200] * 12)
    for _ in range(20):
        expect_equal(by_proxy("/memo", ann).status, 200)
    expect_equal(weir.metric("login_hashes_total") - before, 1)
    weir.advance(301)
    expect_equal(by_proxy("/memo", ann).status, 200)
    expect_equal(weir.metric("login_hashes_total") - before, 2)
    expect_equal(weir.metric("login_hashes_waiting"), 0)


@test("FEATURES 4: after so many wrong passwords a name is locked out for its client; who was right before goes on")
def _():
    origin.on("/locked", answer("x"))
    before = weir.metric("login_hashes_total")
    expect_equal(by_proxy("/locked", ann).status, 200)
    for _ in range(20):  # the same one counts once
        expect_equal(by_proxy("/locked", basic("bob", "old")).status, 407)
    expect_equal([by_proxy("/locked", basic("bob", f"guess{n}")).status for n in range(4)], [407] * 4)
    hashes = weir.metric("login_hashes_total")
    expect(hashes - before <= 6, hashes)
    refused = by_proxy("/locked", bob)
    expect_equal(refused.status, 429)
    expect(50 <= int(refused.field("Retry-After")) <= 60, refused.field("Retry-After"))
    expect_equal(weir.metric("login_hashes_total"), hashes)
    with Client(weir.listener("forward lan"), source="127.0.0.99") as client:  # another client
        expect_equal(client.get(origin.url("/locked"), bob, host=origin.name).status, 200)
    expect_equal(by_proxy("/locked", bob).status, 200)  # found right, there, just now
    expect_equal(by_proxy("/locked", ann).status, 200)
    expect_equal(weir.row("path = '/locked' AND status = 429")["end"], "locked")
    expect_in("users: staff: bob is locked out from 127.0.0.1 after 5 wrong passwords", weir.stderr)
    expect_equal(weir.metric("lockouts_total"), 1)
    for n in range(4):
        by_proxy("/locked", basic("nobody\u00e9", f"x{n}"))
    expect_equal(by_proxy("/locked", basic("nobody\u00e9", "x4")).status, 407)
    expect_equal(by_proxy("/locked", basic("nobody\u00e9", "x5")).status, 429)
    weir.advance(61)
    expect_equal(by_proxy("/locked", basic("nobody\u00e9", "x5")).status, 407)


@test("FEATURES 4: too many hashes at once are 503, and who is known goes on")
def _():
    origin.on("/busy", answer("x"))
    expect_equal(by_proxy("/busy", basic("slow", "slow"), listener="forward heavy").status, 200)
    clients = [Client(weir.listener("forward heavy")) for _ in range(40)]
    for number, client in enumerate(clients):
        client.ask(origin.url("/busy"), basic(f"nobody{number}", "x"), host=origin.name)
    expect_equal(by_proxy("/busy", basic("slow", "slow"), listener="forward heavy").status, 200)
    statuses = [client.response().status for client in clients]
    for client in clients:
        client.close()
    expect(statuses.count(407) >= 16 and statuses.count(503) > 0 and len(statuses) == statuses.count(407) + statuses.count(503), statuses)
    expect_equal(logins("busy"), statuses.count(503))
    weir.row("path = '/busy' AND status = 503 AND end = 'overloaded'")


@test("W8.6 who goes while the hash is computed does no harm; who pipelines is answered in order")
def _():
    for number in range(8):
        client = Client(weir.listener("forward heavy"))
        client.ask(origin.url("/busy"), basic(f"gone{number}", "x"), host=origin.name)
        client.reset() if number % 2 else client.close()
    with Client(weir.listener("forward heavy")) as client:
        for field in (basic("pipe", "x"), basic("slow", "slow"), basic("pipe", "y")):
            client.ask(origin.url("/busy"), field, host=origin.name)
        expect_equal([client.response().status for _ in range(3)], [407, 200, 407])
    wait_until(lambda: weir.metric("login_hashes_waiting") == 0, "the hashes")
    wait_until(lambda: weir.metric("exchanges_active") == 0, "no exchange")


@test("W8.6 a site asks with 401 and WWW-Authenticate; its origin does not get the field, unless it says pass")
def _():
    for path in ("/page", "/open/page", "/pass/page"):
        origin.on(path, fresh("x"))
    with weir.site() as client:
        refused = client.get("/page")
        expect_equal((refused.status, refused.field("WWW-Authenticate")), (401, 'Basic realm="*", charset="UTF-8"'))
        expect("Proxy-Authenticate" not in refused.fields)
        expect_equal(client.get("/page", login(password="x")).status, 401)
        expect_equal(client.get("/page", ann).status, 401)  # the field of proxies
        expect_equal(client.get("/page", login()).status, 200)
        expect_equal(client.get("/open/page").status, 200)
        expect_equal(client.get("/pass/page").field("WWW-Authenticate"), 'Basic realm="Once more", charset="UTF-8"')
        expect_equal(client.get("/pass/page", login()).status, 200)
        expect_equal(client.get("/nowhere/../page").status, 401)
        expect_equal(client.get("/page", login(), method="OPTIONS").status // 100, 2 if origin.count("/page") > 1 else 4)
    expect("Authorization" not in origin.seen("/page")[0].fields)
    expect_equal(origin.seen("/pass/page")[0].field("Authorization"), login().partition(": ")[2])


@test("W7.4 what a site stores is shared among those who log in, marked private, and reaches nobody else")
def _():
    origin.on("/secret", fresh("the secret", "Cache-Control: public"))
    host, port = weir.listener("site *")
    other = weir.listener("site www.test")
    asked = f"www.test:{port}"
    with weir.site() as client:
        first = client.get("/secret", login(), host=asked)
        expect_equal(first.status, 200)
        hit = client.get("/secret", login("bob", "secret"), host=asked)
        expect_in("hit", hit.field("Cache-Status"))
        for each in (first, hit):
            expect_in("private", each.fields.all("Cache-Control"))
        expect_equal(client.get("/secret", host=asked).status, 401)
    # The same cache, the same URL and port in the key: a forward, and a site, where nobody logs in.
    with Client(weir.listener("forward open")) as client:
        got = client.get(f"http://{asked}/secret", host=asked)
        expect(b"the secret" not in got.body, got.body)
    with Client(other) as client:
        got = client.get("/secret", host=asked)
        expect_in("fwd=uri-miss", got.field("Cache-Status"))
        expect("private" not in got.fields.all("Cache-Control"))
    # And the other way round: what is stored there is not what users get.
    expect_equal(origin.count("/secret"), 2)
    with weir.site() as client:
        expect_in("hit", client.get("/secret", login(), host=asked).field("Cache-Status"))
    expect_in("users staff", weir.ctl("cache", "get", f"http://{asked}/secret", "--site", "*", "--user", "ann"))
    expect_in("hit", weir.ctl("cache", "get", f"http://{asked}/secret", "--site", "*", "--user", "bob"))
    weir.ctl("purge", f"http://{asked}/secret", "--hard", "--wait")
    with weir.site() as client:
        expect_in("fwd=uri-miss", client.get("/secret", login(), host=asked).field("Cache-Status"))


@test("W7.4 with pass the origin knows who asks, and its answer is shared only as it allows")
def _():
    origin.on("/pass/own", fresh("for ann"))
    with weir.site() as client:
        expect_equal(client.get("/pass/own", login()).status, 200)
        got = client.get("/pass/own", login("bob", "secret"))
        expect("hit" not in got.field("Cache-Status"), got.field("Cache-Status"))
    expect_equal(origin.count("/pass/own"), 2)


@test("W7.7 requests that wait for one fetch: nobody joins who has not logged in")
def _():
    gate = Gate()

    def slow(connection, request):
        gate.wait()
        connection.send(fresh("collapsed"))
    origin.on("/collapse", slow)
    with weir.site() as first, weir.site() as second:
        first.ask("/collapse", login())
        origin.wait("/collapse")
        second.ask("/collapse", login("bob", "secret"))
        wait_until(lambda: weir.metric("cache_collapsed_total") > 0, "the second to join")
        with weir.site() as third:
            expect_equal(third.get("/collapse").status, 401)
        gate.open()
        expect_equal([each.response().body for each in (first, second)], [b"collapsed"] * 2)
    expect_equal(origin.count("/collapse"), 1)


@test("redirect https asks nobody for a password in clear; behind it the rules know the user")
def _():
    origin.on("/deep", answer("deep"))
    with Client(weir.listener("site secure.test")) as client:
        got = client.get("/deep", host="secure.test")
        expect_equal((got.status, got.field("Location").startswith("https://secure.test")), (301, True))
    with TlsClient(weir.listener("site secure.test", 1), "www.test", authority.ca) as client:
        expect_equal(client.get("/deep", host="secure.test").status, 401)
        expect_equal(client.get("/deep", login(), host="secure.test").status, 200)
        expect_equal(client.get("/deep", login("bob", "secret"), host="secure.test").status, 403)


@test("FEATURES 9: rules by user and group")
def _():
    for path in ("/bob", "/it"):
        origin.on(path, answer("x"))
    expect_equal([by_proxy(path, field).status for path in ("/bob", "/it") for field in (ann, bob)], [403, 200, 200, 403])
    row = weir.row("path = '/bob' AND status = 403")
    expect_equal(row["user"], "ann")
    expect_in("deny path /bob unless user bob", row["rule"])
    with weir.forward() as client:  # a tunnel has a user, too
        client.ask("it.test:443", bob, method="CONNECT", host="it.test:443")
        expect_equal(client.response("CONNECT").status, 403)


@test("limits by user: rate and quota, wherever the user comes from")
def _():
    origin.on("/limited", answer("x"))
    origin.on("/quota", answer("x" * 5000))
    expect_equal([by_proxy("/limited", ann).status for _ in range(3)], [200, 200, 429])
    expect_equal(by_proxy("/limited", bob).status, 200)
    with Client(weir.listener("forward lan"), source="127.0.0.98") as client:
        expect_equal(client.get(origin.url("/limited"), ann, host=origin.name).status, 429)
    expect_equal(by_proxy("/quota", ann).status, 200)
    wait_until(lambda: weir.metric("exchanges_active") == 0, "no exchange")  # what was sent has been counted
    expect_equal(by_proxy("/quota", ann).status, 429)
    expect_equal(by_proxy("/quota", bob).status, 200)
    expect_in("user=ann", weir.ctl("limit", "top", "each"))
    expect_in("user=bob", weir.ctl("limit", "top", "quota"))


@test("explain, cache get and config show tell of users")
def _():
    url = origin.url("/bob")
    expect_in("have to log in (407)", weir.ctl("explain", url, "--forward", "lan"))
    expect_in("eve is none of users staff (407)", weir.ctl("explain", url, "--forward", "lan", "--user", "eve"))
    told = weir.ctl("explain", url, "--forward", "lan", "--user", "ann")
    expect_in("ann in it, sales, of users staff", told)
    expect_in("deny 403", told)
    expect_in("allow", weir.ctl("explain", url, "--forward", "lan", "--user", "bob"))
    offline = weir.ctl("explain", url, "--forward", "lan", "--user", "ann", "-c", str(weir.config_file))
    expect_in("the user is ann", offline)
    shown = weir.ctl("config", "show")
    for part in ('basic from staff realm "Company proxy"', 'basic from staff realm "Once more" pass', str(weir.dir / "users")):
        expect_in(part, shown)


@test("warm fetches what users alone get, without a password, and nobody else gets it")
def _():
    origin.on("/warm", fresh("warmed"))
    host, port = weir.listener("site *")
    asked = f"www.test:{port}"
    weir.write("urls", f"http://{asked}/warm\n")
    weir.ctl("cache", "warm", str(weir.dir / "urls"), "--site", "*", "--wait")
    with weir.site() as client:
        expect_equal(client.get("/warm", host=asked).status, 401)
        expect_in("hit", client.get("/warm", login(), host=asked).field("Cache-Status"))
    expect_equal(origin.count("/warm"), 1)


def ctl(*words, password, code=0):
    done = subprocess.run([WEIRCTL, *words], input=password + "\n", capture_output=True, text=True, cwd=weir.dir, timeout=DEADLINE)
    expect_equal(done.returncode, code, done.stdout + done.stderr)
    return done.stdout + done.stderr


@test("weirctl user add, passwd, test, ls; a reload puts the file in force under traffic, and no request fails")
def _():
    origin.on("/reload", answer("x"))
    stop, statuses = threading.Event(), []

    def come():
        with weir.forward() as client:
            while not stop.is_set():
                statuses.append(client.get(origin.url("/reload"), ann, host=origin.name).status)
    threads = [threading.Thread(target=come) for _ in range(3)]
    for thread in threads:
        thread.start()
    where = ("-c", str(weir.config_file), "--users", "staff")
    try:
        ctl("user", "add", "eve", "--group", "it,admins", *where, password="first one")
        expect_equal(by_proxy("/reload", basic("eve", "first one")).status, 407)
        weir.ctl("reload")
        expect_equal(by_proxy("/reload", basic("eve", "first one")).status, 200)
        expect_equal(by_proxy("/it", basic("eve", "first one")).status, 200)
        ctl("user", "passwd", "eve", *where, password="second:one")
        weir.ctl("reload")
        expect_equal(by_proxy("/reload", basic("eve", "first one")).status, 407)
        expect_equal(by_proxy("/reload", basic("eve", "second:one")).status, 200)
        file = weir.dir / "users"
        file.write_text("".join(line for line in file.read_text().splitlines(True) if not line.startswith("bob:")))
        weir.ctl("reload")
        expect_equal(by_proxy("/reload", bob).status, 407)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    expect(len(statuses) > 20 and set(statuses) == {200}, set(statuses))
    listed = weir.ctl("user", "ls", *where)
    expect(re.search(r"eve +bcrypt +it, admins", listed) and re.search(r"ann +bcrypt +it, sales", listed), listed)
    expect("bob" not in listed)
    expect_in("eve", ctl("user", "test", "eve", *where, password="second:one"))
    ctl("user", "test", "eve", *where, password="first one", code=1)
    ctl("user", "add", "eve", *where, password="x", code=1)
    ctl("user", "passwd", "bob", *where, password="x", code=1)
    ctl("user", "add", "a:b", *where, password="x", code=2)
    ctl("user", "add", "long", *where, password="x" * 73, code=2)
    ctl("user", "add", "none", *where, password="", code=2)
    before = file.read_bytes()
    expect_in("dry run", ctl("user", "add", "dry", *where, "--dry-run", password="x"))
    expect_equal(file.read_bytes(), before)
    expect_in("say which with --users", ctl("user", "test", "eve", "-c", str(weir.config_file), password="x", code=1))
    expect_equal(file.stat().st_mode & 0o777, 0o640)
    expect_equal(file.read_text().splitlines()[0], "# staff")
    ctl("user", "add", "new", "--file", str(weir.dir / "other"), password="x")
    expect_equal((weir.dir / "other").stat().st_mode & 0o777, 0o640)


@test("a file of htpasswd -B is taken as it is")
def _():
    done = subprocess.run(["htpasswd", "-bBc", str(weir.dir / "heavy"), "Jim", "from htpasswd"], capture_output=True, text=True)
    expect_equal(done.returncode, 0, done.stderr)
    weir.ctl("reload")
    expect_equal(by_proxy("/first", basic("Jim", "from htpasswd"), listener="forward heavy").status, 200)
    expect_equal(by_proxy("/first", basic("slow", "slow"), listener="forward heavy").status, 407)
    with open(weir.dir / "heavy", "a") as file:  # as mkpasswd and openssl passwd write them
        file.write("yes:$y$j9T$saltsalt$VuCHcCYYVuebTL.IxzSml3z./71e36sys.wEb95cM54\n"
                   "six:$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1\n")
    weir.ctl("reload")
    for name in ("yes", "six"):
        expect_equal(by_proxy("/first", basic(name, "secret"), listener="forward heavy").status, 200)
        expect_equal(by_proxy("/first", basic(name, "secret "), listener="forward heavy").status, 407)


@table("a mistake in the file is told with its place, without the password, and the reload changes nothing: {}", [
    ("clear text", "eve:hunter2", ":2:5: ", "no hash"), ("MD5", "eve:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0", ":2:5: ", "MD5"),
    ("SHA-1", "eve:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", ":2:5: ", "SHA-1"), ("DES", "eve:rqXexS6ZhobKA", ":2:5: ", "DES"),
    ("twice", ANN, ":2:1: ", "twice"), ("no colon", "hunter2", ":2:1: ", "no ':'"), ("group", BOB + ":a b", ":2:61: ", "a group has")])
def _(line, place, what):
    file = weir.dir / "users"
    before = file.read_text()
    generation = weir.metric("generation")
    try:
        file.write_text(f"{ANN}:it,sales\n{line}\n")
        for words in (("reload",), ("config", "test", str(weir.config_file))):
            told = weir.ctl(*words, code=None)
            expect_equal(told[0], 1, told[1])
            expect_in(str(file) + place, told[1])
            expect_in(what, told[1])
            expect_in("^", told[1])
            for secret in ("hunter2", "LrttParr", "5en6G6", "rqXexS6"):
                expect(secret not in told[1].replace("-bBc", ""), told[1])
        expect_equal(weir.metric("generation"), generation)
        expect_equal(by_proxy("/first", ann).status, 200)
    finally:
        file.write_text(before)


@table("the configuration is checked: {}", [
    ("no such users", "forward a { listen 127.0.0.1:0; auth basic from staf; rules { allow all } }", "did you mean 'staff'?"),
    ("user without auth", "forward a { listen 127.0.0.1:0; rules { allow user ann } }", "nobody logs in to this forward"),
    ("group without auth", "forward a { listen 127.0.0.1:0; rules { deny all unless group it } }", "nobody logs in to this forward"),
    ("a limit by user without auth", "limit l { key user rate 1/h }\nforward a { listen 127.0.0.1:0; rules { limit l; allow all } }", "counts by user"),
    ("pass in a forward", "forward a { listen 127.0.0.1:0; auth basic from staff pass; rules { allow all } }", "passes no credentials on"),
    ("an l4", "pool p { server 127.0.0.1:1 }\nl4 a { listen 127.0.0.1:0; pool p; rules { allow user ann } }", "knows nothing of requests"),
    ("a realm with quotes", "forward a { listen 127.0.0.1:0; auth basic from staff realm \"a\\\"b\"; rules { allow all } }", "without quotes"),
    ("no file", "users none-here { file /nowhere/users }", "No such file"), ("users without a file", "users empty { }", "has no file")])
def _(text, what):
    path = weir.write("bad.conf", f"users staff {{ file $DIR/users }}\n{text}\n")
    code, told = weir.ctl("config", "test", str(path), code=None)
    expect_equal(code, 1, told)
    expect_in(what, told)


@test("a forward with auth may listen to the world")
def _():
    open_one = "users staff { file $DIR/users }\nforward a { listen 0.0.0.0:0; AUTH; rules { allow all } }\n"
    weir.ctl("config", "test", str(weir.write("world.conf", open_one.replace("AUTH", "auth basic from staff"))))
    code, told = weir.ctl("config", "test", str(weir.write("world.conf", open_one.replace("AUTH", "auth none"))), code=None)
    expect_equal(code, 1, told)
    expect_in("auth basic from NAME", told)


main(origin, weir)
