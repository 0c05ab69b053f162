# SPDX-License-Identifier: GPL-2.0-only
"""The command-line parser that all programs here share."""
import argparse
import re
import sys
from pathlib import Path

from shared import place

HIDDEN = argparse.SUPPRESS      # the help of an option that only the program itself uses


def share(text):
    """
    Returns a percentage such as '3%' or '3' as a fraction (0.03), or None unless it is above 0 and
    below 50 %.
    """
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)%?", text)
    found = float(match[1]) / 100 if match else 0
    return found if 0 < found < 0.5 else None


def given(text):
    """
    The type of an option's value: refuses an empty one. An unset shell variable gives '', which as
    a path would mean the current folder.
    """
    if not text:
        raise argparse.ArgumentTypeError("the value is empty: give one, or leave the option out")
    return text


def words(text):
    """The type of an option whose value is words; refuses a value without any."""
    if not text.split():
        given("")
    return text


class Parser(argparse.ArgumentParser):
    """
    An argument parser: --help prints the calling program's docstring, an error is one line, and
    options cannot be abbreviated.
    """

    def __init__(self, text):
        super().__init__(allow_abbrev=False)
        self.register("type", None, given)
        self.register("type", Path, lambda text: Path(given(text)))
        self.text = place.as_called(text.lstrip())
        if "--version" in text:
            name = self.prog.removeprefix("nvmepi-")
            self.add_argument("--version", action="version", version=f"nvmepi-{name} {place.version()}")

    def error(self, message):
        print(f"{self.prog}: {place.as_called(message)} (see {sys.argv[0]} --help)", file=sys.stderr)
        sys.exit(2)

    def _print_message(self, message, file=None):
        """Prints --help and --version; unlike argparse, it does not hide that they can't be written."""
        print(message, end="", file=file or sys.stderr, flush=True)

    def format_help(self):
        return self.text
