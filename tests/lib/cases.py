# SPDX-License-Identifier: GPL-2.0-only
"""One line a test case, and the exit status they add up to."""
import argparse
import sys


class Parser(argparse.ArgumentParser):
    """Help is the calling program's text, errors are one line."""

    def __init__(self, text):
        super().__init__(allow_abbrev=False)
        self.text = text

    def error(self, message):
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(2)

    def format_help(self):
        return self.text


class Cases:
    """Prints 'ok NAME', 'not ok NAME: reason' or 'skip NAME: reason', and counts."""

    def __init__(self):
        self.good = self.bad = self.skipped = 0

    def case(self, name, complaints):
        """A case is good when there is nothing to complain of."""
        if complaints:
            self.bad += 1
            print(f"not ok {name}: {'; '.join(complaints)}", flush=True)
        else:
            self.good += 1
            print(f"ok {name}", flush=True)
        return not complaints

    def skip(self, name, reason):
        self.skipped += 1
        print(f"skip {name}: {reason}", flush=True)

    def status(self):
        """0 all good, 1 some bad, 77 all skipped."""
        if self.bad:
            return 1
        return 0 if self.good else 77
