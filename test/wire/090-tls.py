#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS towards clients: certificates by SNI, tickets, reload, client certificates, what the log has."""
import ssl
import subprocess
import threading

from lib import *

authority = Authority()
other = Authority("another CA")
www = authority.make("www", "DNS:www.test", "DNS:*.wild.test")
rsa = authority.make("rsa", "DNS:rsa.test", key="rsa")
soon = authority.make("soon", "DNS:soon.test", days=20)
proxy = authority.make("proxy", "IP:127.0.0.1", "DNS:proxy.test")
alice = authority.make("alice", "email:alice@x.test", subject="/O=Example/CN=alice")
bob = authority.make("bob", "URI:spiffe://x.test/bob", "DNS:CN=alice")
mallory = other.make("mallory")

origin = Origin()
text = config(origin) + f"""
site secure.test www.test *.wild.test rsa.test soon.test {{
    listen 127.0.0.4:0 tls cert {www} cert {rsa} cert {soon}
    rules {{ deny path /only-http scheme https }}
    route / {{ cache main; pool app }}
}}
site moved.test {{
    listen 127.0.0.5:0 redirect https
    route / {{ pool app }}
}}
site guarded.test {{
    listen 127.0.0.6:0 tls cert {www} client-cert required {authority.ca}
    route / {{ pool app }}
}}
site rules.test {{
    listen 127.0.0.8:0 tls cert {www} client-cert optional {authority.ca}
    route /subject {{ rules {{ allow client-cert "CN=alice,O=Example"; deny all }}; pool app }}
    route /name {{ rules {{ allow client-cert email:alice@x.test ~ ^URI:spiffe://x.test/b; deny all }}; pool app }}
    route /any {{ rules {{ allow client-cert; deny all }}; pool app }}
    route /not {{ rules {{ deny unless client-cert ~ CN=bob }}; pool app }}
}}
forward tls {{
    listen 127.0.0.7:0 tls cert {proxy}
    connect {origin.port}
    private deny except 127.0.0.0/8
    rules {{ allow all }}
}}
"""
weir = Weir(text, clock=True)


def secure(name="www.test", **keys):
    return TlsClient(weir.listener("site secure.test"), name, authority.ca, **keys)


@test("a request over TLS; the log knows version, cipher, SNI and scheme; the origin is told https")
def _():
    origin.on("/a", fresh("hello"))
    with secure() as client:
        response = client.get("/a")
        expect_equal((response.status, response.body), (200, b"hello"))
        expect_equal(client.get("/a").hit, True)
    expect_equal(origin.requests[-1].field("X-Forwarded-Proto"), "https")
    row = weir.row("path = '/a'")
    expect_equal((row["tls"], row["sni"], row["scheme"], row["port"]), ("1.3", "www.test", "https", 443))
    expect_in("TLS_", row["tls_cipher"])


@test("what plain http stored is not what https gets, and the other way")
def _():
    origin.on("/split", fresh("by https"))
    with secure() as client:
        expect_equal(client.get("/split").body, b"by https")
    with weir.site() as client:
        expect_equal(client.get("/split").hit, False)


@table("SNI {} gets its certificate", [("www.test", "www.test", "www.test"), ("x.wild.test", "x.wild.test", "*.wild.test"),
                                        ("WWW.test", "WWW.test", "www.test"), ("rsa.test", "rsa.test", "rsa.test")])
def _(name, wanted):
    with secure(name) as client:
        expect_in(wanted, client.names)


@test("an unknown SNI gets the first certificate, and a client that checks it goes away")
def _():
    made = context(authority.ca)
    made.check_hostname = False
    with secure("unknown.test", made=made) as client:
        expect_in("www.test", client.names)
    try:
        secure("unknown.test")
    except ssl.SSLCertVerificationError:
        return
    raise Failure("the name was not checked")


@table("TLS {} is spoken", [("1.2", "1.2", ssl.TLSVersion.TLSv1_2), ("1.3", "1.3", ssl.TLSVersion.TLSv1_3)])
def _(version, most):
    origin.on("/version", answer("x"))
    with secure(most=most) as client:
        expect_equal(client.sock.version(), "TLSv" + version)
        expect_equal(client.get("/version").status, 200)
    weir.row(f"path = '/version' AND tls = '{version}'")


