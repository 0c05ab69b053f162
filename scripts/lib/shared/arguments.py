# SPDX-License-Identifier: GPL-2.0-only
"""The command line of a program, as all programs here have it."""
import argparse
import re
import sys
from pathlib import Path

HIDDEN = argparse.SUPPRESS      # as the help of an option that is the program's own business


def share(text):
    """'3%' or '3' as 0.03; None unless it is above 0 and below a half."""
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)%?", text)
    found = float(match[1]) / 100 if match else 0
    return found if 0 < found < 0.5 else None


def given(text):
    """The value of an option, as of a shell variable that was never set: '' would mean the present folder."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty: give a value, or leave it out")
    return text


class Parser(argparse.ArgumentParser):
    """Help is the calling program's text, errors are one line, options are spelled out."""

    def __init__(self, text):
        super().__init__(allow_abbrev=False)
        self.register("type", None, given)
        self.register("type", Path, lambda text: Path(given(text)))
        self.text = text.lstrip()

    def add_argument(self, *words, **facts):
        """As argparse has it; who has nothing by default may be given nothing."""
        if facts.get("default") == "":
            facts.setdefault("type", str)
        return super().add_argument(*words, **facts)

    def error(self, message):
        print(f"{self.prog}: {message} (see {sys.argv[0]} --help)", file=sys.stderr)
        sys.exit(2)

    def format_help(self):
        return self.text
