# SPDX-License-Identifier: GPL-2.0-only
"""
Targets of a sweep. Each has a name, a kind, a tag (prefix of the ids of its points), and these
methods:

  format_for(fmt)    the format that the target uses for one of the plan, or None
  base_format(fmt)   the format of the baseline: same data size, no PI; None: use PRACT=1
  filename(fmt)      the filename= for fio
  open(folder)       reserve the target; @folder stores its original format
  check()            before each fio: raise Refused if it is not the same target any more
  prepare(fmt)       set the format, if the target has one at a time ('one_format')
  finish()           restore the target to its original state
  no_block           why the modes of the block device cannot be measured on it, or ''
  block(fmt)         the filename= of the block device for fio
  open_block(fmt)    before each fio that uses it: raise Refused if it is not the same namespace,
                     doors.Closed if the kernel does not protect its data, and let the kernel make
                     and check tuples
"""
from pathlib import Path

from sweeps import devicefacts
from sweeps import doors
from shared import identity
from shared import quoting
from shared.command import Refusal, unexpected
from shared.formats import Format
from shared.system import HERE
from shared.points import format_slug
from shared.scratch import Scratch


class Refused(Refusal):
    """The reason why a target cannot be used."""


def plain(lbs):
    """Returns the format without metadata."""
    return Format(lbs, 0, 0, 0, 0, 0)


def names_folder(word):
    """
    Returns whether a word of the command line names a folder for images, such as /dev/shm or one
    in it, and not a device.
    """
    return not word.startswith("/dev/ng") and (
        not word.startswith("/dev/") or Path(word).is_dir() or word.startswith("/dev/shm/"))


def image_folder(word):
    """Returns the folder that a word names."""
    folder = Path(word).resolve()
    if not folder.is_dir():
        raise Refused(f"{folder} is not a folder: name an existing folder for the images")
    return folder


def claim_folder(folder):
    """Reserves a folder for images; the result has to be given to HERE.release()."""
    return HERE.claim(str(Path(folder).resolve()), str(folder))


def reason(error):
    """
    Returns an exception as one line. Unexpected exceptions are included, so that the other targets
    are still handled.
    """
    if isinstance(error, Refusal):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    return unexpected(error)


def open_all(chosen, folder):
    """Opens the targets; returns (those that were opened, the reasons why others could not be)."""
    opened, failed = [], []
    for target in chosen:
        try:
            target.open(folder)
            opened.append(target)
        except Exception as error:      # pylint: disable=broad-except
            why = reason(error)
            failed.append(why if why.startswith(f"{target.name} ") or why.startswith(f"{target.name}:")
                          else f"{target.name}: {why}")
    return opened, failed


def finish_all(opened):
    """Restores each target, even if another one fails; returns the reasons of those that failed."""
    failed = []
    for target in opened:
        try:
            target.finish()
        except Exception as error:      # pylint: disable=broad-except
            failed.append(f"{target.name} was not restored: {reason(error)}")
    return failed


class Target:
    """Defaults of the methods that most targets do not need."""

    no_block = ""

    def open(self, folder):
        """Reserves nothing."""

    def check(self):
        """Checks nothing."""

    def prepare(self, fmt):
        """Does nothing: the target has the format."""

    def finish(self):
        """Does nothing: nothing was changed."""

    def lines(self):
        """Returns job lines for every job on this target."""
        return []


class Images(Target):
    """The embedded controller: supports any format, and has an image for each."""

    kind, one_format = "embedded", False
    no_block = "an image has no block device"

    def __init__(self, folder, given, tag):
        self.folder, self.given, self.tag = Path(folder), given, tag
        self.name = str(folder) if given else "embedded"
        self.scratch = self.held = None
        quoting.fio_path(self.folder)

    def format_for(self, fmt):
        return fmt

    def base_format(self, fmt):
        return plain(fmt.lbs)

    def filename(self, fmt):
        folder = self.scratch.path if self.scratch else self.folder / "images"
        return quoting.fio_path(folder / f"{format_slug(fmt)}.img")

    def open(self, folder):
        """Makes a new folder for the images; those of an earlier attempt are removed."""
        self.held = claim_folder(self.folder) if self.given else None
        try:
            self.scratch = Scratch.make(self.folder, "nvmepi-sweep." if self.given else "images.")
        except BaseException:
            self.release()
            raise

    def finish(self):
        try:
            self.scratch.remove()
        finally:
            self.release()

    def release(self):
        if self.held:
            HERE.release(self.held)
        self.held = None

    def facts(self):
        """Returns the target's entry of environment.json."""
        return {"kind": self.kind, "format": "one image a format",
                "filesystem": devicefacts.filesystem(self.folder)}