@test("TLS 1.1, and suites without forward secrecy, are refused")
def _():
    host, port = weir.listener("site secure.test")
    for words in (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1_2", "-cipher", "AES128-GCM-SHA256:AES256-SHA")):
        done = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", *words], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        expect_in("alert", done.stderr + done.stdout, " ".join(words))


@test("ALPN: http/1.1 is chosen; a client that offers nothing we speak is told so")
def _():
    with secure(alpn=["foo", "http/1.1"]) as client:
        expect_equal(client.sock.selected_alpn_protocol(), "http/1.1")
    try:
        secure(alpn=["foo"])
    except ssl.SSLError as error:
        expect_in("NO APPLICATION PROTOCOL", str(error).upper())
        return
    raise Failure("the handshake went through")


@test("a session is resumed on every worker, and after a restart of weir")
def _():
    origin.on("/resume", answer("x"))
    with secure(most=ssl.TLSVersion.TLSv1_2) as client:
        client.get("/resume")
        session, made = client.sock.session, client.context

    def resumed():
        with secure(made=made, session=session) as again:
            again.get("/resume")
            return again.sock.session_reused
    for _ in range(8):
        expect(resumed(), "not resumed")
    weir.restart()
    expect(resumed(), "not resumed after the restart")


@test("bytes that are no TLS, and a handshake that never ends, are counted and end")
def _():
    before = weir.metric("tls_handshakes_failed_total")
    with Client(weir.listener("site secure.test")) as client:
        client.send("GET / HTTP/1.1\r\nHost: www.test\r\n\r\n")
        expect(b"HTTP" not in client.end(), "answered in clear")
    with Client(weir.listener("site secure.test")) as client:
        client.send(b"\x16\x03\x01")
        wait_until(lambda: weir.advance(11) or client.is_quiet() is False, "the deadline of the handshake")
    wait_until(lambda: weir.metric("tls_handshakes_failed_total") >= before + 2, "both to be counted")


@test("a large body by TLS, slowly read, is whole; upload too")
def _():
    body = bytes(range(256)) * 20000
    origin.on("/large", answer(body))
    with secure() as client:
        response = client.get("/large")
        expect_equal(len(response.body), len(body))
        expect(response.body == body, "other bytes")
    seen = {}

    def take(conn, request):
        seen["body"] = conn.body()
        conn.send(answer("taken"))
    origin.on("/take", take)
    with secure() as client:
        expect_equal(client.get("/take", method="POST", body=body).body, b"taken")
    expect(seen["body"] == body, "other bytes came up")


@test("explain, cache get: a URL comes in where its scheme is spoken")
def _():
    def way(verb, url, site):
        ways = weir.ctl_json(*verb.split(), url, "--site", site)["ways"]
        expect_equal(len(ways), 1, ways)
        return ways[0]
    expect_equal(way("explain", "https://www.test/only-http", "secure.test")["result"], "deny 403")
    expect_equal(weir.ctl("explain", "http://www.test/", "--site", "secure.test", code=None)[0], 1)
    expect_equal(way("explain", "http://moved.test/", "moved.test")["result"], "allow: redirect to https")
    origin.on("/told", fresh("x"))
    expect_equal(way("cache get", "https://www.test/told", "secure.test")["outcome"], "miss")
    with secure() as client:
        client.get("/told")
    found = way("cache get", "https://www.test/told", "secure.test")
    expect_equal((found["outcome"], found["key"]["url"]), ("hit", "https://www.test/told"))


@test("redirect https: GET by 301, others by 308, path and query kept")
def _():
    with Client(weir.listener("site moved.test")) as client:
        response = client.get("/a/b?c=d", host="moved.test")
        expect_equal((response.status, response.field("Location")), (301, "https://moved.test/a/b?c=d"))
        response = client.get("/a", host="moved.test", method="POST", body="x")
        expect_equal((response.status, response.field("Location")), (308, "https://moved.test/a"))


@test("client-cert required: no certificate and a foreign one are refused; the log has the subject")
def _():
    origin.on("/guarded", answer("in"))
    address = weir.listener("site guarded.test")
    with TlsClient(address, "www.test", authority.ca, cert=alice) as client:
        expect_equal(client.get("/guarded", host="guarded.test").body, b"in")
    expect_equal(weir.row("path = '/guarded'")["client_cert"], "CN=alice,O=Example")
    for cert in (None, mallory):
        try:
            with TlsClient(address, "www.test", authority.ca, cert=cert) as client:
                client.get("/guarded", host="guarded.test")
        except (ssl.SSLError, ConnectionError, Closed):
            continue
        raise Failure(f"{cert} got in")


@table("rules know the client's certificate, in HTTP/1.1 and HTTP/2, on a new session and a resumed one: {}", [
    ("none", None, {"/subject": 403, "/name": 403, "/any": 403, "/not": 403}),
    ("alice", alice, {"/subject": 200, "/name": 200, "/any": 200, "/not": 403}),
    ("bob", bob, {"/subject": 403, "/name": 200, "/any": 200, "/not": 200})])
def _(cert, wanted):
    for path in wanted:
        origin.on(path, answer("in"))
    address = weir.listener("site rules.test")
    for most in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        session = made = None
        for _ in range(2):
            with TlsClient(address, "www.test", authority.ca, **({"cert": cert, "most": most} if made is None else
                                                                 {"made": made, "session": session})) as client:
                expect_equal({path: client.get(path, host="rules.test").status for path in wanted}, wanted)
                session, made = client.sock.session, client.context
    for path, status in wanted.items():
        words = ["--cert", cert] if cert else []
        host, port = address
        done = subprocess.run(["curl", "-sS", "--http2", "--cacert", authority.ca, "--connect-to", f"www.test:443:{host}:{port}", *words, "-H", "Host: rules.test",
                               "-o", "/dev/null", "-w", "%{http_version} %{http_code}", f"https://www.test{path}"], capture_output=True, text=True)
        expect_equal(done.stdout, f"2 {status}", done.stderr)


@test("explain asks the rules with a certificate; its condition needs a listener that asks for one")
def _():
    url = "https://rules.test/subject"
    expect_in("the client has shown no certificate", weir.ctl("explain", url))
    expect_in("the certificate is of CN=eve", weir.ctl("explain", url, "--client-cert", "CN=eve"))
    expect_in("allow: pool app", weir.ctl("explain", url, "--client-cert", "CN=alice,O=Example", "--client-cert", "email:a@x.test"))
    wrong = weir.write("wrong-cert.conf", f"""
pool a {{ server 127.0.0.1:1 }}
site x.test {{
    listen 127.0.0.1:0 tls cert {www}
    rules {{ allow client-cert "CN=alice"
            allow client-cert alice }}
    route / {{ pool a }}
}}
""")
    code, output = run_weir("weirctl", "config", "test", str(wrong))
    expect_equal(code, 1, output)
    expect_in("wrong-cert.conf:5:19: error: no listener of this site asks for a certificate", output)
    expect_in("wrong-cert.conf:6:31: error:", output)
    expect_in("DNS:, email:, URI: or IP:", output)


@test("a session begun where no certificate is asked for is no way in where one is")
def _():
    with secure(most=ssl.TLSVersion.TLSv1_2) as client:
        client.get("/a")
        session, made = client.sock.session, client.context
    try:
        with TlsClient(weir.listener("site guarded.test"), "www.test", authority.ca, made=made, session=session) as client:
            client.get("/guarded", host="guarded.test")
    except (ssl.SSLError, ConnectionError, Closed):
        return
    raise Failure("got in by a session")


@test("a forward proxy over TLS: http and CONNECT, with curl too")
def _():
    origin.on("/by-tls-proxy", answer("through"))
    host, port = weir.listener("forward tls")
    with TlsClient((host, port), "proxy.test", authority.ca) as client:
        expect_equal(client.get(f"http://{origin.name}/by-tls-proxy", host=origin.name).body, b"through")
    with TlsClient((host, port), "proxy.test", authority.ca) as client:
        client.send(f"CONNECT {origin.name} HTTP/1.1\r\nHost: {origin.name}\r\n\r\n")
        expect_equal(client.response("CONNECT").status, 200)
        client.ask("/by-tls-proxy", host=origin.name)
        expect_equal(client.response().body, b"through")
    done = subprocess.run(["curl", "-sS", "--resolve", f"proxy.test:{port}:{host}", "--proxy", f"https://proxy.test:{port}",
                           "--proxy-cacert", authority.ca, "-p", f"http://{origin.name}/by-tls-proxy"],
                          capture_output=True, text=True)
    expect_equal(done.stdout, "through", done.stderr)


@test("cert ls tells the days left; a certificate with less than 21 days is told at load and in metrics")
def _():
    listed = weir.ctl_json("cert", "ls")["certificates"]
    by_name = {row["names"][0]: row for row in listed if row["listener"] == "site secure.test"}
    expect(88 <= by_name["www.test"]["days_left"] <= 90, repr(by_name))
    expect_in("ends in", by_name["soon.test"]["warning"])
    expect_equal(by_name["rsa.test"]["key"], "RSA")
    expect_in("soon.pem", weir.ctl("cert", "ls"))
    expect_in("rsa.test", weir.ctl("cert", "ls", "--config", str(weir.config_file)))
    expect_equal(weir.metric("tls_certificates_ending"), 1)
    expect_in("soon.pem (site secure.test) ends in", weir.stderr)


@test("the metric and the log follow the clock")
def _():
    weir.advance(75 * 86400)
    wait_until(lambda: weir.metric("tls_certificates_ending") >= 3, "the others to come near their end")
    expect(weir.metric("tls_certificate_days_left") < 0, "soon.test has ended")
    expect_in("has ended", weir.stderr)


@test("config test: key that does not fit, file that is not there, name without certificate")
def _():
    wrong = weir.write("wrong.conf", f"""
pool a {{ server 127.0.0.1:1 }}
site x.test {{
    listen 127.0.0.1:0 tls cert {www} key {rsa}
    route / {{ pool a }}
}}
site y.test {{
    listen 127.0.0.2:0 tls cert /nowhere.pem
    route / {{ pool a }}
}}
""")
    for words in (("weirctl", "config", "test", str(wrong)), ("weir", "-t", "-c", str(wrong))):
        code, output = run_weir(*words)
        expect_equal(code, 1, output)
        expect_in("wrong.conf:4:", output)
        expect_in("does not fit", output)
        expect_in("wrong.conf:8:", output)
    mild = weir.write("mild.conf", f"pool a {{ server 127.0.0.1:1 }}\nsite z.test {{\n listen 127.0.0.1:0 tls cert {www}\n route / {{ pool a }}\n}}\n")
    code, output = run_weir("weirctl", "config", "test", str(mild))
    expect_equal(code, 0, output)
    expect_in("no certificate on 127.0.0.1:0 is for z.test", output)


@test("W11.4 a certificate renewed by reload, under load: no handshake and no request fails")
def _():
    origin.on("/renew", fresh("x"))
    stop, failures, done, seen = threading.Event(), [], [0], set()
    kept = secure()
    kept.get("/renew")
    made = context(authority.ca)
    made.check_hostname = False

    def load():
        while not stop.is_set():
            try:
                with secure(made=made) as client:
                    expect_equal(client.get("/renew").status, 200)
                    seen.update(client.names)
                    done[0] += 1
            except Exception as error:  # whatever it is, it is a failure
                failures.append(repr(error))
    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: done[0] > 20, "some load")
    again = authority.make("www", "DNS:www.test", "DNS:*.wild.test", "DNS:renewed.test")
    expect_equal(again, www)
    for _ in range(3):
        weir.ctl("reload")
    wait_until(lambda: "renewed.test" in seen, "the new certificate")
    stop.set()
    for thread in threads:
        thread.join()
    expect_equal(failures, [])
    expect_equal(kept.get("/renew").status, 200, "the connection of before the reload")
    kept.close()


main(origin, weir)
