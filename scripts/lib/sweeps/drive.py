# SPDX-License-Identifier: GPL-2.0-only
"""A drive's namespace, looked at and formatted through nvme-cli (2.3 and newer)."""
import errno
import json
import re
from typing import NamedTuple

from shared import identity
from shared import interrupts
from shared.command import Refusal
from shared.formats import Format, STORAGE_TAGS
from shared.system import HERE

ANSWER_LIMIT, SETTLE, PAUSE = 60, 10, 0.1               # seconds
FORMAT_LIMIT = 3600         # of a format, and of the time for which one is waited for
SLACK = 120                 # nvme-cli ends before it is given up
BUSY_PAUSE = 5              # between two tries while another format is under way
HIGH_LBAF = 2, 16           # the first nvme-cli that is known to set LBA formats above 15
IN_PROGRESS = 0x084         # Base Specification, status codes: Format in Progress
ALL_AT_ONCE = 1             # FNA: a format is one of all namespaces
MANAGES = 1 << 3            # OACS: namespaces can be made, attached, detached
MANY_CONTROLLERS = 1 << 1   # CMIC
EXTENDED_FORMATS = 1 << 15  # CTRATT: formats other than 16b guards without storage tags
SHARED = 1                  # NMIC: the namespace may be attached to several controllers


class Refused(Refusal):
    """What is wrong with a device, or what nvme-cli said, in one line."""


class NotTaken(Refused):
    """A format that the drive lists, but does not take; it is formatted as it was before."""


class Setting(NamedTuple):
    """What Format NVM is told (the metadata settings are @fmt's), and what comes of it."""

    lbaf: int
    fmt: Format

    def as_json(self):
        return {"lbaf": self.lbaf, **self.fmt._asdict()}

    @classmethod
    def from_json(cls, words):
        """One that a results folder has; ValueError where it is none."""
        try:
            words = dict(words)
            found = cls(words.pop("lbaf"), Format(**words))
        except (TypeError, KeyError):
            raise ValueError("no setting") from None
        if not all(type(number) is int and number >= 0 for number in (found.lbaf, *found.fmt)):
            raise ValueError("no setting")
        return found

    def words(self):
        """For nvme-cli."""
        return [f"--lbaf={self.lbaf}", f"--ms={self.fmt.mset}", f"--pi={self.fmt.pi}",
                f"--pil={self.fmt.pil}"]


# --- nvme-cli ---

def first_line(done):
    """
    What nvme-cli says went wrong: on either output, as text, or as JSON, beside which 2.16 may
    print how it is used.
    """
    for text in (done.out, done.err):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("error"), str):
            return found["error"]
    lines = (done.err.strip() or done.out.strip()).splitlines()
    return lines[0] if lines else f"exit status {done.status}"


def ask(machine, *words):
    """nvme-cli's JSON, an object, about the last of the words, a device."""
    device, what = words[-1], words[0]
    done = machine.nvme([*words, "-o", "json"], ANSWER_LIMIT)
    if done is None:
        raise Refused(f"{device}: nvme {what} did not end in {ANSWER_LIMIT:g} s: does the drive "
                      "still answer?")
    try:
        found = json.loads(done.out)
    except ValueError:
        found = None
    if done.status or not isinstance(found, dict) or "error" in found:
        raise Refused(f"{device}: nvme {what} failed: {first_line(done)}")
    return found


def numbers(device, what, found, *keys):
    """Those of an answer; what is not there is not taken for 0."""
    lost = [key for key in keys if type(found.get(key)) is not int]
    if lost:
        raise Refused(f"{device}: nvme {what} does not say {lost[0]}: this nvme-cli is not known")
    return [found[key] for key in keys]


def version(machine):
    """nvme-cli's, (2, 3) of 2.3; (0, 0) where it can't be told."""
    done = machine.nvme(["version"], ANSWER_LIMIT)
    match = done and re.search(r"nvme version (\d+)\.(\d+)", done.out)
    return (int(match[1]), int(match[2])) if match else (0, 0)


# --- Identify ---