class Namespaces(Target):
    """The guest's namespaces, each of which has one fixed format."""

    kind, one_format = "guest", False

    def __init__(self, formats):
        self.name, self.tag = "guest", ""
        self.devices = {fmt: f"/dev/nvmepi/ng{nsid}" for nsid, fmt in enumerate(formats, 1)}

    def format_for(self, fmt):
        """Returns None for 32b guards and storage tags, which QEMU does not support."""
        return fmt if fmt.pif != 1 and not fmt.sts else None

    def base_format(self, fmt):
        return plain(fmt.lbs)

    def filename(self, fmt):
        return self.devices[fmt]

    def block(self, fmt):
        return self.devices[fmt].replace("/ng", "/n")

    def open_block(self, fmt):
        """The guest ends after the sweep, so nothing has to be put back."""
        disk = HERE.real_path(self.block(fmt)).rpartition("/")[2]
        doors.refuse_unprotected(HERE, disk, fmt)
        doors.switch_on(HERE, disk)

    def facts(self):
        return {"kind": self.kind, "format": "one namespace a format",
                **devicefacts.facts(next(iter(self.devices.values())))}


class Device(Target):
    """
    A drive's namespace that keeps its format. @space is a drive.Namespace, @name its path when the
    sweep began.
    """

    kind, one_format = "device", False

    def __init__(self, space, tag, name=""):
        self.space, self.tag = space, tag
        self.name = name or space.path
        self.claimed = self.looked = self.folder = None

    @property
    def can(self):
        """Its Identify data, read once."""
        if not self.looked:
            self.looked = self.space.identify()
        return self.looked

    def can_identity(self):
        """Returns the identity of the namespace, including what Identify says."""
        return self.can and self.space.identity

    def refuse_early(self):
        """Raises Refused, before anything is changed, if the namespace cannot be used."""
        self.can.now()
        self.space.refuse_strangers()

    def format_for(self, fmt):
        """Returns the current format, whatever the plan asks for."""
        return self.can.now().fmt

    def base_format(self, fmt):
        now = self.can.now().fmt
        return None if now.pi else now

    def filename(self, fmt):
        return self.space.path

    def block(self, fmt):
        return self.space.block_path

    def open_block(self, fmt):
        self.space.check_block()
        self.space.refuse_if_in_use()
        doors.refuse_unprotected(self.space.machine, self.space.disk, fmt)
        doors.switch_on(self.space.machine, self.space.disk)

    def open(self, folder):
        """
        Reserves the namespace and reads Identify again: until now another sweep may have changed
        its format. The kernel's settings for its block device are recorded if one is off, because
        a format may turn it on, and finish() restores them.
        """
        self.folder = folder
        self.space.find()
        ident = self.space.identity
        self.claimed = self.space.machine.claim(f"{ident.serial}/{ident.nsid}", self.space.path)
        try:
            self.looked = self.space.identify()
            self.refuse_early()
            self.space.refuse_if_in_use()
            now = doors.settings(self.space.machine, self.space.disk)
            if folder and "0" in now.values() and not folder.switched(ident):
                folder.note_switched(ident, self.space.path, now)
        except BaseException:
            self.release()
            raise

    def check(self):
        self.space.check()

    def finish(self):
        """Restores the kernel's settings for the block device."""
        try:
            before = self.folder and self.folder.switched(self.space.identity)
            if before:
                self.space.find()
                doors.switch(self.space.machine, self.space.disk, before)
                self.folder.note_switched_back(self.space.identity)
        finally:
            self.release()

    def release(self):
        """Ends the reservation."""
        if self.claimed:
            self.space.machine.release(self.claimed)
        self.claimed = None
        self.space.close()

    def facts(self):
        return {"kind": self.kind, "format": self.can.now().fmt.name(),
                **devicefacts.facts(self.space.path)}


