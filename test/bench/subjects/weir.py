# SPDX-License-Identifier: Apache-2.0
"""weir as a subject of the side-by-side benchmark of proxies (its README: "Adding a subject"). WEIR
names the program; without it, the one built in this tree. Log on: SQLite, as everywhere."""
import os
import pathlib
import subprocess

WEIR = os.environ.get("WEIR", str(pathlib.Path(__file__).resolve().parents[3] / "src/weir"))
SUBJECTS = {"weir": dict(caps="h1 cache tls h2 keys disk gzip miss fwd connect", note="access log in SQLite, all threads counted")}


def version():
    return subprocess.run([WEIR, "-V"], capture_output=True, text=True).stdout.strip()


def start(b, name):
    disk = f"disk {b.dir}/disk {b.disk_mb}MB" if b.mode == "disk" else ""
    forward = b.mode in ("fwd", "connect")
    traffic = f"""
forward lan {{ listen 127.0.0.1:{b.fwd}; connect 1-65535; private allow; cache main; tunnel-idle-timeout 15min; client-idle-timeout 15min
  rules {{ allow all }} }}""" if forward else f"""
pool o {{ server 127.0.0.1:{b.origin}; origin-idle-timeout 15min }}
site * {{ listen 127.0.0.1:{b.http}; listen 127.0.0.1:{b.tls} tls cert {b.cert} key {b.key}
  client-idle-timeout 15min; cache main; {"compress gzip" if b.gzip else ""}; route / {{ pool o }} }}"""
    conf = b.write("weir.conf", f"""
workers 1
state {b.dir}/state
log {{ sqlite {b.logdir}/access; errors {b.logdir}/error.log }}
admin {{ socket {b.dir}/admin.sock }}
cache main {{ memory {b.mem_mb}MB; {disk} }}
{traffic}
""")
    b.spawn([WEIR, "-c", conf])
