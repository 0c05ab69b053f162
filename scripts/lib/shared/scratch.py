# SPDX-License-Identifier: GPL-2.0-only
"""
Folders for the program's temporary files, which are removed safely: only a folder that was made
here is removed. It contains a mark, it is never reached through a link, and only files with
expected names are deleted from it.
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
    """The reason why a folder cannot be made or removed."""


def open_folder(path):
    """Returns a descriptor of a folder; a link to a folder is refused."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def mark_of(descriptor):
    """
    Returns the content of the mark. It names the folder's inode, so that a copied mark is not
    valid.
    """
    found = os.fstat(descriptor)
    return f"made by nvmepi: {found.st_dev}:{found.st_ino}\n".encode()


class Scratch:
    """
    A temporary folder at @path. @descriptor is locked, and leads to the folder even if it is
    renamed.
    """

    def __init__(self, path, descriptor):
        self.path, self.descriptor = Path(path), descriptor

    @classmethod
    def make(cls, parent, prefix):
        """Makes a new folder in @parent; first removes those that killed programs left there."""
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
        """
        Returns the folder if this user made it and its maker has ended; None if that is not
        certain.
        """
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
        """
        Removes the files that were made in the folder, and the folder. Raises Refused if it has
        other files.
        """
        try:
            others = []
            for name in os.listdir(self.descriptor):
                mode = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mode
                if stat.S_ISREG(mode) and NAMES.fullmatch(name):
                    os.unlink(name, dir_fd=self.descriptor)
                elif name != MARK:
                    others.append(name)
            if others:
                raise Refused(f"{self.path} is not removed: it has files that were not made "
                              f"here, such as {others[0]}")
            if MARK in os.listdir(self.descriptor):
                os.unlink(MARK, dir_fd=self.descriptor)
            self.remove_folder()
        except OSError as error:
            raise Refused(f"{self.path} could not be removed: {error.strerror}") from None
        finally:
            os.close(self.descriptor)

    def remove_folder(self):
        """Removes the folder, unless its name leads to another folder by now."""
        there, ours = os.lstat(self.path), os.fstat(self.descriptor)
        if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
            os.rmdir(self.path)


def remove_left(parent, prefix):
    """Removes the folders that killed programs left in @parent."""
    for name in os.listdir(parent):
        if re.fullmatch(re.escape(prefix) + r"\w{8}", name):
            left = Scratch.left_by_another(Path(parent) / name)
            if left:
                try:
                    left.remove()
                except Refused:
                    pass
