# SPDX-License-Identifier: GPL-2.0-only
"""
This machine as the programs here use it to look after drives: the kernel's files of
devices, their nodes, locks, nvme-cli, the clock. All of it is in one class, so that tests
can put a model of a rack of drives in its place.
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

NVME_IOCTL_ID = 0x4e40      # linux/nvme_ioctl.h: the NSID of an open namespace
FLOCK = "hhqqi"             # struct flock


class Refused(Refusal):
    """What is in use, or does not answer."""


class Done(NamedTuple):
    """A program that has ended: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


class Machine:
    """What is asked of the kernel and of nvme-cli; paths are absolute."""

    # --- files of the kernel ---

    @staticmethod
    def read(path):
        """The text of an attribute, without space around it; '' where there is none."""
        try:
            return Path(path).read_text(encoding="utf-8", errors="backslashreplace").strip()
        except OSError:
            return ""

    @staticmethod
    def names(path):
        """What is in a folder, sorted; nothing where there is none."""
        try:
            return sorted(os.listdir(path))
        except OSError:
            return []

    # --- nodes of devices ---

    @staticmethod
    def real_path(path):
        return os.path.realpath(path)

    @staticmethod
    def character_device(path):
        """(major, minor) of a node, None where it is no character device; OSError without it."""
        found = os.stat(path)
        return (os.major(found.st_rdev), os.minor(found.st_rdev)) \
            if stat.S_ISCHR(found.st_mode) else None

    @staticmethod
    def open(path):
        """
        A descriptor. While one is open on a namespace's generic device, the kernel gives
        neither its number nor its name to another.
        """
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @staticmethod
    def open_exclusive(path):
        """A descriptor of a block device that nobody else holds; OSError where one does."""
        return os.open(path, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)

    @staticmethod
    def close(descriptor):
        os.close(descriptor)

    @staticmethod
    def number(descriptor):
        """(major, minor) of what is open."""
        found = os.fstat(descriptor).st_rdev
        return os.major(found), os.minor(found)

    @staticmethod
    def nsid(descriptor):
        """The namespace's number in its drive; OSError where it is gone."""
        return fcntl.ioctl(descriptor, NVME_IOCTL_ID)

    # --- others ---

    @staticmethod
    def claim(key, path):
        """
        What keeps other sweeps and regresses off @path until release(): a socket whose
        name, made of @key, can be had once, and a lock on the folder or device itself,
        which others see, too, who share no network with this process.
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
        What nvme-cli did, None where it did not end in @limit seconds. It is let alone
        then: a drive that formats goes on with it in any case.
        """
        try:
            process = subprocess.Popen(
                ["nvme", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, start_new_session=True, env=os.environ | {"LC_ALL": "C"})
        except FileNotFoundError:
            raise Refused("nvme is not installed: run scripts/install-deps") from None
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return None
        return Done(process.returncode, *(text.decode("utf-8", "backslashreplace")
                                          for text in (out, err)))

    @staticmethod
    def now():
        """Seconds, from some beginning."""
        return time.monotonic()

    @staticmethod
    def sleep(seconds):
        time.sleep(seconds)


def lock(path):
    """
    A descriptor that locks a folder, or the node of a device, against others who do the
    same; None where this user may not. fio's engine locks nodes, too, but by flock(2),
    which does not see these.
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
            return None         # a file system that has no locks
        raise
    return descriptor


HERE = Machine()
