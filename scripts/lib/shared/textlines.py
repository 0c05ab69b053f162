# SPDX-License-Identifier: GPL-2.0-only
"""
Reads text files: refuses those that are not regular files or are too large, and returns their lines
without comments.
"""
import os
import re
import stat

LARGEST = 1 << 28       # bytes of the largest file that is read
LONGEST = 1 << 20       # the same for a file that a person writes


def plain(path, refused):
    """
    Returns the bytes of a file. A pipe, a device or a huge file could keep the program busy for
    ever, so refused(line) is raised unless it is a regular file of at most LARGEST bytes.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise refused(f"{path} is not a regular file")
        if facts.st_size > LARGEST:
            raise refused(f"{path} has {facts.st_size} bytes: this program reads at most {LARGEST}")
        return file.read()


def read(path, refused, comment="#.*"):
    """
    Returns [(line number, text)] of all lines that are not empty without their comments. Raises
    refused(line) if the file cannot be read. A pipe is allowed.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise refused(f"{path} is "
                          f"{'a folder' if stat.S_ISDIR(mode) else 'not a regular file'}: name a "
                          "text file")
        with open(path, "rb") as file:
            text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise refused(f"{path} has more than {LONGEST} bytes: that is too large for such a "
                          "file")
        lines = text.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise refused(f"{path}: not a text file") from None
    except OSError as error:
        raise refused(f"{path}: {error.strerror}") from None
    stripped = ((number, re.sub(comment, "", line).strip()) for number, line in enumerate(lines, 1))
    return [(number, text) for number, text in stripped if text]
