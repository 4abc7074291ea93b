#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""l4 by UDP: datagrams whole in both directions, sessions and their ends, servers that go, rules, bounds, reload, IPv6."""
import socket

from lib import *


def reply(data):
    """A little protocol: who answers, several answers, none; else the datagram itself."""
    if data.startswith(b"burst "):
        return [b"%d" % i for i in range(int(data[6:]))]
    return [] if data.startswith(b"quiet") else [data]


def named(letter):
    return UdpServer(answer=lambda data: [letter] if data == b"who" else reply(data))


http, tcp = Origin(), Origin(tunnel=lambda conn: conn.send(conn.until(b"\n")))
dns = Dns({"udp.test": ["127.0.0.1"]})
echo, six = UdpServer(answer=reply), UdpServer("::1", answer=reply)
a, b, well, sick, leaving, staying = named(b"a"), named(b"b"), named(b"well"), named(b"sick"), named(b"leaving"), named(b"staying")
gone = UdpServer()
text = config(http, top=f"""
stop-grace 100ms
dns {{ server {dns.name} }}
pool echo   {{ server {echo.name} }}
pool tcp    {{ server {tcp.name} }}
pool two    {{ server {a.name} {b.name} }}
pool gone   {{ server {gone.name} }}
pool half   {{ server {leaving.name} {staying.name} }}
pool check  {{ server {well.name} {sick.name}; check connect every 100ms fall 2 }}
pool named  {{ server udp.test:{echo.port} }}
pool void   {{ server no.udp.test:{echo.port} }}
pool six    {{ server {six.name} }}
pool room   {{ server {echo.name}; connections 1 }}
l4 echo  {{ listen 127.0.1.1:0 udp; pool echo; rules {{ deny client 127.0.0.66; report client 127.0.0.67 }} }}
l4 two   {{ listen 127.0.1.2:0 udp; pool two }}
l4 gone  {{ listen 127.0.1.3:0 udp; pool gone }}
l4 half  {{ listen 127.0.1.4:0 udp; pool half }}
l4 check {{ listen 127.0.1.5:0 udp; pool check }}
l4 brief {{ listen 127.0.1.6:0 udp; pool echo; udp-idle-timeout 30s; tunnel-lifetime 2min }}
l4 any   {{ listen 0.0.0.0:0 udp;   pool echo }}
l4 any6  {{ listen [::]:0 udp;      pool echo }}
l4 six   {{ listen [::1]:0 udp;     pool six }}
l4 named {{ listen 127.0.1.7:0 udp; pool named }}
l4 void  {{ listen 127.0.1.8:0 udp; pool void }}
l4 asked {{ listen 127.0.1.9:0 udp; pool echo; udp-answers 1 }}
l4 both  {{ listen 127.0.1.10:0; listen 127.0.1.11:0 udp; pool tcp }}
l4 room  {{ listen 127.0.1.12:0 udp; pool room }}
""")
weir = Weir(text, clock=True)
full = Weir(config(http, top=f"stop-grace 100ms\nudp-sessions 2\npool echo {{ server {echo.name} }}\nl4 echo {{ listen 127.0.1.20:0 udp; pool echo }}"),
            clock=True)


def connect(name, source=None, **keys):
    return UdpClient(weir.listener(f"l4 {name}"), source, **keys)


def dropped(reason, of=None):
    return (of or weir).metrics()[f'weir_udp_dropped_total{{reason="{reason}"}}']


def expect_dropped(reason, client, data=b"x", of=None):
    """It is dropped for that reason, and nothing is answered."""
    before = dropped(reason, of)
    client.send(data)
    wait_until(lambda: dropped(reason, of) > before, f"a datagram dropped: {reason}")
    expect(not client.has_answer(), "an answer")


def open_sessions(of=None):
    return (of or weir).metric("udp_sessions_active")


def end_sessions():
    """Those of the other tests."""
    weir.advance(61)
    wait_until(lambda: open_sessions() == 0, "no session")


