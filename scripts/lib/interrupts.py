# SPDX-License-Identifier: GPL-2.0-only
"""Told to end, a program puts things in order first, and is not told twice."""
import contextlib
import signal

SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def interrupt(_number, _frame):
    """The first signal ends the program in order; a second one does not disturb that."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def listen():
    """From now on each of the signals is a KeyboardInterrupt."""
    for number in SIGNALS:
        signal.signal(number, interrupt)


@contextlib.contextmanager
def undisturbed():
    """What puts things in order is not interrupted."""
    before = [signal.signal(number, signal.SIG_IGN) for number in SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(SIGNALS, before):
            signal.signal(number, handler)
