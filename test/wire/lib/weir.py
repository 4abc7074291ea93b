# SPDX-License-Identifier: Apache-2.0
"""One weir of its own for a test script: a folder, a config, kernel-chosen ports, its admin socket,
its log, its metrics, its clock. `stop` checks that it ends well and that no sanitizer spoke."""
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request

from .client import Client
from .tap import DEADLINE, SLOWNESS, Failure, expect, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("top_builddir", ROOT))
WEIR = os.environ.get("WEIR", str(BUILD / "src/weir"))
WEIRCTL = os.environ.get("WEIRCTL", str(BUILD / "src/weirctl"))
LIBC = ctypes.CDLL(None)
REPORT = re.compile(r"(ERROR: (Address|Leak|Thread)Sanitizer|runtime error:|panic:|Assertion .* failed)")


def config(origin, *, top="", forward="", site="", rules="allow all", site_rules="", app="", routes=None,
           cache="memory 64MB", memory_only=True, names="*", connect="", private="deny except 127.0.0.0/8 ::1",
           listen="", disk="600MB"):
    """The usual configuration; each argument adds to one block. $DIR is the script's folder. Each
    listener has an address of its own, and a port from the kernel."""
    if not memory_only:
        cache += f"\n    disk $DIR/cache {disk}\n    flush 100ms"
    routes = "route / { cache main; pool app }" if routes is None else routes
    site_rules = f"rules {{\n{site_rules}\n    }}" if site_rules else ""
    return f"""
workers 2
state $DIR/state
log {{ sqlite $DIR/log }}
admin {{ socket $DIR/admin.sock; http 127.0.0.3:0; token @$DIR/token }}
{top}
cache main {{
    {cache}
}}
pool app {{
    server {origin.name}
    {app}
}}
forward lan {{
    listen 127.0.0.1:0
    connect 443 {origin.port} {connect}
    private {private}
    cache main
    {forward}
    rules {{
{rules}
    }}
}}
site {names} {{
    listen 127.0.0.2:0 {listen}
    {site}
    {site_rules}
    {routes}
}}
"""


def dies_with_us():
    """In the child: a test that is killed leaves no weir behind (PR_SET_PDEATHSIG)."""
    LIBC.prctl(1, signal.SIGKILL)


