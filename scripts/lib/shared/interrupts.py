# SPDX-License-Identifier: GPL-2.0-only
"""Told to end, a program puts things in order first, and is not told twice."""
import contextlib
import signal
import threading

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
def handled_by(handler):
    """What signals come to meanwhile. (Only a program's first thread is told of any.)"""
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
    """What puts things in order is not interrupted."""
    return handled_by(signal.SIG_IGN)


@contextlib.contextmanager
def deferred():
    """What has to come to its own end does; a signal of that time is an interrupt after it."""
    heard = []
    ignored = signal.getsignal(SIGNALS[0]) == signal.SIG_IGN
    try:
        with handled_by(signal.SIG_IGN if ignored else lambda number, _: heard.append(number)):
            yield
    finally:
        if heard:
            interrupt(heard[0], None)
