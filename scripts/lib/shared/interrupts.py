# SPDX-License-Identifier: GPL-2.0-only
"""Handling of signals: the first one ends the program after its cleanup, later ones are ignored."""
import contextlib
import signal
import threading

SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def interrupt(_number, _frame):
    """
    The signal handler: raises KeyboardInterrupt once; further signals do not disturb the cleanup.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def listen():
    """From now on each of the signals raises KeyboardInterrupt."""
    for number in SIGNALS:
        signal.signal(number, interrupt)


@contextlib.contextmanager
def handled_by(handler):
    """
    Handles the signals by @handler during the block. Does nothing in threads: Python runs handlers
    in the main thread only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.signal(number, handler) for number in SIGNALS]
    try:
        yield
    finally:
        for number, old in zip(SIGNALS, before):
            signal.signal(number, old)


def undisturbed():
    """Ignores signals during the block, so that a cleanup is not interrupted."""
    return handled_by(signal.SIG_IGN)


@contextlib.contextmanager
def deferred():
    """Lets the block finish; a signal that arrived meanwhile raises KeyboardInterrupt after it."""
    heard = []
    ignored = signal.getsignal(SIGNALS[0]) == signal.SIG_IGN
    try:
        with handled_by(signal.SIG_IGN if ignored else lambda number, _: heard.append(number)):
            yield
    finally:
        if heard:
            interrupt(heard[0], None)
