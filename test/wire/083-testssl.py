#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""WEIR_LONG=1: what testssl.sh says of the TLS that a listener speaks when nothing else is said: nothing worse than low. Minutes.
Skipped where there is none. What it says of the certificate is about the test's own CA, and left out."""
import json
import shutil
import subprocess

from lib import *

TESTSSL = shutil.which("testssl")
if not LONG or TESTSSL is None:
    print("1..0 # SKIP " + ("no testssl here (apt-get install testssl.sh)" if LONG else "a long test: WEIR_LONG=1"))
    raise SystemExit(0)

authority = Authority()
WAYS = [(key, authority.make(key, "DNS:www.test", key=key), f"127.0.0.{5 + i}") for i, key in enumerate(("ec", "rsa"))]
weir = Weir("""
state $DIR/state
admin { socket $DIR/admin.sock }
log { sqlite $DIR/log }
""" + "".join(f"""
site www.test {{
    listen {address}:0 tls cert {cert}
    route / {{ respond 200 "hello" }}
}}
""" for _, cert, address in WAYS))


@table("testssl with a key of kind {}", [(key, i) for i, (key, *_) in enumerate(WAYS)])
def _(index):
    host, port = [each for name, listeners in weir.ports.items() if name.startswith("site") for each in listeners][index]
    out = weir.dir / f"testssl.{index}.json"
    subprocess.run([TESTSSL, "-p", "-s", "-f", "-P", "-S", "-h", "-U", "--quiet", "--color", "0", "--warnings", "off", "--ip", host, "--add-ca", authority.ca,
                    "--jsonfile", str(out), f"www.test:{port}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = json.loads(out.read_text())
    expect(len(found) > 60, f"only {len(found)} findings: {found}")
    low = [f"{each['id']}: {each['finding']}" for each in found if each["severity"] == "LOW"]
    print(f"# {len(found)} findings, low: {low}", flush=True)
    bad = [each for each in found if each["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL") and not each["id"].startswith("cert")]
    expect_equal(bad, [])


main(weir)
