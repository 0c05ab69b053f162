# SPDX-License-Identifier: GPL-2.0-only
"""Prints one line per test case, and computes the exit status."""
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts/lib"))
from shared.arguments import Parser    # noqa: E402,F401


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
