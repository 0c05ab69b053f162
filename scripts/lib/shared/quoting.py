# SPDX-License-Identifier: GPL-2.0-only
"""
Quoting of every string that another language reads: fio's job files, sh, gnuplot, QEMU's options,
HTML, Markdown, and text of a results folder that a person reads. A string that a language cannot
express is refused. (XML is written by xml.etree from printable text.)
"""
import json
import re
import shlex
import string
from html import escape

from shared.command import Refusal, printable

GNUPLOT_PLAIN = frozenset(string.ascii_letters + string.digits + " +-.,:;()/_=")
MARKDOWN = re.compile(r"[\\`*_~<>&|\[\]#!]")
# Characters that end a line or a name in fio's job parser, and variables that it replaces.
FIO_VARIABLE = r"\$(?:\{|pagesize|mb_memory|ncpus)"
NO_LINE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
HALF_PAIR = re.compile("[\ud800-\udfff]")
NO_NAME = re.compile(r"[\x00-\x1f\x7f#;/\[\]]|^\s|\s$")
NO_PATH = re.compile(rf"[\x00-\x1f\x7f#;]|\\(?::|$)|{FIO_VARIABLE}|^\s|\s$")
NO_COMMAND = re.compile(rf"[#;]|{FIO_VARIABLE}")


class Refused(Refusal):
    """The reason why a string cannot be given to a language."""


# --- what a person reads ---

def all_printable(value):
    """Returns JSON data with every string and key made printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [all_printable(one) for one in value]
    if isinstance(value, dict):
        return {printable(key): all_printable(one) for key, one in value.items()}
    return value


def html(text):
    """Returns text for an element, or for an attribute in double quotes."""
    return escape(str(text), quote=True)


def markdown(text):
    """
    Returns a name for Markdown, with every character escaped that would start HTML, a link, code or
    emphasis, or end a cell.
    """
    return MARKDOWN.sub(r"\\\g<0>", text)


# --- what programs read ---

def gnuplot(text):
    """
    Returns a gnuplot string in double quotes. There gnuplot runs what is in `...` and reads \\ as
    the start of an escape. (Single quotes have neither, but fail where the text begins with a
    quote.) So everything except letters, digits and a few characters is written as octal numbers.
    gnuplot reads as many digits as follow, so a digit after an octal number is written as one, too.
    """
    found, escaped = [], False
    for byte in printable(text).encode("utf-8"):
        escaped = chr(byte) not in GNUPLOT_PLAIN or escaped and chr(byte) in string.octdigits
        found.append(f"\\{byte:03o}" if escaped else chr(byte))
    return f'"{"".join(found)}"'


def as_json(value, **how):
    """
    Returns the value as JSON. Names are any bytes: each that is not UTF-8, which Python has as half
    of a surrogate pair, becomes a question mark, as nvmepi-formats(5) says.
    """
    return json.dumps(lettered(value), **how)


def lettered(value):
    """Returns JSON data in which every string is valid text."""
    if isinstance(value, str):
        return HALF_PAIR.sub("?", value)
    if isinstance(value, dict):
        return {lettered(key): lettered(one) for key, one in value.items()}
    return [lettered(one) for one in value] if isinstance(value, (list, tuple)) else value


def sh(*words):
    """Returns the words as a command line for a shell."""
    return shlex.join(map(str, words))


def qemu(path):
    """Returns a value for a QEMU option, in which commas separate values."""
    return str(path).replace(",", ",,")


# --- fio's job files ---

def fio_path(name):
    """
    Returns a path as a value of filename=, in which a colon ends a name. Raises Refused if fio
    cannot express the path and would use another file.
    """
    text = str(name)
    found = NO_PATH.search(text)
    odd = [one for one in text if not one.isprintable()]
    if found or odd:
        what = printable((found[0] if found else "").strip() or (odd or " ")[0])
        raise Refused(f"{text}: a name with '{what}' has another meaning for fio: name another "
                      "folder")
    return text.replace(":", "\\:")


def fio_command(test):
    """
    Returns a shell command as a value of exec_prerun= or exec_postrun=; fio sees its status. fio
    appends '> NAME.prerun.txt', which is never executed here, so that no file is made.
    """
    found = NO_COMMAND.search(test)
    if found:
        raise Refused(f"{test}: '{found[0]}' has another meaning for fio: use other names")
    return f"({test}) >/dev/null 2>&1 && exit 0 || exit 1 || :"


def fio_line(text):
    """Returns a line of a job file. Raises Refused if fio would read it as several lines."""
    if NO_LINE.search(text):
        raise Refused(f"'{text}' is not a line of a fio job: it has a control character or "
                      "invalid text")
    return f"{text}\n"


def fio_section(name):
    """Returns the line that begins the section of a job. Its name is also part of file names."""
    if NO_NAME.search(name):
        raise Refused(f"'{name}' is not a name of a fio job: leave out brackets, # and ;")
    return fio_line(f"[{name}]")
