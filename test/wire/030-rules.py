#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules and lists: what is blocked, why, and what the log, explain and lookup say of it."""
import re

from lib import *

origin = Origin()
weir = Weir(config(origin, top="""
list ads    { file $DIR/ads.txt }
list hosts  { file $DIR/hosts.txt  format hosts }
list nets   { file $DIR/nets.txt  format cidr }
page sorry  @$DIR/sorry.html
""", private="deny except 127.0.0.0/8", rules=f"""
        deny list ads hosts
        deny page sorry host *.sorry.test
        deny status 451 path /secret
        redirect http://new.test/ host old.test
        report path /reported
        report path /reported/twice
        deny method DELETE unless path /deletable
        deny header X-Bad ~ ^evil
        deny port 1
        allow host 127.0.0.1
        allow host *.allowed.test
""", site_rules="deny list nets\n deny path /private\n report path /reported"), files={
    "ads.txt": "# ads\nads.test\n.tracker.test\n", "hosts.txt": "127.0.0.1 localhost\n0.0.0.0 malware.test  # bad\n",
    "nets.txt": "192.0.2.0/24\n", "sorry.html": "<h1>Sorry</h1><p>{rule} / {list} / {url} / {id}</p>\n"})


def ask(host, path="/", *fields, method="GET"):
    with weir.forward() as client:
        return client.get(f"http://{host}{path}", *fields, method=method, host=host)


@test("a blocked page is 403 and names rule, list and id; the id is in the log, with rule and list")
def _():
    response = ask("ads.test", "/banner")
    expect_equal(response.status, 403)
    page = response.body.decode()
    expect_in("ads", page)
    row = weir.row("host = 'ads.test'")
    expect_in(row["id"], page, "request id")
    expect_equal((row["status"], row["end"]), (403, "denied"))
    expect_in("deny list ads", row["rule"])
    expect_in("ads", row["list"])
    expect_in(re.search(r":\d+", row["rule"])[0], page, "the rule's place")
    expect("no-store" in response.field("Cache-Control", "no-store"))


@test("suffix-exact: a plain name has no subdomains, a leading dot has")
def _():
    expect_equal(ask("ads.test").status, 403)
    expect(weir.ctl("explain", "http://www.ads.test/").find("list ads") != -1)
    expect_equal(ask("tracker.test").status, 403)
    expect_equal(ask("a.b.tracker.test").status, 403)
    rows = weir.rows("host LIKE '%tracker.test'", count=2)
    expect(all("ads" in each["list"] for each in rows), repr(rows))


@test("W8.2 letter case and the trailing dot change nothing")
def _():
    for host in ("ADS.Test", "ads.test.", "ads.test:80"):
        expect_equal(ask(host).status, 403, host)


@test("hosts files")
def _():
    expect_equal(ask("malware.test").status, 403)
    expect_in("hosts", weir.row("host = 'malware.test'")["list"])


@test("a tunnel to a blocked host is refused the same way")
def _():
    with weir.forward() as client:
        client.ask("ads.test:443", method="CONNECT", host="ads.test:443")
        expect_equal(client.response().status, 403)
    row = weir.row("host = 'ads.test' AND method = 'CONNECT'")
    expect_in("ads", row["list"])


@test("a page of one's own, its words filled in")
def _():
    response = ask("x.sorry.test", "/a")
    expect_equal(response.status, 403)
    page = response.body.decode()
    expect_in("<h1>Sorry</h1>", page)
    expect_in("x.sorry.test", page)
    expect_in(weir.row("host = 'x.sorry.test'")["id"], page)


@test("the page does not repeat what a client wrote as markup")
def _():
    response = ask("x.sorry.test", "/%3Cscript%3E'")
    expect(b"<script" not in response.body.lower(), repr(response.body))


@test("deny with a status; redirect")
def _():
    expect_equal(ask(origin.name, "/secret").status, 451)
    response = ask("old.test", "/x")
    expect_equal((response.status, response.field("Location")), (302, "http://new.test/"))


@test("first match decides; unless negates; report goes on")
def _():
    origin.on("/deletable", answer("x"))
    origin.on("/reported", answer("x"))
    expect_equal(ask(origin.name, "/kept", method="DELETE").status, 403)
    expect_equal(ask(origin.name, "/deletable", method="DELETE").status, 200)
    expect_equal(ask(origin.name, "/reported").status, 200)
    wait_until(lambda: weir.metric("rules_reported_total") >= 1, "the report to be counted")


@test("the row of a reported request names the rules of report, beside the one that decided")
def _():
    origin.on("/reported/twice", answer("x"))
    expect_equal(ask(origin.name, "/reported/twice").status, 200)
    row = weir.row("path = '/reported/twice'")
    expect(re.fullmatch(r".*weir.conf:\d+ report path /reported; .*weir.conf:\d+ report path /reported/twice", row["reports"]), row["reports"])
    expect_in("allow host 127.0.0.1", row["rule"])
    with weir.site() as client:
        client.get("/reported")
    row = weir.row("path = '/reported' AND kind = 'site'")
    expect_in("report path /reported", row["reports"])
    expect_equal(row["rule"], "", "no rule decided")
    expect_equal(weir.row("path = '/kept'")["reports"], "")


@test("conditions on header and port")
def _():
    origin.on("/header", answer("x"))
    expect_equal(ask(origin.name, "/header", "X-Bad: evil thing").status, 403)
    expect_equal(ask(origin.name, "/header", "X-Bad: good").status, 200)
    expect_equal(ask("127.0.0.1:1", "/").status, 403)


@test("no rule matched: a forward denies, a site allows")
def _():
    expect_equal(ask("nobody.test").status, 403)
    origin.on("/public", answer("x"))
    with weir.site() as client:
        expect_equal(client.get("/public").status, 200)


@test("a site's rules")
def _():
    with weir.site() as client:
        response = client.get("/private/x")
    expect_equal(response.status, 403)
    expect_equal(origin.count("/private/x"), 0)


@test("explain says why, line by line, without sending anything")
def _():
    connections = origin.connections
    text = weir.ctl("explain", "http://ads.test/banner")
    for part in ("deny", "ads", "weir.conf:"):
        expect_in(part, text)
    expect_in("ads.txt:2", text, "the entry's place")
    text = weir.ctl("explain", f"http://{origin.name}/ok")
    expect_in("allow", text)
    expect_equal(origin.connections, connections)


@test("list lookup names list and line")
def _():
    text = weir.ctl("list", "lookup", "a.tracker.test")
    expect_in("ads", text)
    expect_in("ads.txt:3", text)
    expect_in("nets", weir.ctl("list", "lookup", "192.0.2.77"))
    code, text = weir.ctl("list", "lookup", "unlisted.test", code=None)
    expect("ads" not in text, text)


@test("a changed list is in force after a reload")
def _():
    expect_equal(ask("later.allowed.test").status, 502)
    weir.write("ads.txt", "ads.test\n.allowed.test\n")
    weir.ctl("reload")
    expect_equal(ask("later.allowed.test").status, 403)


main(origin, weir)
