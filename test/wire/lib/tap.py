# SPDX-License-Identifier: Apache-2.0
"""Tests as TAP: `@test("W3.4 ...")` declares one, `main(*parts)` runs all between start and end of
the parts (weir, origins), and counts as a last test that each part ended well."""
import faulthandler
import os
import sys
import time
import traceback

LONG = os.environ.get("WEIR_LONG") == "1"
SLOWNESS = float(os.environ.get("WEIR_SLOWNESS", "1"))  # stretches each deadline (sanitizers, a busy machine)
DEADLINE = float(os.environ.get("WEIR_DEADLINE", "20")) * SLOWNESS

_tests = []


class Failure(AssertionError):
    pass


class Skip(Exception):
    pass


def test(name):
    def declare(function):
        _tests.append((name, function))
        return function
    return declare


def table(name, rows):
    """One test a row: `@table("W2.{}", [("1 no colon", b"..."), ...])`; the first value names it."""
    def declare(function):
        for row in rows:
            _tests.append((name.format(row[0]), lambda row=row: function(*row[1:])))
        return function
    return declare


def expect(fact, why=""):
    if not fact:
        raise Failure(why or "not so")


def expect_equal(got, wanted, what=""):
    if got != wanted:
        raise Failure(f"{what or 'value'}: got {got!r}, wanted {wanted!r}")


def expect_in(part, whole, what=""):
    if part not in whole:
        raise Failure(f"{what or 'value'}: {part!r} is not in {whole!r}")


def expect_grown(grown, most, what="memory"):
    """A bound on memory; not under a sanitizer, which keeps what was freed."""
    expect(grown <= most or os.environ.get("WEIR_SANITIZED") == "1", f"{what} grew by {grown >> 10} KiB, more than {most >> 10}")


def wait_until(condition, what="", deadline=None):
    """Polls until condition() is true, and gives its value; the one way a test waits for a fact."""
    end = time.monotonic() + (deadline or DEADLINE)
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited in vain for {what or condition}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def _say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _run(number, name, function):
    name = name.replace("#", "no. ")
    try:
        function()
    except Skip as reason:
        _say(f"ok {number} - {name} # SKIP {reason}")
        return True
    except Exception as error:  # each failure is a result, not an end
        _say(f"not ok {number} - {name}")
        shown = str(error) if isinstance(error, Failure) else traceback.format_exc()
        if isinstance(error, Failure):
            frame = traceback.extract_tb(error.__traceback__)
            places = [each for each in frame if "/lib/" not in each.filename]
            if places:
                shown += f"\nat {os.path.basename(places[-1].filename)}:{places[-1].lineno}: {places[-1].line}"
        for line in shown.splitlines():
            _say("# " + line)
        return False
    _say(f"ok {number} - {name}")
    return True


def main(*parts):
    """Runs the tests declared so far; arguments on the command line keep those whose name holds one."""
    chosen = [each for each in _tests if not sys.argv[1:] or any(word in each[0] for word in sys.argv[1:])]
    _say(f"1..{len(chosen) + 1}")
    if not LONG:
        faulthandler.dump_traceback_later(900 * SLOWNESS, exit=True)
    good = True
    started = []
    try:
        for part in parts:
            part.start()
            started.append(part)
    except Exception:
        for line in traceback.format_exc().splitlines():
            _say("# " + line)
        _say("Bail out! " + " ".join(str(sys.exc_info()[1]).split())[:300])
        for part in reversed(started):
            part.abandon()
        sys.exit(1)
    for number, (name, function) in enumerate(chosen, 1):
        good &= _run(number, name, function)

    def end():
        failures = []
        for part in reversed(parts):
            try:
                part.stop()
            except Exception as error:
                failures.append(str(error))
        expect(not failures, "\n".join(failures))
    good &= _run(len(chosen) + 1, "everything ends cleanly", end)
    sys.exit(0 if good else 1)
