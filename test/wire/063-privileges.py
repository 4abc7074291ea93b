#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Started by root, weir works as its user: every thread, with one capability in the main one; what
it cannot write to or read again is named. The kernel's own account of each thread is what counts."""
import grp
import os
import pathlib
import pwd
import re
import signal
import socket
import stat
import sys

from lib import *

if os.geteuid() != 0:
    print("1..0 # SKIP needs root: only root can become somebody else")
    sys.exit(0)

USER = pwd.getpwnam("nobody")
OTHER_GROUP = "daemon"  # not one of nobody's
BIND_LOW_PORTS = 1 << 10  # CAP_NET_BIND_SERVICE
built = pathlib.Path(WEIR).resolve().parents[1] / "config.h"
FILTERS = not built.exists() or "#define HAVE_LIBSECCOMP 1" in built.read_text()

authority = Authority()
os.chmod(authority.dir, 0o755)
www = authority.make("www", "DNS:www.test")
key = str(authority.dir / "www.key")
cert = str(authority.dir / "www.crt")

origin = Origin()
text = config(origin, top="user nobody", memory_only=False).replace("$DIR/state", "$DIR/of-root/deep/state").replace(
    "socket $DIR/admin.sock;", f"socket $DIR/admin.sock; group {OTHER_GROUP};")
text += f"site www.test {{ listen 127.0.0.4:0 tls cert {cert} key {key}; route / {{ respond 200 \"secure\" }} }}\n"
weir = Weir(text)


def own(weir):
    """What the harness makes for itself is made usable: the ports file is written there by weir."""
    for path in (weir.dir, weir.dir / "token"):
        os.chown(path, USER.pw_uid, USER.pw_gid)
    weir.dir.chmod(0o755)
    return weir


def another(text, **keys):
    """Another weir, started, for one test."""
    made = own(Weir(text, **keys))
    made.start()
    return made


def threads(weir):
    """What the kernel says of each thread: {field: value} by its number, the main one first."""
    found = {}
    for path in sorted(pathlib.Path(f"/proc/{weir.process.pid}/task").iterdir(), key=lambda each: int(each.name)):
        found[int(path.name)] = dict(re.findall(r"^(\w+):[ \t]*(.*)$", (path / "status").read_text(), re.M))
    return found


def settled(weir):
    wait_until(lambda: all(int(each["CapEff"], 16) in (0, BIND_LOW_PORTS) for each in threads(weir).values()),
               "root to be given up")
    return threads(weir)


@test("every thread works as the user, for good; the main one alone may bind low ports")
def _():
    all_threads = settled(weir)
    expect(len(all_threads) > 6, f"{len(all_threads)} threads")
    for number, fields in all_threads.items():
        what = f"thread {number} ({fields['Name']})"
        allowed = BIND_LOW_PORTS if number == weir.process.pid else 0
        expect_equal(fields["Uid"].split(), [str(USER.pw_uid)] * 4, what)
        expect_equal(fields["Gid"].split(), [str(USER.pw_gid)] * 4, what)
        expect("0" not in fields["Groups"].split(), f"{what} is in the groups {fields['Groups']}")
        expect_equal([int(fields[each], 16) for each in ("CapInh", "CapPrm", "CapEff", "CapAmb")], [0, allowed, allowed, 0], what)
        expect_equal((fields["NoNewPrivs"], fields["Seccomp"]), ("1", "2" if FILTERS else "0"), what)
    status = weir.ctl_json("status")
    expect_equal((status["user"], status["seccomp"]), ("nobody", FILTERS))
    expect_in(f"process {weir.process.pid} of nobody", weir.ctl("status"))
    expect_in("weir works as nobody", weir.stderr)


@test("it serves, stores on disk and logs")
def _():
    origin.on("/a", fresh("hello"))
    with weir.site() as client, weir.forward() as proxy:
        expect_equal([client.get("/a").hit, client.get("/a").hit], [False, True])
        expect_equal(proxy.get(f"http://{origin.name}/a", host=origin.name).status, 200)
    weir.row("path = '/a'")
    with TlsClient(weir.listener("site www.test"), "www.test", authority.ca) as client:
        expect_equal(client.get("/").body, b"secure")
    wait_until(lambda: weir.ctl_json("status")["caches"][0]["disk"]["objects"] > 0, "an object on disk")


@test("folders that are missing are made for the user; what is in them is the user's, and secrets are for nobody else")
def _():
    for name in ("of-root/deep/state", "log", "cache"):
        folder = weir.dir / name
        for path in (folder, *folder.rglob("*")):
            expect_equal(path.stat().st_uid, USER.pw_uid, path)
    secrets = weir.dir / "of-root/deep/state/state.db"
    expect_equal(stat.S_IMODE(secrets.stat().st_mode), 0o600)
    door = os.stat(weir.socket)
    expect_equal((door.st_uid, door.st_gid, stat.S_IMODE(door.st_mode)), (USER.pw_uid, grp.getgrnam(OTHER_GROUP).gr_gid, 0o660))


