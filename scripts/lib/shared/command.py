# SPDX-License-Identifier: GPL-2.0-only
"""
How every program here ends. Exit status 1 is what the program means by it, as PI errors or
'worse'; everything that keeps it from its end, foreseen or not, is a line and status 2.
"""
import contextlib
import os
import signal
import sys
import threading
import traceback

TRACEBACK = "NVMEPI_TRACEBACK"      # set, developers see where an unexpected error came from


class Refusal(Exception):
    """Why something can't be used or done: one line that says what, where and what to do."""


def printable(text):
    """One line for a terminal: control characters and what is no text are shown escaped."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii")
                   for one in str(text))


def say(name, text):
    """The one line of why @name ended; a standard error that takes nothing changes nothing."""
    try:
        print(printable(f"{name}: {text}"), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        silence(sys.stderr)


def silence(stream):
    """What nobody reads, or has no room, is dropped: Python flushes once more as it ends."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (AttributeError, OSError, ValueError):
        pass


def unexpected(error):
    """A line about an error that nobody foresaw."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    return (f"unexpected {type(error).__name__} ({error}) in {where}: an error of this program, or "
            f"input that it can't read; {TRACEBACK}=1 shows where it came from")


@contextlib.contextmanager
def about(path):
    """What fails meanwhile fails at @path: errors of writing, as of a full disk, name no file."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


class Output:
    """Standard output, of which errors tell that it was this that had no room."""

    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        with about("standard output"):
            return self.stream.write(text)

    def flush(self):
        with about("standard output"):
            self.stream.flush()


def fill_standard():
    """
    A descriptor of standard input, output or error that is closed would be given to the next file that
    is opened: /dev/null takes its place, and the stream that Python has none for.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))


def run(name, main, read_arguments, interrupted="interrupted"):
    """
    The exit status of main(read_arguments()): main's own, or 2 with one line on standard
    error. Refusal, OSError and an interrupt are foreseen; so is a reader that is gone.
    args.out, where there is one, is told where an OSError names no file, as of a full disk.
    """
    args = None
    fill_standard()
    for stream in (sys.stdout, sys.stderr):     # names of files need not be text
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if not isinstance(sys.stdout, Output):      # a test runs several programs in one process
        sys.stdout = Output(sys.stdout)
    try:
        args = read_arguments()
        status = main(args)
        sys.stdout.flush()
        return status
    except Refusal as error:
        say(name, error)
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        where = error.filename or getattr(args, "out", None)
        say(name, f"{where}: {error.strerror}" if where and error.strerror else error)
        flush_or_silence()
    except KeyboardInterrupt:
        say(name, interrupted)
    except Exception as error:      # pylint: disable=broad-except
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        say(name, unexpected(error))
    finally:
        listen_no_more()
    return 2


def listen_no_more():
    """A signal that comes as the program ends has nothing left to end."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


def flush_or_silence():
    """Where it was standard output that has no room, what is left of it is dropped."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        silence(sys.stdout)
