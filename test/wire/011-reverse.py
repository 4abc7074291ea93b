#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sites: hosts, routes, hits, what the origin is told of the client."""
from lib import *

origin = Origin()
other = Origin()
weir = Weir(config(origin, names="www.test *.wild.test", listen="trust 10.0.0.0/8", routes=f"""
    route /         {{ cache main; pool app }}
    route /other/   {{ pool other }}
    route /old/     {{ respond 410 "This page is gone." }}
    route /empty    {{ respond 204 }}
    route /robots.txt {{ respond 200 @$DIR/robots.txt }}
    route /moved/   {{ redirect https://new.test/here }}
""", top=f"pool other {{ server {other.name} }}") + """
site trusting.test {
    listen 127.0.0.4:0 trust 127.0.0.0/8
    route / { cache main; pool app }
}
""", files={"robots.txt": "User-agent: *\nDisallow:\n"})


@test("C5.4 C16.2 the second GET is a hit with Age and Cache-Status, the body the same")
def _():
    origin.on("/hit", fresh("cached body", "ETag: \"1\"", "X-Kept: 1"))
    with weir.site() as client:
        first = client.get("/hit")
        expect_equal((first.status, first.hit, first.cache.get("fwd")), (200, False, "uri-miss"))
        second = client.get("/hit")
    expect(second.hit, f"no hit: {second.field('Cache-Status')}")
    expect(0 <= second.age < 60, f"Age {second.field('Age')}")
    expect_equal(second.fields.all("Age"), [second.field("Age")], "one Age only")
    expect_equal((second.body, second.field("X-Kept")), (b"cached body", "1"))
    expect_equal(origin.count("/hit"), 1)
    rows = weir.rows("path = '/hit' ORDER BY time", count=2)
    expect_equal([each["cache"] for each in rows], ["miss", "hit"])
    expect_equal({each["kind"] for each in rows}, {"site"})


@test("C1.2 HEAD is answered from a stored GET")
def _():
    origin.on("/hit-head", fresh("0123456789"))
    with weir.site() as client:
        client.get("/hit-head")
        response = client.get("/hit-head", method="HEAD")
        expect_equal((response.hit, response.field("Content-Length")), (True, "10"))
        expect_equal(client.get("/hit-head").body, b"0123456789")
    expect_equal(origin.count("/hit-head"), 1)


@test("the longest path wins; paths are prefixes on segment borders")
def _():
    other.on("/other/x", answer("other"))
    origin.on("/otherx", answer("app"))
    with weir.site() as client:
        expect_equal(client.get("/other/x").body, b"other")
        expect_equal(client.get("/otherx").body, b"app")


@test("respond: status and text, a file, or nothing; no origin")
def _():
    with weir.site() as client:
        gone = client.get("/old/page")
        expect_equal(gone.status, 410)
        expect_in(b"This page is gone.", gone.body)
        expect_equal(client.get("/empty").status, 204)
        robots = client.get("/robots.txt")
        expect_equal((robots.status, robots.body), (200, b"User-agent: *\nDisallow:\n"))
    expect_equal(origin.count("/old/page"), 0)


@test("redirect")
def _():
    with weir.site() as client:
        response = client.get("/moved/x")
    expect(response.status in (301, 302, 307, 308), str(response.status))
    expect(response.field("Location", "").startswith("https://new.test/here"), repr(response.field("Location")))


@test("hosts: a wildcard has the subdomains; an unknown host is refused")
def _():
    origin.on("/hosts", answer("x"))
    with weir.site() as client:
        expect_equal(client.get("/hosts", host="a.wild.test").status, 200)
        expect_equal(client.get("/hosts", host="A.Wild.Test:80").status, 200)
    with weir.site() as client:
        response = client.get("/hosts", host="unknown.test")
        expect(response.status in (404, 421, 400), str(response.status))
    with weir.site() as client:
        expect(client.get("/hosts", host="wild.test").status in (404, 421, 400))


@test("X-Forwarded-* and Forwarded are written anew for a sender without trust")
def _():
    origin.on("/xff", answer("x", "Cache-Control: no-store"))
    with weir.site() as client:
        client.get("/xff", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test",
                   "Forwarded: for=1.2.3.4")
        own = client.name[0]
    seen = origin.seen("/xff")[0]
    expect_equal(seen.fields.all("X-Forwarded-For"), [own])
    expect_equal((seen.field("X-Forwarded-Proto"), seen.field("X-Forwarded-Host")), ("http", "www.test"))
    expect("1.2.3.4" not in seen.field("Forwarded", ""), seen.field("Forwarded", ""))


@test("W4.3 X-Forwarded-Host and Forwarded name the host that is asked for, not the one that does not count")
def _():
    origin.on("/which", answer("x", "Cache-Control: no-store"))
    with weir.site() as client:
        expect_equal(client.get("http://A.wild.test:8080/which", host="www.test").status, 200)
    seen = origin.seen("/which")[0]
    expect_equal((seen.field("Host"), seen.field("X-Forwarded-Host")), ("a.wild.test:8080",) * 2)
    expect_in('host="a.wild.test:8080"', seen.field("Forwarded"))


@test("W7.2 X-Host, X-Original-URL and X-Rewrite-URL of untrusted clients do not pass")
def _():
    origin.on("/xurl", answer("x", "Cache-Control: no-store"))
    with weir.site() as client:
        client.get("/xurl", "X-Host: a", "X-Original-URL: /b", "X-Rewrite-URL: /c")
    for name in ("X-Host", "X-Original-URL", "X-Rewrite-URL"):
        expect(name not in origin.seen("/xurl")[0].fields, name)


@test("a trusted sender's X-Forwarded-For is continued")
def _():
    origin.on("/trusted", answer("x", "Cache-Control: no-store"))
    with weir.site(1) as client:
        client.get("/trusted", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", host="trusting.test")
        own = client.name[0]
    seen = origin.seen("/trusted")[0]
    expect_equal(seen.field("X-Forwarded-For"), f"192.0.2.7, {own}")
    expect_equal(seen.field("X-Forwarded-Proto"), "https")
    row = weir.row("path = '/trusted'")
    expect_equal(row["client"], "192.0.2.7")


@test("W7.2 sites have keys of their own, whatever the cache")
def _():
    origin.on("/realm", [fresh("first"), fresh("second")])
    with weir.site() as client:
        expect_equal(client.get("/realm", host="www.test").body, b"first")
    with weir.site(1) as client:
        expect_equal(client.get("/realm", host="trusting.test").body, b"second")


@test("W1.11 a path beginning // is a path")
def _():
    origin.on("//evil.test/x", answer("path"))
    with weir.site() as client:
        expect_equal(client.get("//evil.test/x").body, b"path")


@test("W1.10 OPTIONS * is about the whole server: the pool of the route / is asked, as it is; * with GET is 400")
def _():
    origin.on("*", answer("star"))
    with weir.site() as client:
        expect_equal(client.get("*", method="OPTIONS").body, b"star")
        expect_equal(client.get("*").status, 400)
    expect_equal(origin.count("*"), 1)


@test("an absolute target works on a site too")
def _():
    origin.on("/absolute", answer("x"))
    with weir.site() as client:
        expect_equal(client.get("http://www.test/absolute", host="ignored.test").status, 200)
    expect_equal(origin.seen("/absolute")[0].field("Host"), "www.test")


@test("weirctl routes prints the order")
def _():
    text = weir.ctl("routes")
    expect(text.index("/other/") < text.rindex("/"), text)
    for path in ("/other/", "/old/", "/robots.txt", "/moved/"):
        expect_in(path, text)


main(origin, other, weir)
