# SPDX-License-Identifier: GPL-2.0-only
"""Where tests run: in the guest, or here on the embedded controller."""
import contextlib
import signal
import sys
import tempfile
from pathlib import Path

import cases
import guestlab
import hostlab

KERNELS = ("6.1", "6.12")
EMBEDDED = "embedded"           # in the place of a kernel


def open_lab(where, folder, rows):
    """A lab for the rows; told to end, the test takes down what it started there."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(2))
    return (hostlab if where == EMBEDDED else guestlab).Lab(folder, rows)


def parser(text):
    """With the options --kernel, --embedded and --keep that all such tests have; @text is its help."""
    p = cases.Parser(text)
    p.add_argument("--kernel", choices=KERNELS, default="6.12")
    p.add_argument("--embedded", action="store_const", dest="kernel", const=EMBEDDED)
    p.add_argument("--keep", type=Path)
    return p


def run_with(p, run):
    """A test that is @run(folder, args), its exit status."""
    args = p.parse_args()
    folder = contextlib.nullcontext(args.keep) if args.keep else \
        tempfile.TemporaryDirectory(prefix=f"{p.prog}.")
    try:
        with folder as path:
            return run(path, args)
    except guestlab.GuestFailed as failure:
        print(f"{p.prog}: {failure}", file=sys.stderr)
        return 2


def main(text, run):
    """A test that is @run(folder, where), its exit status, with no further options."""
    return run_with(parser(text), lambda folder, args: run(folder, args.kernel))