@table("a datagram of {} bytes passes as it is", [(size, size) for size in (0, 1, 512, 1472, 1473, 9000, 65507)])
def _(size):
    with connect("echo") as client:
        client.expect_echo(bytes(i * 7 % 251 for i in range(size)))


@test("none is joined to another or split: so many go, so many come, in their order")
def _():
    with connect("echo") as client:
        sizes = [1, 0, 3000, 2, 0, 1400, 5]
        for size in sizes:
            client.send(b"s" * size)
        expect_equal([len(client.receive()) for _ in sizes], sizes)
        client.send(b"burst 40")
        expect_equal([client.receive() for _ in range(40)], [b"%d" % i for i in range(40)])


@test("the row tells of a session when it has ended: when nothing moved")
def _():
    end_sessions()
    began = weir.metric("udp_sessions_total")
    with connect("echo", "127.0.0.10") as client:
        for size in (5, 300, 0):
            client.expect_echo(b"r" * size)
        client.send(b"quiet")
        wait_until(lambda: echo.senders(b"quiet"), "the last one to be there")
        expect_equal((open_sessions(), weir.metric("udp_sessions_total") - began), (1, 1))
        end_sessions()
        row = weir.row("client = '127.0.0.10'")
        expect_equal([row[each] for each in ("kind", "scheme", "place", "pool", "server", "origin", "bytes_in", "bytes_out", "end", "status")],
                     ["l4", "udp", "echo", "echo", echo.name, echo.name, 310, 305, "ok", 0])
        expect(0 < row["ttfb"] <= row["duration"], "times")
        client.expect_echo()  # begins another
        expect_equal(weir.metric("udp_sessions_total") - began, 2)


@test("each client has a session of its own, and gets its own answers")
def _():
    clients = [connect("echo") for _ in range(60)]
    for turn in range(3):
        for i, client in enumerate(clients):
            client.send(b"mine %d %d" % (i, turn))
    for turn in range(3):
        for i, client in enumerate(clients):
            expect_equal(client.receive(), b"mine %d %d" % (i, turn))
    expect_equal(len({echo.senders(b"mine %d 0" % i)[0] for i in range(60)}), 60)
    for i in range(60):
        expect_equal(len({echo.senders(b"mine %d %d" % (i, turn))[0] for turn in range(3)}), 1)
        clients[i].sock.close()


@test("servers take turns; a client stays with its own")
def _():
    found = []
    for _ in range(4):
        with connect("two") as client:
            first = client.ask(b"who")
            expect_equal({client.ask(b"who") for _ in range(5)}, {first})
            found.append(first)
    expect_equal(sorted(found), [b"a", b"a", b"b", b"b"])


@test("a server that refuses: counted, and the log says so; it is tried again as long as there is no other")
def _():
    gone.close()
    failures = weir.metric("origin_connections_failed_total")
    with connect("gone", "127.0.0.13") as client:
        for i in range(1, 4):
            client.send(b"x")
            wait_until(lambda: weir.metric("origin_connections_failed_total") == failures + i, "the refusal")
        end_sessions()
    row = weir.row("client = '127.0.0.13'")
    expect_equal((row["end"], row["server"], row["bytes_in"], row["bytes_out"]), ("origin-refused", gone.name, 3, 0))
    expect_equal(next(each for each in weir.ctl_json("status")["pools"] if each["name"] == "gone")["servers"][0]["failures"], 3)


