# SPDX-License-Identifier: GPL-2.0-only
"""The command line of a program, as all programs here have it."""
import argparse
import sys

HIDDEN = argparse.SUPPRESS      # as the help of an option that is the program's own business


class Parser(argparse.ArgumentParser):
    """Help is the calling program's text, errors are one line, options are spelled out."""

    def __init__(self, text):
        super().__init__(allow_abbrev=False)
        self.text = text.lstrip()

    def error(self, message):
        print(f"{self.prog}: {message} (see {sys.argv[0]} --help)", file=sys.stderr)
        sys.exit(2)

    def format_help(self):
        return self.text
