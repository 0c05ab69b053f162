# SPDX-License-Identifier: GPL-2.0-only
"""
How every program here ends. Exit status 1 has the program's own meaning, such as PI errors or
'worse'. Every failure, expected or not, ends with one line on standard error and status 2.
"""
import contextlib
import os
import signal
import sys
import threading
import traceback

from shared import place

# if set, an unexpected error prints its traceback, for developers
TRACEBACK = "NVMEPI_TRACEBACK"


class Refusal(Exception):
    """
    The reason why something cannot be used or done: one line that says what is wrong, where, and
    what to do.
    """


def printable(text):
    """
    Returns the text as one line for a terminal: control characters and invalid characters are
    escaped.
    """
    text = str(text)
    return text if text.isprintable() else "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def say(name, text):
    """Prints the one line that says why @name ended. Errors of standard error are ignored."""
    try:
        print(printable(f"{name}: {place.as_called(str(text))}"), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        silence(sys.stderr)


def silence(stream):
    """
    Redirects a stream that nobody reads, or that has no space left, to /dev/null, because Python
    flushes it once more at exit.
    """
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (AttributeError, OSError, ValueError):
        pass


def unexpected(error):
    """Returns the line for an exception that the program does not handle."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    return (f"unexpected {type(error).__name__} ({error}) in {where}: a bug of this program, or "
            "input "
            f"that it cannot read; {TRACEBACK}=1 shows more")


@contextlib.contextmanager
def about(path):
    """
    Adds @path to an OSError of the block that names no file: errors of writing, such as a full
    disk, do not.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


class Output:
    """Standard output. Its errors name it, so that the message says what could not be written."""

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
    Opens /dev/null for each of standard input, output and error that is closed. Otherwise the next
    file that is opened would get its descriptor. Also creates the stream that Python leaves as
    None.
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
    Returns the exit status of main(read_arguments()), or 2 after one line on standard error.
    Refusal, OSError, an interrupt and a closed pipe are expected. For an OSError that names no file
    the line names args.out, if there is one.
    """
    args = None
    fill_standard()
    for stream in (sys.stdout, sys.stderr):     # file names need not be valid text
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if not isinstance(sys.stdout, Output):      # tests run several programs in one process
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
        where = error.filename or getattr(args, "out", None) or no_place()
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


def no_place():
    """Returns 'the working folder' if that was removed, so that no path can be resolved; else ''."""
    try:
        return os.getcwd() and ""
    except OSError:
        return "the working folder"


def listen_no_more():
    """Ignores signals from now on: the program is ending anyway."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


def flush_or_silence():
    """Flushes standard output, or discards the rest of it if it has no space."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        silence(sys.stdout)