@test("a server that refuses and has not answered is left for the next one at the next datagram; one that has answered gets one more")
def _():
    clients = [connect("half") for _ in range(2)]
    whose = {client.ask(b"who"): client for client in clients}
    leaving.close()
    failures = weir.metric("origin_connections_failed_total")
    for i in (1, 2):
        whose[b"leaving"].send(b"who")
        wait_until(lambda: weir.metric("origin_connections_failed_total") == failures + i, "the refusal")
    expect_equal(whose[b"leaving"].ask(b"who"), b"staying")
    expect_equal(whose[b"staying"].ask(b"who"), b"staying")
    for _ in range(4):
        with connect("half") as client:
            failures = weir.metric("origin_connections_failed_total")
            client.send(b"who")
            wait_until(lambda: client.has_answer() or weir.metric("origin_connections_failed_total") > failures, "an answer or a refusal")
            if not client.has_answer():
                client.send(b"who")
            expect_equal(client.receive(), b"staying")
    for client in clients:
        client.sock.close()


@test("a server that is down by its check gets nothing more; its clients go to another one")
def _():
    clients = [connect("check") for _ in range(2)]
    whose = {client.ask(b"who"): client for client in clients}
    expect_equal(set(whose), {b"well", b"sick"})
    sick.fail_check()
    wait_until(lambda: weir.metric("servers_down") == 1, "it to be down")
    before = len(sick.got)
    for client in [*clients, connect("check"), connect("check"), connect("check")]:
        expect_equal(client.ask(b"who"), b"well")
        client.sock.close()
    expect_equal(len(sick.got), before)


@test("a session ends when nothing moves for udp-idle-timeout; datagrams of either side count")
def _():
    with connect("brief", "127.0.0.14") as client:
        client.expect_echo(b"idle 0")
        for i in range(1, 4):
            weir.advance(29)
            client.expect_echo(b"idle %d" % i)
        expect_equal(len({echo.senders(b"idle %d" % i)[0] for i in range(4)}), 1)
        weir.advance(31)
        weir.row("client = '127.0.0.14' AND end = 'ok'")
        client.expect_echo(b"idle 4")
        expect(echo.senders(b"idle 4")[0] != echo.senders(b"idle 0")[0], "the old session")


@test("however much moves, tunnel-lifetime ends it")
def _():
    with connect("brief", "127.0.0.15") as client:
        for _ in range(5):
            client.expect_echo()
            weir.advance(25)
        weir.row("client = '127.0.0.15' AND end = 'timeout'")


@test("on a wildcard address answers come from the address that was asked; each is a session of its own")
def _():
    port = weir.listener("l4 any")[1]
    for host in ("127.0.0.21", "127.0.0.22"):
        with UdpClient((host, port)) as client:  # takes nothing from another
            client.expect_echo(b"to " + host.encode())
    with UdpClient(("127.0.0.23", port), connected=False) as client:
        for host in ("127.0.0.23", "127.0.0.24"):
            client.sock.sendto(b"same " + host.encode(), (host, port))
            expect_equal(client.sock.recvfrom(100), (b"same " + host.encode(), (host, port)))
    expect(echo.senders(b"same 127.0.0.23") != echo.senders(b"same 127.0.0.24"), "one session of two addresses")


@test("IPv6: listener, wildcard, servers; what is too large for the way is dropped")
def _():
    with connect("six") as client:
        client.expect_echo(b"y" * 65507)
        client.expect_echo(b"")
    with UdpClient(("::1", weir.listener("l4 any6")[1])) as client:
        client.expect_echo(b"from v6 to v4")
        expect_dropped("unsent", client, b"z" * 65520)  # UDP over IPv4 has 65507 at most
        client.expect_echo()


@test("a link-local client is answered by its own interface")
def _():
    found = [(name, line.split()[0]) for line in open("/proc/net/if_inet6") for name in [line.split()[5]] if line.startswith("fe80")]
    if not found:
        raise Skip("no link-local address here")
    name, digits = found[0]
    host = ":".join(digits[i:i + 4] for i in range(0, 32, 4))
    client = UdpClient((host, weir.listener("l4 any6")[1], 0, socket.if_nametoindex(name)))
    client.expect_echo(b"link-local")
    client.sock.close()