class Identify:
    """What a namespace is, and what it can be formatted to."""

    def __init__(self, device, ns, elbafs):
        self.device, self.ns = device, ns
        self.flbas, self.dps, self.mc, self.dpc, self.nmic, fpi = numbers(
            device, "id-ns", ns, "flbas", "dps", "mc", "dpc", "nmic", "fpi")
        (nlbaf,) = numbers(device, "id-ns", ns, "nlbaf")
        self.count = nlbaf + 1 + ns.get("nulbaf", 0)
        self.formatting = bool(fpi & 0x80 and fpi & 0x7f)
        self.lbafs = []
        for index, lbaf in enumerate(ns.get("lbafs", ())):
            ds, ms = numbers(device, "id-ns", lbaf, "ds", "ms")
            pif, sts = numbers(device, "nvm-id-ns", elbafs[index], "pif", "sts") \
                if index < len(elbafs) else (0, 0)
            if ds:
                self.lbafs.append((index, 1 << ds, ms, pif, sts))

    def now(self):
        """The setting that it has."""
        index = self.flbas & 15
        if self.count > 16:         # else FLBAS bits 6:5 say nothing
            index |= (self.flbas >> 5 & 3) << 4
        found = next((lbaf for lbaf in self.lbafs if lbaf[0] == index), None)
        if not found:
            raise Refused(f"{self.device} is formatted to LBA format {index}, which nvme-cli does "
                          "not list: it could not be put back")
        _, lbs, ms, pif, sts = found
        pi = self.dps & 7
        return Setting(index, Format(lbs, ms, self.flbas >> 4 & 1 if ms else 0, pi,
                                     self.dps >> 3 & 1 if pi else 0, pif if pi else 0,
                                     sts if pi else 0))

    def setting(self, fmt):
        """How to have it that way, or None."""
        if fmt.ms and not self.mc & (1 if fmt.mset else 2):
            return None
        if fmt.pi and not (self.dpc >> fmt.pi - 1 & 1 and
                           self.dpc >> (3 if fmt.pil else 4) & 1):
            return None
        for index, lbs, ms, pif, sts in self.lbafs:
            if (lbs, ms) == (fmt.lbs, fmt.ms) and (not fmt.pi or (pif, sts) == (fmt.pif, fmt.sts)):
                return Setting(index, fmt)
        return None

    def nearest(self, fmt):
        """
        The format itself where it can be had; where the plan leaves the storage tag's
        size open, with another one; else None.
        """
        tags = [fmt.sts]
        if fmt.pi and fmt.sts == STORAGE_TAGS[fmt.pif][0]:
            tags += sorted({sts for _, _, _, pif, sts in self.lbafs if pif == fmt.pif})
        able = (fmt._replace(sts=sts) for sts in tags)
        return next((one for one in able if self.setting(one)), None)


