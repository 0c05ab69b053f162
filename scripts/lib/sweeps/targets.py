# SPDX-License-Identifier: GPL-2.0-only
"""
What a sweep runs on. A target has a name, a kind, a tag for the ids of its points, and

  format_for(fmt)    the format it will have for a plan's, or None
  base_format(fmt)   the same data size without protection, or None: PRACT=1 stands in
  filename(fmt)      for fio
  open(folder)       nobody else's from now on; @folder keeps what it was before
  check()            before each fio: is it still what it was?
  prepare(fmt)       give it that format, where it has one at a time ('one_format')
  finish()           leave it as it was found
"""
from pathlib import Path

from sweeps import devicefacts
from shared import identity
from shared import quoting
from shared.command import Refusal, unexpected
from shared.formats import Format
from shared.system import HERE
from shared.points import format_slug
from shared.scratch import Scratch


class Refused(Refusal):
    """Why a target can't be used, in one line."""


def plain(lbs):
    """Data alone."""
    return Format(lbs, 0, 0, 0, 0, 0)


def names_folder(word):
    """Does a word of the command line name a folder for images, as /dev/shm, or a device?"""
    return not word.startswith("/dev/ng") and (Path(word).is_dir() or not word.startswith("/dev/"))


def image_folder(word):
    """The folder that it names."""
    folder = Path(word).resolve()
    if not folder.is_dir():
        raise Refused(f"{folder} is no folder: images go where there is one")
    return folder


def claim_folder(folder):
    """Nobody else's images in a folder meanwhile; to be given to HERE.release()."""
    return HERE.claim(str(Path(folder).resolve()), str(folder))


def reason(error):
    """One line of an exception: one that nobody foresaw keeps no other target from its turn."""
    if isinstance(error, Refusal):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    return unexpected(error)


def open_all(chosen, folder):
    """(those of the targets that could be opened, why others could not)."""
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
    """Each is left as it was found, whatever becomes of the others; why some could not be."""
    failed = []
    for target in opened:
        try:
            target.finish()
        except Exception as error:      # pylint: disable=broad-except
            failed.append(f"{target.name} is not as it was found: {reason(error)}")
    return failed


class Target:
    """What most of them do not need."""

    def open(self, folder):
        """Nothing to hold."""

    def check(self):
        """Nothing that could be another thing by now."""

    def prepare(self, fmt):
        """It has the format."""

    def finish(self):
        """Nothing was changed."""

    def lines(self):
        """Of every job that uses it."""
        return []


class Images(Target):
    """The embedded controller: any format, each in an image of its own."""

    kind, one_format = "embedded", False

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
        """Images that an earlier try left are made anew."""
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
        """For environment.json."""
        return {"kind": self.kind, "format": "one image a format",
                "filesystem": devicefacts.filesystem(self.folder)}


class Namespaces(Target):
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

    def facts(self):
        return {"kind": self.kind, "format": "one namespace a format",
                **devicefacts.facts(next(iter(self.devices.values())))}


class Device(Target):
    """
    A drive's namespace, as it is formatted; @space is a drive.Namespace, @name what it was
    called when the sweep began.
    """

    kind, one_format = "device", False

    def __init__(self, space, tag, name=""):
        self.space, self.tag = space, tag
        self.name = name or space.path
        self.claimed = self.looked = None

    @property
    def can(self):
        """What it is, and can be formatted to; looked at once."""
        if not self.looked:
            self.looked = self.space.identify()
        return self.looked

    def can_identity(self):
        """Which namespace it is, with all that it says of itself."""
        return self.can and self.space.identity

    def refuse_early(self):
        """What would keep a sweep from it, before anything is done."""
        self.can.now()
        self.space.refuse_strangers()

    def format_for(self, fmt):
        """Whatever the plan says: it stays as it is."""
        return self.can.now().fmt

    def base_format(self, fmt):
        now = self.can.now().fmt
        return None if now.pi else now

    def filename(self, fmt):
        return self.space.path

    def open(self, folder):
        """Looked at once more: until now another sweep may have had it in a format of its own."""
        self.space.find()
        ident = self.space.identity
        self.claimed = self.space.machine.claim(f"{ident.serial}/{ident.nsid}", self.space.path)
        try:
            self.looked = self.space.identify()
            self.refuse_early()
            self.space.refuse_if_in_use()
        except BaseException:
            self.release()
            raise

    def check(self):
        self.space.check()

    def finish(self):
        self.release()

    def release(self):
        """Others may have it."""
        if self.claimed:
            self.space.machine.release(self.claimed)
        self.claimed = None
        self.space.close()

    def facts(self):
        return {"kind": self.kind, "format": self.can.now().fmt.name(),
                **devicefacts.facts(self.space.path)}