@test("a server by name: the first datagram waits for the address")
def _():
    with connect("named") as client:
        client.expect_echo(b"first")
        client.expect_echo(b"w" * 60000)
    with connect("void", "127.0.0.16") as client:
        expect_dropped("no-server", client, b"w" * 60000)  # too much to be held by each of many
        wait_until(lambda: dns.count("no.udp.test") >= 2, "the question for both families")
        expect_dropped("no-server", client)
        end_sessions()
        expect_equal(weir.row("client = '127.0.0.16'")["end"], "dns-failed")


@test("deny drops without an answer, with a row; report notes")
def _():
    sessions = weir.metric("udp_sessions_total")
    with connect("echo", "127.0.0.66") as client:
        expect_dropped("denied", client, b"denied")
        row = weir.row("client = '127.0.0.66'")
        expect_equal((row["kind"], row["scheme"], row["place"], row["end"], row["origin"]), ("l4", "udp", "echo", "denied", ""))
        expect_in("deny client 127.0.0.66", row["rule"])
        for _ in range(20):
            expect_dropped("denied", client)
        weir.advance(2)
        expect_dropped("denied", client)
        weir.rows("client = '127.0.0.66'", count=2)
    expect_equal((echo.senders(b"denied"), weir.metric("udp_sessions_total")), ([], sessions))
    with connect("echo", "127.0.0.67") as client:
        client.expect_echo()
        end_sessions()
    expect_in("report client 127.0.0.67", weir.row("client = '127.0.0.67'")["reports"])


@test("udp-sessions: further clients are dropped and counted, those there are go on; places come free")
def _():
    at = full.listener("l4 echo")
    with UdpClient(at) as one, UdpClient(at) as two, UdpClient(at) as three:
        for client in (one, two):
            client.expect_echo()
        for _ in range(3):
            expect_dropped("full", three, of=full)
        for client in (one, two):
            client.expect_echo()
        expect_equal(open_sessions(full), 2)
        expect_equal(full.stderr.count("udp-sessions"), 1)
        full.config_file.write_text(full.config_file.read_text().replace("udp-sessions 2", "udp-sessions 3"))
        full.ctl("reload")
        three.expect_echo()
        full.advance(61)
        wait_until(lambda: open_sessions(full) == 0, "no session")
        three.expect_echo()


@test("udp-answers: a session ends with its last answer")
def _():
    end_sessions()
    with connect("asked", "127.0.0.17") as client:
        client.send(b"quiet")
        wait_until(lambda: open_sessions() == 1, "a session")
        client.expect_echo()  # one of two
        expect_equal(open_sessions(), 1)
        client.expect_echo()  # two of three
        client.send(b"burst 1")
        client.receive()
        expect_equal(open_sessions(), 1)
    with connect("asked", "127.0.0.18") as client:
        client.expect_echo()
        row = weir.row("client = '127.0.0.18'")
        expect_equal((row["end"], row["bytes_in"], row["bytes_out"]), ("ok", 1, 1))


@test("a pool with connections: so many sessions a server, further ones are dropped")
def _():
    with connect("room") as one, connect("room") as two:
        one.expect_echo()
        expect_dropped("no-server", two)
        end_sessions()
        two.expect_echo()


@test("an l4 may have listeners of TCP and UDP; nothing keeps them apart from the same port")
def _():
    with Client(weir.listener("l4 both", 0)) as client:
        client.send("by tcp\n")
        expect_equal(client.exactly(7), b"by tcp\n")
    lines = [line for line in weir.ctl("routes").splitlines() if "127.0.1.1" in line]
    expect(any(" udp" in line for line in lines) and any("127.0.1.10:" in line and " udp" not in line for line in lines), "routes")
    expect_in(" udp", next(line for line in weir.ctl("status").splitlines() if "127.0.1.11:" in line))
    expect_in("127.0.1.11:0 udp", weir.ctl("config", "show", "--effective"))
    port = weir.listener("l4 both", 0)[1]
    weir.config_file.write_text(weir.config_file.read_text().replace("listen 127.0.1.11:0 udp; pool tcp", f"listen 127.0.1.10:{port} udp; pool echo"))
    weir.ctl("reload")
    with UdpClient(("127.0.1.10", port)) as client:
        client.expect_echo()


