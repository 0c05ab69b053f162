# SPDX-License-Identifier: GPL-2.0-only
"""
Access to this machine for the programs that look after drives: sysfs, device nodes, locks, nvme-cli
and the clock. All of it is in one class, so that tests can replace it by a model of a machine with
many drives.
"""
import errno
import fcntl
import hashlib
import os
import socket
import stat
import struct
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from shared.command import Refusal

NVME_IOCTL_ID = 0x4e40      # linux/nvme_ioctl.h: returns the NSID of an open namespace
FLOCK = "hhqqi"             # struct flock


class Refused(Refusal):
    """The reason why something is in use or does not respond."""


class Done(NamedTuple):
    """The result of a program: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


class Machine:
    """The calls to the kernel and to nvme-cli. Paths are absolute."""

    # --- files of the kernel ---

    @staticmethod
    def read(path):
        """
        Returns the text of an attribute without surrounding space, or '' if it cannot be read.
        """
        try:
            return Path(path).read_text(encoding="utf-8", errors="backslashreplace").strip()
        except OSError:
            return ""

    @staticmethod
    def names(path):
        """Returns the sorted names in a folder; [] if it cannot be read."""
        try:
            return sorted(os.listdir(path))
        except OSError:
            return []

    @staticmethod
    def write(path, text):
        """Writes an attribute; raises OSError if the kernel refuses it."""
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    # --- nodes of devices ---

    @staticmethod
    def real_path(path):
        return os.path.realpath(path)

    @staticmethod
    def character_device(path):
        """
        Returns (major, minor) of a character device, None for any other file. Raises OSError if
        there is no file.
        """
        return device_number(path, stat.S_ISCHR)

    @staticmethod
    def block_device(path):
        """Like character_device(), for a block device."""
        return device_number(path, stat.S_ISBLK)

    @staticmethod
    def open(path):
        """
        Returns a descriptor. While a namespace's generic device is open, the kernel gives neither
        its number nor its name to another device.
        """
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @staticmethod
    def open_exclusive(path):
        """
        Returns a descriptor of a block device, opened with O_EXCL. Raises OSError if somebody else
        holds the device.
        """
        return os.open(path, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)

    @staticmethod
    def close(descriptor):
        os.close(descriptor)

    @staticmethod
    def number(descriptor):
        """Returns (major, minor) of an open device."""
        found = os.fstat(descriptor).st_rdev
        return os.major(found), os.minor(found)

    @staticmethod
    def nsid(descriptor):
        """Returns the NSID of an open namespace; raises OSError if it is gone."""
        return fcntl.ioctl(descriptor, NVME_IOCTL_ID)

    # --- others ---

    @staticmethod
    def claim(key, path):
        """
        Reserves @path until release(), so that other sweeps and regress refuse it. This takes two
        locks: an abstract socket whose name, a hash of @key, only one process can bind; and a lock
        on the folder or device itself, which processes in other network namespaces see, too.
        """
        held = socket.socket(socket.AF_UNIX)
        try:
            name = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
            held.bind(f"\0nvmepi-sweep:{name}")
            return held, lock(path)
        except OSError as error:
            held.close()
            if error.errno in (errno.EADDRINUSE, errno.EAGAIN, errno.EACCES):
                raise Refused(f"{path} is in use by another sweep or regress") from None
            raise Refused(f"{path}: {error.strerror}") from None

    @staticmethod
    def release(claimed):
        held, descriptor = claimed
        held.close()
        if descriptor is not None:
            os.close(descriptor)

    @staticmethod
    def nvme(words, limit):
        """
        Runs nvme-cli and returns its result, or None if it did not end in @limit seconds. It is not
        killed then: the drive would continue a format anyway.
        """
        try:
            process = subprocess.Popen(
                ["nvme", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, start_new_session=True, env=os.environ | {"LC_ALL": "C"})
        except FileNotFoundError:
            raise Refused("nvme is not installed: install nvme-cli") from None
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return None
        return Done(process.returncode, *(text.decode("utf-8", "backslashreplace")
                                          for text in (out, err)))

    @staticmethod
    def now():
        """Returns the seconds of a monotonic clock."""
        return time.monotonic()

    @staticmethod
    def sleep(seconds):
        time.sleep(seconds)


def device_number(path, is_kind):
    """Returns (major, minor) of a device node of that kind, None for any other file."""
    found = os.stat(path)
    return (os.major(found.st_rdev), os.minor(found.st_rdev)) if is_kind(found.st_mode) else None


def lock(path):
    """
    Returns a descriptor that locks a folder or a device node against others who use this function;
    None if this user has no permission. fio's engine also locks nodes, but with flock(2), which is
    independent of these locks.
    """
    if os.path.isdir(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        how, what = fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB
    else:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except PermissionError:
            return None
        how = lambda fd, words: fcntl.fcntl(fd, fcntl.F_OFD_SETLK, words)   # noqa: E731
        what = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        how(descriptor, what)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF, errno.ENOLCK):
            return None         # the file system does not support locks
        raise
    return descriptor


HERE = Machine()
