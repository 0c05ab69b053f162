# SPDX-License-Identifier: GPL-2.0-only
"""
Programs of scripts/ run as processes of their own, but quickly: a child of this process runs the program's
file, whose modules this process has loaded once for all of them. Most of what a short program takes is
Python's start and those modules.
"""
import contextlib
import os
import runpy
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parents[2]
POLL = 0.002
LOADED = set()          # programs whose modules are there


class Done(NamedTuple):
    """A program that has ended: its exit status, -N after signal N, and what it wrote."""

    status: int
    out: bytes
    err: bytes

    def text(self):
        """(status, standard output, standard error), as text."""
        return self.status, *(text.decode("utf-8", "replace") for text in (self.out, self.err))


def run(program, *words, stdout=None, timeout=60, prepare=None, **how):
    """
    The program scripts/@program with these words, Done; TimeoutError where it does not end. @stdout takes its
    output instead, an open file; @prepare() is called in the child, and @how may have cwd= and env=.
    """
    path = TOP / "scripts" / program
    load(path)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if not child:
            become(path, words, (stdout or out, err), prepare, **how)
        status = wait_for(child, timeout, path.name)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    return Done(status, *texts)


def load(path):
    """What it imports is there from now on; of the program itself nothing is kept."""
    if path not in LOADED:
        before = sys.path[:]
        runpy.run_path(str(path), run_name="loaded")
        sys.path[:] = before
        LOADED.add(path)


def become(path, words, outputs, prepare, cwd=None, env=None):
    """The child: it never returns."""
    status = 1
    try:
        with open(os.devnull, "rb") as null:
            for number, file in enumerate((null, *outputs)):
                os.dup2(file.fileno(), number)
        sys.stdin, sys.stdout, sys.stderr = (open(number, mode, encoding="utf-8", closefd=False)
                                             for number, mode in enumerate("rww"))
        if env is not None:
            os.environ.clear()
            os.environ.update(env)
        os.chdir(cwd or os.getcwd())
        if prepare:
            prepare()
        sys.argv = [str(path), *map(str, words)]
        runpy.run_path(str(path), run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:       # pylint: disable=broad-except
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(status)


def wait_for(child, timeout, name):
    """Its status; one that does not end is ended."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(POLL)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise TimeoutError(f"{name} did not end in {timeout} s")