@test("what comes round to a udp listener of this weir is dropped, not sent round for ever")
def _():
    before = weir.metric("egress_denied_total")
    host, port = weir.listener("l4 echo")
    whole = weir.config_file.read_text()
    weir.config_file.write_text(whole + f"\npool self {{ server {host}:{port} }}\nl4 self {{ listen 127.0.1.30:{port} udp; pool self }}")
    weir.ctl("reload")
    with UdpClient(("127.0.1.30", port), "127.0.0.19") as client:
        expect_dropped("no-server", client)
    expect_equal(weir.metric("egress_denied_total"), before + 1)
    weir.config_file.write_text(whole)
    weir.ctl("reload")
    expect_equal(weir.row("client = '127.0.0.19'")["end"], "stopped")


@test("a reload keeps the sessions of a listener that stays; those of one that goes end")
def _():
    end_sessions()
    whole = weir.config_file.read_text()
    with connect("echo") as stays, connect("two", "127.0.0.41") as goes:
        stays.expect_echo(b"before a reload")
        goes.expect_echo()
        weir.config_file.write_text("\n".join(line for line in whole.splitlines() if not line.startswith("l4 two")))
        weir.ctl("reload")
        stays.expect_echo(b"after a reload")
        expect_equal(*(echo.senders(each + b" a reload") for each in (b"before", b"after")))
        expect_equal(weir.row("client = '127.0.0.41'")["end"], "stopped")
        expect_equal(open_sessions(), 1)
        goes.send(b"x")  # the kernel tells that nobody is there
        try:
            goes.receive()
            raise Failure("it is answered")
        except ConnectionRefusedError:
            pass
    weir.config_file.write_text(whole)
    weir.ctl("reload")


@test("a client that floods keeps nobody else waiting, and costs no memory")
def _():
    with connect("echo") as loud, connect("echo") as other:
        loud.send(b"quiet")
        before = weir.memory()
        for _ in range(40):
            for _ in range(500):
                loud.send(b"quiet" + b"f" * 995)
            other.ask_again(b"still here")
        expect_grown(weir.memory() - before, 4 << 20)


@table("refused at load: {}", [
    ("udp in a site", "site x { listen 127.0.0.9:1 udp; route / { respond 200 } }", "1:29", "udp stands only in an l4"),
    ("a name in TLS", "pool p { server h:1 }\nl4 x { listen 127.0.0.9:1 udp; sni a.test pool p; pool p }", "2:32", "cannot choose by sni"),
    ("a PROXY header", "pool p { server h:1 }\nl4 x { listen 127.0.0.9:1 udp; pool p; proxy-protocol v2 }", "2:40", "cannot send PROXY headers")])
def _(text, place, what):
    path = weir.write("bad.conf", text + "\n")
    code, told = weir.ctl("config", "test", str(path), code=None)
    expect_equal(code, 1)
    expect_in(f"bad.conf:{place}: ", told)
    expect_in(what, told)
    expect_in("^", told)


@test("a port that another program has is told at once")
def _():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.1.40", 0))
        whole = weir.config_file.read_text()
        weir.config_file.write_text(whole + f"\nl4 taken {{ listen 127.0.1.40:{taken.getsockname()[1]} udp; pool echo }}")
        code, told = weir.ctl("reload", code=None)
        expect(code != 0 and "cannot listen on 127.0.1.40" in told, told)
        weir.config_file.write_text(whole)
        weir.ctl("reload")


@test("a stop ends sessions after the grace, with their rows")
def _():
    with connect("echo", "127.0.0.42") as client:
        client.expect_echo()
        weir.restart()
        expect_equal(weir.row("client = '127.0.0.42'")["end"], "stopped")


main(http, tcp, dns, echo, six, a, b, well, sick, leaving, staying, gone, weir, full)