class FormattedDevice(Device):
    """A drive's namespace that is formatted as the plan asks, and restored at the end."""

    one_format = True

    def __init__(self, space, tag, name=""):
        super().__init__(space, tag, name)
        self.sure = False

    def refuse_early(self):
        """
        Raises Refused, before anything is changed, if the namespace cannot be formatted or
        restored.
        """
        self.space.refuse_others()
        self.space.refuse_unless_settable(self.can.now())

    def can_have(self, fmt):
        """Returns the nearest format that the drive and this nvme-cli support, or None."""
        found = self.can.nearest(fmt)
        return found if found and self.space.settable(self.can.setting(found)) else None

    def format_for(self, fmt):
        return self.can_have(fmt)

    def base_format(self, fmt):
        """Returns a format without metadata, or else with metadata but without PI."""
        return self.can_have(plain(fmt.lbs)) or \
            self.can_have(fmt._replace(pi=0, pil=0, pif=0, sts=0))

    def format_line(self, fmt):
        """Returns the command that sets the format."""
        return quoting.sh(*["nvme", *self.space.format_words(self.can.setting(fmt))])

    @property
    def original(self):
        """The setting before the first format, or None if nothing was changed."""
        return self.folder.original(self.space.identity)

    def prepare(self, fmt):
        """
        Sets the format. The original setting is recorded, on disk, before the first change. A
        format that a killed sweep began may still be in progress whatever Identify says, so then
        the namespace is formatted again.
        """
        found = self.space.identify()
        if found.now().fmt == fmt and not found.formatting and (self.sure or not self.original):
            return
        self.sure = False
        if not self.original:
            self.folder.note_formatted(self.space.identity, self.space.path, found.now())
        self.space.format_as(self.can.setting(fmt))
        self.sure = True

    def finish(self):
        """Restores the original setting, under whatever name the namespace has now."""
        try:
            if self.folder and self.original:
                self.space.find()
                self.space.format_as(self.original)
                self.folder.note_restored(self.space.identity)
        finally:
            super().finish()


class AbsentDevice(Target):
    """
    A drive that is not here, for a dry run. Its formats are unknown, so every format is assumed to
    be supported.
    """

    kind, one_format = "device", True

    def __init__(self, path, tag):
        self.name, self.tag = path, tag

    def format_for(self, fmt):
        return fmt

    def base_format(self, fmt):
        return plain(fmt.lbs)

    def filename(self, fmt):
        return self.name

    def block(self, fmt):
        return self.name.replace("/ng", "/nvme")

    def can_identity(self):
        """Returns None: the namespace is unknown."""

    def format_line(self, fmt):
        """Returns a comment: only the drive knows the number of its LBA format."""
        return f"# nvme format {self.name}, which is not there now, to {fmt.name()}"


def not_put_back(folder):
    """
    Returns a line for each namespace that was not restored, with the command that restores it.
    """
    lines = []
    for ident, setting in folder.originals:
        lines.append(
            f"{was(ident.text(), setting)}: --resume={folder.path} "
            f"--destroy={quoting.sh(ident.serial)} restores it, or, with its current name, nvme "
            "format "
            f"/dev/ngXnY --namespace-id={ident.nsid} {' '.join(setting.words())}")
    for ident, path, before in folder.switches:
        words = " and ".join(f"{name} {value}" for name, value in before.items())
        lines.append(f"{ident.text()}: {path} had {words} in /sys/block/*/integrity before, which is "
                     f"not restored: --resume={folder.path} --destroy={quoting.sh(ident.serial)} "
                     "restores it")
    for path, setting in folder.nameless.items():
        lines.append(f"{was(path, setting)}; an older sweep stored no serial number: on that "
                     "drive, "
                     f"run nvme format {' '.join(setting.words())}")
    return lines


def was(what, setting):
    """Returns the text that says which setting a namespace should have."""
    return (f"{what} was LBA format {setting.lbaf} ({setting.fmt.name()}) before, which is not "
            "restored")


def refuse_twins(devices):
    """Raises Refused if two devices are the same namespace."""
    for at, one in enumerate(devices):
        for other in devices[:at]:
            if one.space.identity.same(other.space.identity):
                raise Refused(f"{other.name} and {one.name} are the same namespace "
                              f"({one.space.identity.text()})")


def identity_of(words):
    """Returns the identity that a results folder stored."""
    try:
        return identity.Identity.from_json(words)
    except ValueError:
        raise Refused("the results folder does not identify its drive: sweep again") from None