class Namespace:
    """
    A namespace of a drive, known by its identity. The node that leads to it is held open;
    @node None: it is looked for when it is needed.
    """

    def __init__(self, ident, node=None, liked="", machine=HERE):
        self.identity, self.node = ident, node
        self.liked, self.machine = liked or node.path, machine

    @classmethod
    def at(cls, path, machine=HERE):
        """What is at a path now."""
        real = real_path(path, machine)
        try:
            node = identity.Node(machine, real)
        except OSError as error:
            raise Refused(f"{path}: {error.strerror}{hint(error)}") from None
        try:
            return cls(node.identity(), node, machine=machine)
        except BaseException:
            node.close()
            raise

    @property
    def path(self):
        """Its name now, or what it was called last."""
        return self.node.path if self.node else self.liked

    def close(self):
        if self.node:
            self.node.close()
        self.node = None

    def check(self):
        """Its name leads to it still; Refused where it does not."""
        if not self.node:
            self.node = identity.find(self.machine, self.identity, self.liked)
        self.node.refuse_unless(self.identity)

    def find(self):
        """The same, and where it does not, it is looked for under other names."""
        try:
            self.check()
        except identity.Refused:
            self.close()
            self.check()

    # --- what it is ---

    def identify(self):
        """Identify, of this very namespace."""
        self.check()
        path = self.path
        ns = ask(self.machine, "id-ns", path)
        told = identity.Identity(self.identity.serial, self.identity.nsid,
                                 *(identity.digits(str(ns.get(key, ""))) for key in
                                   ("nguid", "eui64")))
        if not told.same(self.identity):
            raise Refused(f"{path} identifies itself as {told.text()}, and was "
                          f"{self.identity.text()}: not touched")
        self.identity = self.identity._replace(nguid=told.nguid or self.identity.nguid,
                                               eui64=told.eui64 or self.identity.eui64)
        try:
            elbafs = ask(self.machine, "nvm-id-ns", path).get("elbafs", [])
        except Refused:             # a drive older than these fields has 16b guards
            ctratt, = numbers(path, "id-ctrl", ask(self.machine, "id-ctrl", path), "ctratt")
            if ctratt & EXTENDED_FORMATS:
                raise
            elbafs = []
        return Identify(path, ns, elbafs)

    # --- who else would be touched ---

    def refuse_others(self):
        """Formatting it must touch no other namespace, and nobody else's."""
        fna, oacs, cmic, count = numbers(
            self.path, "id-ctrl", ask(self.machine, "id-ctrl", self.path),
            "fna", "oacs", "cmic", "nn")
        if fna & ALL_AT_ONCE and count != 1:
            self.refuse_siblings(bool(oacs & MANAGES or cmic & MANY_CONTROLLERS))
        self.refuse_strangers()

    def refuse_siblings(self, hidden):
        """@hidden: there may be namespaces that this controller does not list as its own."""
        words = ["list-ns", *["--all"] * hidden]
        try:
            found = [numbers(self.path, "list-ns", entry, "nsid")[0]
                     for entry in ask(self.machine, *words, self.path)["nsid_list"]]
        except (Refused, KeyError, TypeError) as error:
            raise Refused(f"{self.path}: this drive formats all of its namespaces at once, and "
                          f"whether it has others can't be told ({error}): give --keep-format") \
                from None
        if found != [self.identity.nsid]:
            raise Refused(f"{self.path}: this drive formats all of its namespaces at once "
                          f"({', '.join(map(str, found))}): give --keep-format")

    def refuse_strangers(self):
        """A shared namespace: every controller that it is attached to has to be one of ours."""
        cmic, = numbers(self.path, "id-ctrl", ask(self.machine, "id-ctrl", self.path), "cmic")
        nmic, = numbers(self.path, "id-ns", ask(self.machine, "id-ns", self.path), "nmic")
        if not nmic & SHARED or not cmic & MANY_CONTROLLERS:
            return
        try:
            found = [numbers(self.path, "list-ctrl", entry, "ctrl_id")[0] for entry in
                     ask(self.machine, "list-ctrl", f"--namespace-id={self.identity.nsid}",
                         self.path)["ctrl_list"]]
        except (Refused, KeyError, TypeError) as error:
            raise Refused(f"{self.path}: its namespace may be shared with other hosts, and whether "
                          f"it is can't be told ({error}): name another") from None
        base, read = "/sys/class/nvme", self.machine.read
        ours = {read(f"{base}/{name}/cntlid") for name in self.machine.names(base)
                if read(f"{base}/{name}/serial") == self.identity.serial}
        others = [number for number in found if str(number) not in ours]
        if others:
            raise Refused(f"{self.path}: its namespace is attached to controllers that are not of "
                          f"this machine, too ({', '.join(map(str, others))}): name another")

    def hold(self):
        """
        Descriptors of its block devices, each opened so that nobody else can hold it:
        neither a file system nor another driver; Refused where one does.
        """
        held, found = [], identity.nodes(self.machine, self.identity)
        for node in found:
            node.close()
        identity.refuse_several(found, self.identity)
        if self.path not in (node.path for node in found):
            raise Refused(f"{self.path} is not among the kernel's generic devices "
                          f"({identity.GENERIC}): whether it is mounted or held can't be told")
        try:
            for node in found:
                name = identity.block_name(node.name)
                if not self.machine.names(f"/sys/block/{name}"):
                    continue        # the kernel can't use such a format as a disk: nobody does
                try:
                    held.append(self.machine.open_exclusive(f"/dev/{name}"))
                except FileNotFoundError:
                    raise Refused(f"{self.path}: there is no /dev/{name} here, so whether it is "
                                  "mounted or held can't be told: make its node") from None
                except OSError as error:
                    raise Refused(f"{self.path} is in use (/dev/{name}: {error.strerror}): unmount "
                                  "it, or name another") from None
        except BaseException:
            self.let_go(held)
            raise
        return held

    def let_go(self, held):
        for descriptor in held:
            self.machine.close(descriptor)

    def refuse_if_in_use(self):
        """Mounted, or held by another driver: what is on it is needed."""
        self.check()
        self.let_go(self.hold())

    # --- Format NVM ---

    def settable(self, setting):
        """nvme-cli before 2.16 takes LBA format 16 for format 0."""
        return setting.lbaf <= 15 or version(self.machine) >= HIGH_LBAF

    def refuse_unless_settable(self, setting):
        """It could not be put back."""
        if not self.settable(setting):
            raise Refused(f"{self.path}: this nvme-cli can't format to LBA format {setting.lbaf}, "
                          f"which needs {'.'.join(map(str, HIGH_LBAF))} or newer")

    def format_words(self, setting):
        """nvme-cli's; it gives a format 10 minutes unless told."""
        return ["format", self.path, "--force", f"--namespace-id={self.identity.nsid}",
                f"--timeout={FORMAT_LIMIT * 1000}", *setting.words()]

    def format_as(self, setting):
        """
        Format NVM. It is let to its end whatever signals come. Done is what both nvme-cli
        and Identify say is. NotTaken where the drive said no and is as it was before.
        """
        self.refuse_unless_settable(setting)
        self.refuse_others()
        with interrupts.deferred():
            held = self.hold()
            try:
                self.check()
                before = self.setting_now(self.check)
                done = self.send_format(setting)
                self.judge_format(setting, before, done)
            finally:
                self.let_go(held)

    def send_format(self, setting):
        """How nvme-cli ended; another format that is under way is waited for."""
        end = self.machine.now() + FORMAT_LIMIT
        while True:
            done = self.machine.nvme(self.format_words(setting), FORMAT_LIMIT + SLACK)
            if done is None:
                raise Refused(f"{self.path}: nvme format did not end in {FORMAT_LIMIT + SLACK} s, "
                              "and is let alone: does the drive still answer?")
            if not in_progress(done) or self.machine.now() > end:
                return done
            self.machine.sleep(BUSY_PAUSE)
            self.check()

    def setting_now(self, look):
        """What Identify says, after @look, or why it says nothing: a line."""
        try:
            look()
            found = self.identify()
            return "it is still being formatted" if found.formatting else found.now()
        except Refusal as error:
            return str(error)

    def judge_format(self, setting, before, done):
        """A namespace may be away after it was formatted, and come back by another name."""
        took = done.status == 0 or "failed to rescan" in done.out + done.err or \
            "failed to set block size" in done.out + done.err
        end = self.machine.now() + SETTLE
        while True:
            now = self.setting_now(self.find)
            if took and now == setting:
                return
            if not took and now == before and isinstance(now, Setting):
                raise NotTaken(f"{self.path} could not be formatted to {setting.fmt.name()}: "
                               f"{first_line(done)}")
            if self.machine.now() > end:
                break
            self.machine.sleep(PAUSE)
        is_now = f"it is {now.fmt.name()}, LBA format {now.lbaf}" \
            if isinstance(now, Setting) else now
        why = is_now if took else f"{first_line(done)}; {is_now}"
        raise Refused(f"{self.path} could not be formatted to {setting.fmt.name()}: {why}")


