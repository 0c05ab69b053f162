# SPDX-License-Identifier: GPL-2.0-only
"""Text files: a plain one of a size that can be meant as a whole, and its lines that say something."""
import os
import re
import stat

LARGEST = 1 << 28       # bytes of a file that is read
LONGEST = 1 << 20       # and of one that a person writes, line by line


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
    """
    (line number, text) of each, without comments; refused(line) is raised where it can't be. It may
    come from a pipe.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise refused(f"{path} is {'a folder' if stat.S_ISDIR(mode) else 'no plain file'}: name a text file")
        with open(path, "rb") as file:
            text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise refused(f"{path} has more than {LONGEST} bytes: it is not what is read here")
        lines = text.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise refused(f"{path}: not a text file") from None
    except OSError as error:
        raise refused(f"{path}: {error.strerror}") from None
    stripped = ((number, re.sub(comment, "", line).strip()) for number, line in enumerate(lines, 1))
    return [(number, text) for number, text in stripped if text]
