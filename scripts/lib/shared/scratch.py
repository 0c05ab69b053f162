# SPDX-License-Identifier: GPL-2.0-only
"""
Folders for files of this program's own. What it removes is what it made: a folder is made
new, has a mark in it, is never reached through a link, and loses files of known names only.
"""
import fcntl
import os
import re
import stat
import tempfile
from pathlib import Path

from shared.command import Refusal

MARK = ".nvmepi-made"
NAMES = re.compile(r"[\w+.-]+\.img(\.[\w.-]+)?")


class Refused(Refusal):
    """Why a folder can't be made or removed, in one line."""


def open_folder(path):
    """A descriptor of a folder, not of a link to one."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def mark_of(descriptor):
    """What the mark says: it is of this very folder, and no copy."""
    found = os.fstat(descriptor)
    return f"made by nvmepi: {found.st_dev}:{found.st_ino}\n".encode()


class Scratch:
    """Such a folder, @path; @descriptor, which is locked, leads to it whatever it is called."""

    def __init__(self, path, descriptor):
        self.path, self.descriptor = Path(path), descriptor

    @classmethod
    def make(cls, parent, prefix):
        """A new one in @parent; what killed programs left of such is removed first."""
        try:
            remove_left(parent, prefix)
            path = tempfile.mkdtemp(prefix=prefix, dir=parent)
        except OSError as error:
            raise Refused(f"{parent}: {error.strerror}") from None
        descriptor = open_folder(path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        made = cls(path, descriptor)
        try:
            mark = os.open(MARK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=descriptor)
            with open(mark, "wb") as file:
                file.write(mark_of(descriptor))
        except BaseException:
            made.remove()
            raise
        return made

    @classmethod
    def left_by_another(cls, path):
        """One whose maker, this user's, is gone; None where that is not sure."""
        try:
            descriptor = open_folder(path)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mark = os.open(MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor)
            with open(mark, "rb") as file:
                ours = file.read(200) == mark_of(descriptor)
            if ours and os.fstat(descriptor).st_uid == os.geteuid():
                return cls(path, descriptor)
        except OSError:
            pass
        os.close(descriptor)
        return None

    def remove(self):
        """The files that were made in it, and itself; Refused where there are others."""
        try:
            others = []
            for name in os.listdir(self.descriptor):
                mode = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mode
                if stat.S_ISREG(mode) and NAMES.fullmatch(name):
                    os.unlink(name, dir_fd=self.descriptor)
                elif name != MARK:
                    others.append(name)
            if others:
                raise Refused(f"{self.path} has files that were not made here, {others[0]} is "
                              "one: they are left, and so is it")
            if MARK in os.listdir(self.descriptor):
                os.unlink(MARK, dir_fd=self.descriptor)
            self.remove_folder()
        except OSError as error:
            raise Refused(f"{self.path} could not be removed: {error.strerror}") from None
        finally:
            os.close(self.descriptor)

    def remove_folder(self):
        """The name may lead to another folder by now, which is not ours."""
        there, ours = os.lstat(self.path), os.fstat(self.descriptor)
        if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
            os.rmdir(self.path)


def remove_left(parent, prefix):
    """Folders that killed programs left in @parent."""
    for name in os.listdir(parent):
        if re.fullmatch(re.escape(prefix) + r"\w{8}", name):
            left = Scratch.left_by_another(Path(parent) / name)
            if left:
                try:
                    left.remove()
                except Refused:
                    pass
