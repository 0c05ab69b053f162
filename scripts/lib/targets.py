# SPDX-License-Identifier: GPL-2.0-only
"""
What a sweep runs on. A target has a name, a kind, a tag for the ids of its points, and

  format_for(fmt)    the format it will have for a plan's, or None
  base_format(fmt)   the same data size without protection, or None: PRACT=1 stands in
  filename(fmt)      for fio
  prepare(fmt)       give it that format, where it has one at a time ('one_format')
  finish()           leave it as it was found
"""
import functools
import hashlib
import os
import shutil
import socket
from pathlib import Path

import drive
from command import Refusal
from formats import Format
from points import format_slug


class Refused(Refusal):
    """Why a target can't be used, in one line."""


def plain(lbs):
    """Data alone."""
    return Format(lbs, 0, 0, 0, 0, 0)


def escape(path):
    """A path for fio's filename=, where a colon ends a name."""
    return str(path).replace(":", "\\:")


def names_folder(word):
    """Does a word of the command line name a folder for images, as /dev/shm, or a device?"""
    return not word.startswith("/dev/ng") and (Path(word).is_dir() or not word.startswith("/dev/"))


def image_folder(word):
    """The folder that it names."""
    folder = Path(word).resolve()
    if not folder.is_dir():
        raise Refused(f"{folder} is no folder: images go where there is one")
    return folder


def claim(path):
    """
    A socket whose name keeps others off a folder or a device, until it is closed or
    this program dies. (The engine itself locks devices, so a lock would stop it.)
    """
    held = socket.socket(socket.AF_UNIX)
    try:
        name = hashlib.sha256(os.path.realpath(path).encode()).hexdigest()
        held.bind(f"\0nvmepi-sweep:{name}")
    except OSError:
        held.close()
        raise Refused(f"{path} is in use by another sweep or regress") from None
    return held


def open_all(chosen, folder):
    """(those of the targets that could be opened, why others could not)."""
    opened, failed = [], []
    for target in chosen:
        try:
            target.open(folder)
            opened.append(target)
        except (drive.Refused, Refused, OSError) as error:
            failed.append(f"{target.name}: {error}")
    return opened, failed


def finish_all(opened):
    """Each is left as it was found, whatever becomes of the others; why some could not be."""
    failed = []
    for target in opened:
        try:
            target.finish()
        except (drive.Refused, OSError) as error:
            failed.append(f"{target.name} is not as it was found: {error}")
    return failed


class Images:
    """The embedded controller: any format, each in an image of its own."""

    kind, one_format = "embedded", False

    def __init__(self, folder, given, tag):
        self.folder, self.given, self.tag = Path(folder), given, tag
        self.name = str(folder) if given else "embedded"
        self.scratch = self.folder / "nvmepi-sweep"

    def format_for(self, fmt):
        return fmt

    def base_format(self, fmt):
        return plain(fmt.lbs)

    def filename(self, fmt):
        return escape(self.scratch / f"{format_slug(fmt)}.img")

    def open(self, folder):
        """Images that an earlier try left are made anew."""
        self.held = claim(self.folder)
        try:
            self.scratch.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(f"{self.scratch}: {error.strerror}") from None
        for old in self.scratch.iterdir():
            old.unlink()

    def prepare(self, fmt):
        pass

    def finish(self):
        shutil.rmtree(self.scratch)
        if not self.given:
            self.folder.rmdir()
        self.held.close()

    def facts(self):
        """For environment.json."""
        return {"kind": self.kind, "format": "one image a format",
                "filesystem": drive.filesystem(self.folder)}


class Namespaces:
    """The guest's: each of its namespaces has one format for good."""

    kind, one_format = "guest", False

    def __init__(self, formats):
        self.name, self.tag = "guest", ""
        self.devices = {fmt: f"/dev/nvmepi/ng{nsid}" for nsid, fmt in enumerate(formats, 1)}

    def format_for(self, fmt):
        """QEMU knows neither 32b guards nor storage tags."""
        return fmt if fmt.pif != 1 and not fmt.sts else None

    def base_format(self, fmt):
        return plain(fmt.lbs)

    def filename(self, fmt):
        return self.devices[fmt]

    def open(self, folder):
        pass

    def prepare(self, fmt):
        pass

    def finish(self):
        pass

    def facts(self):
        return {"kind": self.kind, "format": "one namespace a format",
                **drive.facts(next(iter(self.devices.values())))}


class Device:
    """A drive's namespace, as it is formatted."""

    kind, one_format = "device", False

    def __init__(self, path, tag):
        self.path, self.tag = drive.real_path(path), tag
        self.name = self.path
        drive.refuse_if_in_use(self.path)

    @functools.cached_property
    def can(self):
        """What it is, and can be formatted to."""
        return drive.identify(self.path)

    def format_for(self, fmt):
        """Whatever the plan says: it stays as it is."""
        return self.can.now().fmt

    def base_format(self, fmt):
        now = self.can.now().fmt
        return None if now.pi else now

    def filename(self, fmt):
        return self.path

    def open(self, folder):
        """Looked at once more: until now another sweep may have had it in a format of its own."""
        self.held = claim(self.path)
        self.can = drive.identify(self.path)

    def prepare(self, fmt):
        pass

    def finish(self):
        self.held.close()

    def facts(self):
        return {"kind": self.kind, "format": self.can.now().fmt.name(), **drive.facts(self.path)}


class FormattedDevice(Device):
    """The same, formatted as the plan says, and put back in the end."""

    one_format = True

    def __init__(self, path, tag):
        super().__init__(path, tag)
        drive.refuse_if_all_are_formatted(self.path)
        self.folder = None

    def format_for(self, fmt):
        return self.can.nearest(fmt)

    def base_format(self, fmt):
        """Without metadata, or with some that nobody protects."""
        return self.can.nearest(plain(fmt.lbs)) or \
            self.can.nearest(fmt._replace(pi=0, pil=0, pif=0, sts=0))

    def open(self, folder):
        """What a killed sweep left is put back by this one, to what it was at first."""
        super().open(folder)
        self.folder = folder

    def prepare(self, fmt):
        """The first change is noted, on disk, before it is made."""
        if drive.identify(self.path).now().fmt == fmt:
            return
        if self.path not in self.folder.originals:
            self.folder.append({"formatted": self.path, "original": self.can.now().as_json()},
                               sync=True)
        drive.format_as(self.path, self.can.setting(fmt))

    def finish(self):
        """Back to what it was."""
        original = self.folder and self.folder.originals.get(self.path)
        if original:
            drive.format_as(self.path, drive.Setting.from_json(original))
            self.folder.append({"restored": self.path}, sync=True)
        super().finish()