class FormattedDevice(Device):
    """The same, formatted as the plan says, and put back in the end."""

    one_format = True

    def __init__(self, space, tag, name=""):
        super().__init__(space, tag, name)
        self.folder, self.sure = None, False

    def refuse_early(self):
        """Whatever would keep it from being formatted, or put back, before anything is done."""
        self.space.refuse_others()
        self.space.refuse_unless_settable(self.can.now())

    def can_have(self, fmt):
        """The nearest format that it can be given, by this nvme-cli, or None."""
        found = self.can.nearest(fmt)
        return found if found and self.space.settable(self.can.setting(found)) else None

    def format_for(self, fmt):
        return self.can_have(fmt)

    def base_format(self, fmt):
        """Without metadata, or with some that nobody protects."""
        return self.can_have(plain(fmt.lbs)) or \
            self.can_have(fmt._replace(pi=0, pil=0, pif=0, sts=0))

    def format_line(self, fmt):
        """The command that formats it so."""
        return quoting.sh(*["nvme", *self.space.format_words(self.can.setting(fmt))])

    def open(self, folder):
        """What a killed sweep left is put back by this one, to what it was at first."""
        self.folder = folder
        super().open(folder)

    @property
    def original(self):
        """What it was before it was first formatted: a Setting, or None while it is that still."""
        return self.folder.original(self.space.identity)

    def prepare(self, fmt):
        """
        The first change is noted, on disk, before it is made. A format that a killed sweep
        began may be under way, whatever Identify says: then it is formatted again.
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
        """Back to what it was, wherever it is now."""
        try:
            if self.folder and self.original:
                self.space.find()
                self.space.format_as(self.original)
                self.folder.note_restored(self.space.identity)
        finally:
            super().finish()


class AbsentDevice(Target):
    """
    A drive's namespace that is not there, for a dry run: what it can be formatted to is not
    known, so every format is taken to be one of it.
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

    def can_identity(self):
        """None: nobody can say which namespace it is."""

    def format_line(self, fmt):
        """Which of its LBA formats that is only the drive knows."""
        return f"# nvme format {self.name}, which is not there now, to {fmt.name()}"


def not_put_back(folder):
    """A line for each namespace that is not what it was before, and what may help."""
    lines = []
    for ident, setting in folder.originals:
        lines.append(
            f"{was(ident.text(), setting)}: --resume={folder.path} "
            f"--destroy={quoting.sh(ident.serial)} does it, or, by its present name, nvme format "
            f"/dev/ngXnY --namespace-id={ident.nsid} {' '.join(setting.words())}")
    for path, setting in folder.nameless.items():
        lines.append(f"{was(path, setting)}; an older program noted no serial number: on that drive, "
                     f"run nvme format {' '.join(setting.words())}")
    return lines


def was(what, setting):
    """What it should be."""
    return f"{what} was LBA format {setting.lbaf} ({setting.fmt.name()}) before and is not put back"


def refuse_twins(devices):
    """Two names of one namespace are one target."""
    for at, one in enumerate(devices):
        for other in devices[:at]:
            if one.space.identity.same(other.space.identity):
                raise Refused(f"{other.name} and {one.name} are the same namespace "
                              f"({one.space.identity.text()})")


def identity_of(words):
    """Of a results folder."""
    try:
        return identity.Identity.from_json(words)
    except ValueError:
        raise Refused("the results folder does not say which drive it is of: sweep again") from None
