# SPDX-License-Identifier: GPL-2.0-only
"""
Strings that gnuplot reads, and what of a results folder a person reads. (Words of a shell go
through shlex.quote(), names of files and lines of a fio job through fiojob.path() and line().)
"""
import string

from command import printable

GNUPLOT_PLAIN = frozenset(string.ascii_letters + string.digits + " +-.,:;()/_=")


def all_printable(value):
    """What JSON holds, with every string and key in it printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [all_printable(one) for one in value]
    if isinstance(value, dict):
        return {printable(key): all_printable(one) for key, one in value.items()}
    return value


def gnuplot(text):
    """
    A string of gnuplot's in double quotes, where it runs what is in `...` and takes \\ for the
    beginning of an escape. (In single quotes it does neither, but loses its way where the text begins
    with a quote.) So all but letters, digits and a few marks is written as octal numbers, of which
    gnuplot reads as many digits as there are.
    """
    found, escaped = [], False
    for byte in printable(text).encode("utf-8"):
        escaped = chr(byte) not in GNUPLOT_PLAIN or escaped and chr(byte) in string.octdigits
        found.append(f"\\{byte:03o}" if escaped else chr(byte))
    return f'"{"".join(found)}"'
