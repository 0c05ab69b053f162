# SPDX-License-Identifier: GPL-2.0-only
"""Text files: a plain one of a size that can be meant as a whole, and its lines that say something."""
import os
import re
import stat
from pathlib import Path

LARGEST = 1 << 28       # bytes of a file that is read


def plain(path, refused):
    """
    The bytes of a file. A pipe, a device or a file beyond all measure would keep its reader for ever,
    so that refused(line) is raised unless it is a plain file of at most LARGEST bytes.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise refused(f"{path} is no plain file")
        if facts.st_size > LARGEST:
            raise refused(f"{path} has {facts.st_size} bytes: that is more than this program reads")
        return file.read()


def read(path, refused, comment="#.*"):
    """(line number, text) of each, without comments; refused(line) is raised where it can't be."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise refused(f"{path}: {getattr(error, 'strerror', 'not a text file')}") from None
    stripped = ((number, re.sub(comment, "", line).strip()) for number, line in enumerate(lines, 1))
    return [(number, text) for number, text in stripped if text]
