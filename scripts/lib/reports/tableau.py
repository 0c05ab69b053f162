# SPDX-License-Identifier: GPL-2.0-only
"""A table of text, and the text of its cells."""
from dataclasses import dataclass


@dataclass
class Table:
    """A table of text, with a note below it."""

    title: str
    columns: list
    rows: list
    note: str = ""


def percent(middle):
    """
    Returns the change relative to the baseline in per cent, with that of the lowest and of the
    highest repeat.
    """
    if middle is None:
        return "-"
    text = f"{100 * (middle.value - 1):+.1f} %"
    if middle.low is not None:
        text += f" ({100 * (middle.low - 1):+.1f}..{100 * (middle.high - 1):+.1f})"
    return text


def nanoseconds(middle):
    """Returns a time as text; "-" if it is not known, or if no time was spent."""
    if middle is None or not middle.value:
        return "-"
    digits = 0 if abs(middle.value) >= 100 else 1
    return f"{middle.value:.{digits}f} ns"
