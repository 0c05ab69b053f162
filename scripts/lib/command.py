# SPDX-License-Identifier: GPL-2.0-only
"""Manners of the programs that read results: help, errors in one line, exit statuses."""
import argparse
import os
import sys

from readings import Unusable


class Parser(argparse.ArgumentParser):
    """Help is the calling program's text, errors are one line."""

    def __init__(self, text):
        super().__init__(allow_abbrev=False)
        self.text = text

    def error(self, message):
        print(f"{self.prog}: {message} (see scripts/{self.prog} --help)", file=sys.stderr)
        sys.exit(2)

    def format_help(self):
        return self.text


def run(name, main, read_arguments):
    """The exit status of main(read_arguments()), 2 with a line of what can't be used."""
    try:
        status = main(read_arguments())
        sys.stdout.flush()
        return status
    except Unusable as error:
        print(f"{name}: {error}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)    # Python flushes once more
    except OSError as error:
        print(f"{name}: {error.filename}: {error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
    return 2
