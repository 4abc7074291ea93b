#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""weirctl(8), made from what `weirctl --help` and `weirctl COMMAND --help` say: one text for both.
Usage: weirctl-page.py WEIRCTL >weirctl.8. `make docs` does it, test/lint/docs compares."""
import re
import subprocess
import sys
import textwrap

HEAD = r""".\" SPDX-License-Identifier: Apache-2.0
.\" Made by weirctl-page.py from weirctl --help; edit src/ctl/ and src/admin/.
.Dd November 21, 2026
.Dt WEIRCTL 8
.Os
.Sh NAME
.Nm weirctl
.Nd look into a running weir, and tell it what to do
.Sh SYNOPSIS
.Nm
.Op Ar options
.Ar command
.Op Ar arguments
.Sh DESCRIPTION
.Nm
speaks to
.Xr weir 8
over its control socket; some commands need no daemon.
Its commands are:
"""
TAIL = r""".Sh EXIT STATUS
0 ok, 1 failed, 2 usage, 3 daemon not reachable, 4 refused, 5 timed out.
.Sh EXAMPLES
Is the changed file right, and put it in force:
.Dl weirctl config test && weirctl reload
.Pp
Who was blocked today, and by which list:
.Dl weirctl log sql \(dqSELECT client, host, list FROM access WHERE status = 403\(dq
.Pp
Failures as they happen:
.Dl weirctl tail 'status >= 500'
.Sh SEE ALSO
.Xr weir.conf 5 ,
.Xr weir-log 7 ,
.Xr weir-metrics 7 ,
.Xr weir 8
"""


def roff(text):
    text = text.replace("\\", "\\e").replace('"', "\\(dq")
    text = re.sub(r"([^.][.:]) (?=[A-Z])", r"\1\n", text)
    lines = [piece for line in text.split("\n") for piece in textwrap.wrap(line, 76, break_long_words=False, break_on_hyphens=False)]
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in lines)


def items(lines):
    """Two columns of help as a list; a line that begins deeper continues the one before."""
    rows = []
    for line in lines:
        found = re.match(r"  (\S.*?)(?:   *(\S.*))?$", line)
        if found and not line.startswith("   "):
            rows.append([found[1], found[2] or ""])
        elif rows:
            rows[-1][1] += " " + line.strip()
    out = ".Bl -tag -width Ds\n"
    for term, text in rows:
        out += ".It " + roff(term).replace(" -", " \\-") + "\n" + (roff(text) + "\n" if text else "")
    return out + ".El\n"


def main():
    def ask(*words):
        return subprocess.run([sys.argv[1], *words, "--help"], check=True, capture_output=True, text=True).stdout

    blocks = [block.split("\n") for block in ask().strip("\n").split("\n\n")]
    out = HEAD
    for line in blocks[1]:
        usage, _, brief = line.strip().partition("  ")
        verb = " ".join(re.findall(r"(?:^|(?<= ))[a-z]+(?= |$)", usage))
        paragraphs = ask(*verb.split()).strip("\n").split("\n\n")[1:]
        out += f".Ss {roff(usage)}\\&\n{roff(brief.strip()).capitalize()}.\n"
        for paragraph in paragraphs:
            if paragraph.startswith(("options for all", "ends with:")):
                continue
            lines = paragraph.split("\n")
            out += items(lines) if lines[0].startswith("  ") else ".Pp\n" + roff(" ".join(lines)) + "\n"
    out += ".Sh OPTIONS\nFor all commands:\n" + items(blocks[2][1:])
    sys.stdout.write(out + TAIL)


main()
