# SPDX-License-Identifier: GPL-2.0-only
"""Reads engines/fio-options.md, the table of what fio's options do with the engine."""
import re
import shlex
from typing import NamedTuple

# The first word of a row's second cell: what becomes of the option.
CLASSES = ("as fio's", "own meaning", "no effect", "refused", "refused by fio")
VERSIONS = {"older": False, "newer": True}      # of fio: those before, or after, a change


class BadTable(Exception):
    """A line to say."""


class Row(NamedTuple):
    """A row that is run: {option: value} in common with its base, and its own; - takes one away."""

    line: int
    options: list           # fio's names
    again: bool             # another row has them, too
    newer: object           # True or False: of that fio alone; None: of any
    kind: str
    before: list            # runs ahead of both, on the same files
    base: dict
    own: dict
    seen: list              # (what, words)

    def name(self):
        return " ".join(self.options[:4]) + (f" and {len(self.options) - 4} more" if self.options[4:] else "")


def words(text):
    """{option: value} of 'a=1 b'; an option without a value has one of 1."""
    return dict(word.split("=", 1) if "=" in word else (word, "1") for word in shlex.split(text))


def cells(line):
    """The cells of a line of a table; a bar in one is written \\|."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def code(cell):
    """What a cell has between backticks; nothing where it has none."""
    return re.findall(r"`([^`]+)`", cell)


def read_row(number, line, defaults):
    """The row of a line."""
    names, here, _, run, seen = cells(line)
    kind = next((k for k in sorted(CLASSES, key=len, reverse=True) if here.startswith(k)), None)
    if not kind or len(code(run)) != 1 or not code(names):
        raise BadTable(f"line {number}: no class, no options or no run: {line}")
    *before, main = code(run)[0].split(" ; ")
    base, plus, own = f" {main}".rpartition(" + ")
    version = re.search(r"\((?:again, )?(older|newer) fio\)", names)
    common = words(defaults) | (words(base) if plus else {})
    return Row(number, code(names), "(again" in names, VERSIONS[version[1]] if version else None, kind,
               [words(defaults) | words(run) for run in before], common, words(own),
               [(what.split()[0], what.split()[1:]) for what in code(seen)])


def read(text):
    """All rows of the tables in the document; its first block of code has what all runs have in common."""
    block = re.search(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    if not block:
        raise BadTable("no block of code says what all runs have in common")
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("|") and not re.match(r"\|[- |]+\|$|\| options? ", line):
            rows.append(read_row(number, line, block[1]))
    return rows