@test("a key that only root reads works, is warned of, and is named with the user by a reload, which is refused")
def _():
    expect_in(f"{key} cannot be read by nobody: a reload will be refused", weir.stderr)
    generation = weir.metric("generation")
    code, told = weir.ctl("reload", code=None)
    expect_equal(code, 1, told)
    expect_in(f"{key} cannot be read: Permission denied (as nobody)", told)
    expect_in(f"{key} cannot be read", weir.ctl_json("status")["reload_error"])
    expect_equal(weir.metric("generation"), generation)
    with TlsClient(weir.listener("site www.test"), "www.test", authority.ca) as client:
        expect_equal(client.get("/").body, b"secure")
    os.chown(key, USER.pw_uid, 0)
    weir.ctl("reload")
    expect_equal(weir.metric("generation"), generation + 1)


@test("a token that cannot be read any more is named by a reload, which is refused")
def _():
    token = weir.dir / "token"
    os.chown(token, 0, 0)
    code, told = weir.ctl("reload", code=None)
    expect_equal(code, 1, told)
    expect_in(f"{token} cannot be read: Permission denied (as nobody)", told)
    os.chown(token, USER.pw_uid, 0)
    weir.ctl("reload")


@test("a reload opens a port below 1024")
def _():
    with socket.socket() as probe:
        for port in range(1023, 600, -1):
            try:
                probe.bind(("127.0.0.77", port))
                break
            except OSError:
                continue
    more = f"site low.test {{ listen 127.0.0.77:{port}; route / {{ respond 200 \"low\" }} }}\n"
    weir.write("weir.conf", weir.text + more)
    weir.ctl("reload")
    with Client(("127.0.0.77", port)) as client:
        expect_equal(client.get("/", host="low.test").body, b"low")


@test("another user by a reload: said, and not done")
def _():
    weir.write("weir.conf", weir.text.replace("user nobody", "user root\nseccomp no"))
    expect_in("user and seccomp do not change by a reload", weir.ctl("reload"))
    expect_equal({each["Uid"].split()[1] for each in threads(weir).values()}, {str(USER.pw_uid)})
    weir.write("weir.conf", weir.text)
    weir.ctl("reload")


@test("logs are opened anew, and a restart finds what was stored")
def _():
    weir.process.send_signal(signal.SIGUSR1)
    weir.restart()
    with weir.site() as client:
        expect_equal(client.get("/a").hit, True)
    settled(weir)


@test("what an earlier run as root left is named, with its owner; weir goes on")
def _():
    left = own(Weir(config(origin, top="user nobody", memory_only=False)))
    try:
        for name in ("state", "cache"):
            (left.dir / name).mkdir()
        os.chown(left.dir / "state", USER.pw_uid, USER.pw_gid)
        left.write("state/state.db", "")
        left.start()
        for path in (left.dir / "state/state.db", left.dir / "cache"):
            expect_in(f"{path} belongs to root, and weir works as nobody, who may not write to it", left.stderr)
        origin.on("/left", fresh("x"))
        with left.site() as client:
            expect_equal(client.get("/left").status, 200)
        left.stop()
    except BaseException:
        left.abandon()
        raise


@test("without a user: weir, or root with a warning; what the kernel refuses is refused all the same")
def _():
    plain = another(config(origin))
    usual = "weir" in {each.pw_name for each in pwd.getpwall()}
    fields = threads(plain)[plain.process.pid]
    if usual:
        expect_equal(fields["Uid"].split()[1], str(pwd.getpwnam("weir").pw_uid))
    else:
        expect_in("weir works as root: name a user", plain.stderr)
        expect_equal(fields["Uid"].split(), ["0"] * 4)
    expect_equal((fields["NoNewPrivs"], fields["Seccomp"]), ("1", "2" if FILTERS else "0"))
    plain.stop()


@test("user root, seccomp no: as it is said, without a warning")
def _():
    plain = another(config(origin, top="user root\nseccomp no"))
    for fields in threads(plain).values():
        expect_equal((fields["Uid"].split()[1], fields["NoNewPrivs"], fields["Seccomp"]), ("0", "1", "0"))
    expect("works as root" not in plain.stderr, plain.stderr)
    expect_equal(plain.ctl_json("status")["seccomp"], False)
    plain.stop()


@test("config test: a user that is none, a group that is none, keys and tokens that everybody reads")
def _():
    www_open = str(authority.dir / "open.pem")
    pathlib.Path(www_open).write_text(pathlib.Path(www).read_text())
    os.chmod(www_open, 0o644)
    token = weir.write("open-token", "x\n")
    token.chmod(0o644)
    path = weir.write("test.conf", f"""user nobdy
admin {{ http 127.0.0.1:9; token @{token} }}
site x.test {{
    listen 127.0.0.1:1 tls cert {www_open}
    route / {{ respond 200 }}
}}
""")
    code, told = run_weir("weir", "-t", "-c", str(path))
    expect_equal(code, 1, told)
    expect_in(f"{path}:1:6: error: this system has no user 'nobdy'", told)
    expect_in("did you mean 'nobody'?", told)
    weir.write("test.conf", path.read_text().replace("nobdy", "nobody no-such-group"))
    expect_in(f"{path}:1:13: error: this system has no group 'no-such-group'", run_weir("weir", "-t", "-c", str(path))[1])
    weir.write("test.conf", path.read_text().replace(" no-such-group", ""))
    code, told = run_weir("weir", "-t", "-c", str(path))
    expect_equal(code, 0, told)
    expect_in(f"{path}:2:33: warning: {token} can be read by every user of this system", told)
    expect(re.search(rf"{path}:4:\d+: warning: the key {www_open} can be read by every user", told), told)


main(origin, own(weir))