class Weir:
    def __init__(self, text, clock=False, files=None, arguments=(), environment=None):
        """text: the config; files: {name: text} laid beside it; clock: with a test clock."""
        if clock and os.environ.get("WEIR_TEST_HOOKS") == "no":
            print("1..0 # SKIP needs a weir with --enable-test-hooks (its test clock)")
            sys.exit(0)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="weir-"))
        self.text = text
        self.files = files or {}
        self.arguments = list(arguments)
        self.environment = environment or {}
        self.wrapper = []  # what runs weir: valgrind and its words
        self.process = None
        self.clock = self.dir / "clock.sock" if clock else None
        self.ports = {}
        self.starts = 0
        self.write("token", "secret-of-the-tests\n")
        (self.dir / "token").chmod(0o600)

    # ---- files

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.replace("$DIR", str(self.dir)).encode())
        return path

    @property
    def config_file(self):
        return self.dir / "weir.conf"

    @property
    def socket(self):
        return str(self.dir / "admin.sock")

    @property
    def stderr(self):
        return "".join(path.read_text(errors="replace") for path in sorted(self.dir.glob("stderr.*")))

    # ---- life

    def start(self):
        for name, text in self.files.items():
            self.write(name, text)
        self.write("weir.conf", self.text)
        self.launch()

    def launch(self, wait=True):
        """Starts the process on the files as they are."""
        self.starts += 1
        ports = self.dir / f"ports.{self.starts}"
        command = [*self.wrapper, WEIR, "-c", str(self.config_file), "--ports-file", str(ports), *self.arguments]
        if self.clock:
            command += ["--test-clock", str(self.clock)]
        with open(self.dir / f"stderr.{self.starts:03}", "wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                            cwd=self.dir, env={**os.environ, **self.environment}, preexec_fn=dies_with_us)
        if wait:
            wait_until(lambda: self._ready(ports), "weir to listen")

    def _ready(self, ports):
        if self.process.poll() is not None:
            raise Failure(f"weir ended at its start with {self.process.returncode}:\n{self.stderr[-3000:]}")
        try:
            lines = ports.read_text()
        except OSError:
            return False
        if not lines.endswith("\n"):
            return False
        self.ports = {}
        for line in lines.splitlines():
            row = json.loads(line)
            host, _, port = row["address"].rpartition(":")
            self.ports.setdefault(row["listen"], []).append((host.strip("[]"), int(port)))
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(self.socket)
        except OSError:
            return False
        return True

    def stop(self, by=signal.SIGTERM):
        if self.process is None:
            return
        code = self.process.poll()
        if code is None:
            self.process.send_signal(by)
            try:
                code = self.process.wait(DEADLINE * 2)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGABRT)
                self.process.wait()
                code = "no end at all"
        self.process = None
        text = self.stderr
        keep = os.environ.get("WEIR_KEEP")
        try:
            expect(code == 0, f"weir ended with {code}:\n{text[-3000:]}")
            expect(not REPORT.search(text), f"weir said:\n{text[-6000:]}")
        finally:
            if keep:
                sys.stdout.write(f"# kept: {self.dir}\n")
            else:
                shutil.rmtree(self.dir, ignore_errors=True)

    def abandon(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if not os.environ.get("WEIR_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def kill(self):
        """kill -9, as a power cut of the process."""
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE * 2)
        expect(code == 0, f"weir ended with {code}:\n{self.stderr[-3000:]}")
        self.launch()

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    # ---- addresses

    def listener(self, name, which=0):
        """The address of "site", "forward", "admin", or of one by its whole name, as "site www.test"."""
        found = [each for listen, addresses in self.ports.items() if (listen + " ").startswith(name + " ") for each in addresses]
        expect(len(found) > which, f"weir listens on no {name}: {self.ports}")
        return found[which]

    def forward(self, **keys):
        """A client of the forward proxy."""
        return Client(self.listener("forward"), **keys)

    def site(self, which=0, **keys):
        """A client of the (first) site."""
        return Client(self.listener("site", which), **keys)

    # ---- administration

    def ctl(self, *words, code=0):
        """Runs weirctl; gives what it printed. code None: whatever code, gives (code, output)."""
        done = subprocess.run([WEIRCTL, "-s", self.socket, *words], capture_output=True, text=True, cwd=self.dir,
                              stdin=subprocess.DEVNULL, timeout=DEADLINE * 3)
        if code is None:
            return done.returncode, done.stdout + done.stderr
        expect(done.returncode == code, f"weirctl {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def ctl_json(self, *words):
        return json.loads(self.ctl("--json", *words))

    def sql(self, query):
        """The rows of a query on `access`, each a dict."""
        return rows_of(self.ctl("--json", "log", "sql", query))

    def row(self, where, what="*"):
        """The first row of the log that fits; waits for it, since the log lags a little."""
        return self.rows(where, what)[0]

    def rows(self, where, what="*", count=1):
        def look():
            found = self.sql(f"SELECT {what} FROM access WHERE {where}")
            return found if len(found) >= count else None
        return wait_until(look, f"{count} log rows where {where}")

    def metrics(self):
        host, port = self.listener("admin")
        request = urllib.request.Request(f"http://{host}:{port}/metrics",
                                         headers={"Authorization": "Bearer secret-of-the-tests"})
        with urllib.request.urlopen(request, timeout=DEADLINE) as page:
            text = page.read().decode()
        values = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values

    def metric(self, name):
        """The sum over the labels of a metric, without its weir_ prefix."""
        found = [value for key, value in self.metrics().items() if key.split("{")[0] in (name, "weir_" + name)]
        expect(found, f"no metric {name}")
        return sum(found)

    def advance(self, seconds):
        """Moves the test clock forward."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            own = self.dir / "clock.answer"
            own.unlink(missing_ok=True)
            sock.bind(str(own))
            sock.settimeout(DEADLINE)
            sock.sendto(f"advance {seconds}".encode(), str(self.clock))
            answer = sock.recv(100)
        expect(answer.strip() == b"ok", f"the test clock answered {answer!r}")

    def processor_time(self):
        """Seconds of processor time it has used so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def expect_at_rest(self, client):
        """What the client sends comes back, and it reads nothing: in the end nothing moves, and that costs nothing."""
        expect(client.fill() > 0, "nothing was taken")
        before = self.processor_time()
        expect(client.fill() == 0, "it still takes bytes")
        used = self.processor_time() - before
        expect(used < 0.1, f"{used} s of processor time in one second")
        client.reset()

    def memory(self):
        """Resident bytes, those of shared mappings left out."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"RssAnon:\s+(\d+)", status)[1])

    def has_reported(self):
        return bool(REPORT.search(self.stderr))


def rows_of(text):
    """What `log sql --json` printed, as dicts: an array, an object with columns and rows, or lines."""
    text = text.strip()
    if not text:
        return []
    try:
        value = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]
    if isinstance(value, dict) and "rows" in value:
        columns = value.get("columns")
        return [row if isinstance(row, dict) else dict(zip(columns, row)) for row in value["rows"]]
    return value if isinstance(value, list) else [value]


def run_weir(*words, text=None, timeout=None):
    """Runs weir or weirctl to its end: (code, output). The first word is "weir" or "weirctl"."""
    program = {"weir": WEIR, "weirctl": WEIRCTL}[words[0]]
    with tempfile.TemporaryDirectory(prefix="weir-") as folder:
        done = subprocess.run([program, *words[1:]], input=text, capture_output=True, text=True, cwd=folder,
                              timeout=timeout or DEADLINE * SLOWNESS)
    return done.returncode, done.stdout + done.stderr
