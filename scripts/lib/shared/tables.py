# SPDX-License-Identifier: GPL-2.0-only
"""Tables of text: aligned for a terminal, and in Markdown."""
import re

from shared import quoting

NUMBER = re.compile(r"[+-]?[0-9.,]+( [%\w/]+)?|-|")


def numeric(columns, rows):
    """Returns for each column whether it holds numbers, which are aligned to the right."""
    return [all(NUMBER.fullmatch(row[i]) for row in rows) for i in range(len(columns))]


def text(columns, rows):
    """Returns the lines of an aligned table."""
    right = numeric(columns, rows)
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]

    def line(row):
        cells = (cell.rjust(width) if flag else cell.ljust(width)
                 for cell, width, flag in zip(row, widths, right))
        return "  ".join(cells).rstrip()

    return [line(row) for row in [columns, *rows]]


def markdown(columns, rows):
    """Returns the lines of a table in Markdown."""
    def line(cells):
        return "| " + " | ".join(map(quoting.markdown, cells)) + " |"

    rule = ["---:" if flag else "---" for flag in numeric(columns, rows)]
    return [line(columns), line(rule), *map(line, rows)]