def in_progress(done):
    """Did the drive say that a format is under way?"""
    text = done.err + done.out
    codes = [int(code, 16) & 0x7ff for code in re.findall(r"\(0x([0-9a-fA-F]+)\)", text)]
    return bool(done.status) and ("format in progress" in text.lower() or IN_PROGRESS in codes)


# --- names ---

def hint(error):
    """What to look at where a device can't be opened."""
    return ": is the drive there? See 'ls /dev/ng*' and 'nvme list'" if error.errno == errno.ENOENT else ""


def real_path(path, machine=HERE):
    """The generic character device behind a name."""
    real = machine.real_path(path)
    match = re.fullmatch(r"/dev/nvme(\d+n\d+)", real)
    if match:
        raise Refused(f"{path} is a block device: name its character device, /dev/ng{match[1]}")
    try:
        number = machine.character_device(real)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}{hint(error)}") from None
    except ValueError as error:
        raise Refused(f"{path}: {error}") from None
    if not number or not re.fullmatch(r"/dev/ng\d+n\d+", real):
        raise Refused(f"{path} is no NVMe generic device (/dev/ngXnY)")
    return real


def refuse_other_serial(device, serial, allowed):
    """Only drives whose data was said to be lost, by serial number, are touched."""
    if not allowed:
        raise Refused(f"a sweep overwrites what is on {device}: say so by --destroy={serial}, the "
                      "serial number of its drive")
    if not serial or serial not in allowed:
        raise Refused(f"{device} belongs to serial number '{serial}', not "
                      f"'{', '.join(allowed)}': not touched")
