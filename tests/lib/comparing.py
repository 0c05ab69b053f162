# SPDX-License-Identifier: GPL-2.0-only
"""Runs scripts/compare on made-up folders, and checks its output."""
import csv

import fakeresults
import forked
from reports import readings
from fakeresults import Fake


def compare(*words):
    """Exit status, stdout and stderr."""
    return forked.run("compare", *words, timeout=100).text()


def folder_of(path, **words):
    return fakeresults.write(path, Fake(**words))


def expect(done, status, *words):
    """Complaints unless it exits so and says all of the words."""
    out = done[1] + done[2]
    wrong = [f"exits {done[0]}, not {status}: {out[-200:].strip()}"] if done[0] != status else []
    return wrong + [f"does not say '{w}'" for w in words if w not in out]


def change_rows(path, change):
    """@change is told of each row of points.csv, a dict, and keeps it if it returns true."""
    with open(path / "points.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if change(row)]
    with open(path / "points.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, readings.measures.COLUMNS)
        table.writeheader()
        table.writerows(rows)
    return path


def setting(where, **cells):
    """A change of the rows of which @where(row) is true."""
    def change(row):
        row |= cells if where(row) else {}
        return True
    return change
