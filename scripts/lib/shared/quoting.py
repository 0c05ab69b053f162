# SPDX-License-Identifier: GPL-2.0-only
"""
Every string that another language reads, so that it means there what it says: fio's job files, sh,
gnuplot, QEMU's options, HTML, Markdown, and what of a results folder a person reads. What a
language has no words for is refused. (XML is written by xml.etree, of printable text.)
"""
import re
import shlex
import string
from html import escape

from shared.command import Refusal, printable

GNUPLOT_PLAIN = frozenset(string.ascii_letters + string.digits + " +-.,:;()/_=")
MARKDOWN = re.compile(r"[\\`*_~<>&|\[\]#!]")
# What fio's job parser takes for an end of the line, or of a name, or puts something else for.
FIO_VARIABLE = r"\$(?:\{|pagesize|mb_memory|ncpus)"
NO_LINE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
NO_NAME = re.compile(r"[\x00-\x1f\x7f#;/\[\]]|^\s|\s$")
NO_PATH = re.compile(rf"[\x00-\x1f\x7f#;]|\\(?::|$)|{FIO_VARIABLE}|^\s|\s$")
NO_COMMAND = re.compile(rf"[#;]|{FIO_VARIABLE}")


class Refused(Refusal):
    """What a language would take for something else, in one line."""


# --- what a person reads ---

def all_printable(value):
    """What JSON holds, with every string and key in it printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [all_printable(one) for one in value]
    if isinstance(value, dict):
        return {printable(key): all_printable(one) for key, one in value.items()}
    return value


def html(text):
    """Text of an element, or of an attribute in double quotes."""
    return escape(str(text), quote=True)


def markdown(text):
    """A name in Markdown: what would be HTML, a link, code or a mark there, or end a cell, is escaped."""
    return MARKDOWN.sub(r"\\\g<0>", text)


# --- what programs read ---

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


def sh(*words):
    """Words of a shell's command line."""
    return shlex.join(map(str, words))


def qemu(path):
    """A value in an option of QEMU's, where commas part the values."""
    return str(path).replace(",", ",,")


# --- fio's job files ---

def fio_path(name):
    """
    A path as a value of filename=, where a colon ends a name; Refused where fio has no
    words for it, and would use another file.
    """
    text = str(name)
    found = NO_PATH.search(text)
    if found or not text.isprintable():
        what = f"'{found[0]}'" if found and found[0].isprintable() else "a character"
        raise Refused(f"{text}: fio can't be given a name with {what} that it takes for something "
                      "else: name another folder")
    return text.replace(":", "\\:")


def fio_command(test):
    """
    A shell command as a value of exec_prerun= or exec_postrun=; its status is fio's. fio
    puts '> NAME.prerun.txt' behind it, which is never come to: no file is made.
    """
    found = NO_COMMAND.search(test)
    if found:
        raise Refused(f"{test}: fio takes '{found[0]}' for something else: use other names")
    return f"({test}) >/dev/null 2>&1 && exit 0 || exit 1 || :"


def fio_line(text):
    """A line of a job file; Refused where it would be several."""
    if NO_LINE.search(text):
        raise Refused(f"'{text}' is no line of a fio job: it has a control character in it, or what is no text")
    return f"{text}\n"


def fio_section(name):
    """The line that begins the section of a job; its name is a part of names of files, too."""
    if NO_NAME.search(name):
        raise Refused(f"'{name}' is no name of a fio job: fio ends it at brackets, # and ;")
    return fio_line(f"[{name}]")
