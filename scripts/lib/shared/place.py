# SPDX-License-Identifier: GPL-2.0-only
"""
Where the parts of this project are, and which version it is. In the source tree what is built is
in build/; 'make install' makes the folder lib/fio-nvmepi, with the same scripts/ and jobs/ in it.
"""
import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
INSTALLED = not (TOP / "configure").exists()
BUILT = TOP if INSTALLED else TOP / "build"
ENGINE = BUILT / "nvmepi.so"


def setting(path, name):
    """What a file that configure wrote, or configure itself, has as NAME := VALUE or NAME=VALUE."""
    match = path.is_file() and re.search(rf"^{name}(?: :)?= ?(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return match and match[1]


def version():
    """Of this project, and of the fio that its engine is built for."""
    built = BUILT / "config.mk"
    own = setting(built, "VERSION") or setting(TOP / "configure", "version")
    fio = setting(built, "FIO_VERSION")
    return f"{own}, built for fio {fio}" if fio else f"{own}, not built yet"


def results(name):
    """Where results of the program @name go by default."""
    return Path(f"nvmepi-{name}") if INSTALLED else TOP / "build" / name


def as_called(text):
    """A text that names programs and folders of the tree, with the names that they have installed."""
    if not INSTALLED:
        return text
    text = re.sub(r"\bscripts/(sweep|report|compare|regress)\b", r"nvmepi-\1", text)
    return re.sub(r"\bbuild/(results|regress)/", r"nvmepi-\1/", text)
