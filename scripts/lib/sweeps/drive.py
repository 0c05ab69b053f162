# SPDX-License-Identifier: GPL-2.0-only
"""A namespace of a drive: identifies and formats it through nvme-cli (2.3 and newer)."""
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
FORMAT_LIMIT = 3600         # of one format, and of the wait for another one
SLACK = 120                 # nvme-cli's own timeout comes first by this much
BUSY_PAUSE = 5              # between two attempts while another format is in progress
HIGH_LBAF = 2, 16           # the first nvme-cli that can set LBA formats above 15
IN_PROGRESS = 0x084         # Base Specification, status codes: Format in Progress
ALL_AT_ONCE = 1             # FNA: a format applies to all namespaces
MANAGES = 1 << 3            # OACS: namespaces can be created, attached, detached
MANY_CONTROLLERS = 1 << 1   # CMIC
EXTENDED_FORMATS = 1 << 15  # CTRATT: formats other than 16b guards without storage tags
SHARED = 1                  # NMIC: the namespace may be attached to several controllers


class Refused(Refusal):
    """What is wrong with a device, or the error that nvme-cli printed."""


class NotTaken(Refused):
    """The drive lists a format but refused it; the namespace has the format that it had before."""


class Setting(NamedTuple):
    """
    The arguments of Format NVM: the LBA format, and the resulting format, which includes the
    metadata settings.
    """

    lbaf: int
    fmt: Format

    def as_json(self):
        return {"lbaf": self.lbaf, **self.fmt._asdict()}

    @classmethod
    def from_json(cls, words):
        """Returns the setting that a results folder stored; raises ValueError if there is none."""
        try:
            words = dict(words)
            found = cls(words.pop("lbaf"), Format(**words))
        except (TypeError, KeyError):
            raise ValueError("no setting") from None
        if not all(type(number) is int and number >= 0 for number in (found.lbaf, *found.fmt)):
            raise ValueError("no setting")
        return found

    def words(self):
        """Returns the setting as options of nvme-cli."""
        return [f"--lbaf={self.lbaf}", f"--ms={self.fmt.mset}", f"--pi={self.fmt.pi}",
                f"--pil={self.fmt.pil}"]


# --- nvme-cli ---

def first_line(done):
    """
    Returns nvme-cli's error message. It comes on either output, as text or as JSON; nvme-cli 2.16
    may print its usage besides the JSON.
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
    """Runs nvme-cli on a device, the last of @words, and returns its JSON object."""
    device, what = words[-1], words[0]
    done = machine.nvme([*words, "-o", "json"], ANSWER_LIMIT)
    if done is None:
        raise Refused(f"{device}: nvme {what} did not end in {ANSWER_LIMIT:g} s: does the drive "
                      "still respond?")
    try:
        found = json.loads(done.out)
    except ValueError:
        found = None
    if done.status or not isinstance(found, dict) or "error" in found:
        raise Refused(f"{device}: nvme {what} failed: {first_line(done)}")
    return found


def numbers(device, what, found, *keys):
    """
    Returns the numbers at @keys of an answer. Raises Refused if one is missing; it must not count
    as 0.
    """
    lost = [key for key in keys if type(found.get(key)) is not int]
    if lost:
        raise Refused(f"{device}: nvme {what} does not report {lost[0]}: this nvme-cli is not "
                      "supported")
    return [found[key] for key in keys]


def version(machine):
    """Returns the version of nvme-cli, (2, 3) for 2.3; (0, 0) if it is unknown."""
    done = machine.nvme(["version"], ANSWER_LIMIT)
    match = done and re.search(r"nvme version (\d+)\.(\d+)", done.out)
    return (int(match[1]), int(match[2])) if match else (0, 0)


# --- Identify ---

class Identify:
    """The format of a namespace, and the formats that it supports."""

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
        """Returns the current setting."""
        index = self.flbas & 15
        if self.count > 16:         # otherwise FLBAS bits 6:5 are reserved
            index |= (self.flbas >> 5 & 3) << 4
        found = next((lbaf for lbaf in self.lbafs if lbaf[0] == index), None)
        if not found:
            raise Refused(f"{self.device} is formatted to LBA format {index}, which nvme-cli does "
                          "not list: it could not be restored")
        _, lbs, ms, pif, sts = found
        pi = self.dps & 7
        return Setting(index, Format(lbs, ms, self.flbas >> 4 & 1 if ms else 0, pi,
                                     self.dps >> 3 & 1 if pi else 0, pif if pi else 0,
                                     sts if pi else 0))

    def setting(self, fmt):
        """
        Returns the setting that gives a format, or None if the namespace does not support the
        format.
        """
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
        Returns the format if the namespace supports it. If the plan left the size of the storage
        tag open, returns it with another supported size. Otherwise returns None.
        """
        tags = [fmt.sts]
        if fmt.pi and fmt.sts == STORAGE_TAGS[fmt.pif][0]:
            tags += sorted({sts for _, _, _, pif, sts in self.lbafs if pif == fmt.pif})
        able = (fmt._replace(sts=sts) for sts in tags)
        return next((one for one in able if self.setting(one)), None)


class Namespace:
    """
    A namespace of a drive, known by its identity. Its node is kept open; with @node None the node
    is found when it is needed.
    """

    def __init__(self, ident, node=None, liked="", machine=HERE):
        self.identity, self.node = ident, node
        self.liked, self.machine = liked or node.path, machine

    @classmethod
    def at(cls, path, machine=HERE):
        """Returns the namespace to which a path leads now."""
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
        """The current path, or the last known one."""
        return self.node.path if self.node else self.liked

    @property
    def disk(self):
        """The name of its block device."""
        return identity.block_name(self.path.rpartition("/")[2])

    @property
    def block_path(self):
        return f"/dev/{self.disk}"

    def close(self):
        if self.node:
            self.node.close()
        self.node = None

    def check(self):
        """Raises Refused unless the path still leads to this namespace."""
        if not self.node:
            self.node = identity.find(self.machine, self.identity, self.liked)
        self.node.refuse_unless(self.identity)

    def check_block(self):
        """Raises Refused unless the block device is that of this namespace, too."""
        self.check()
        try:
            node = identity.BlockNode(self.machine, self.block_path)
        except OSError as error:
            raise Refused(f"{self.block_path}: {error.strerror}") from None
        try:
            node.refuse_unless(self.identity)
        finally:
            node.close()

    def find(self):
        """
        Like check(), but if the path does not lead to it, the namespace is searched under other
        names.
        """
        try:
            self.check()
        except identity.Refused:
            self.close()
            self.check()

    # --- what it is ---

    def identify(self):
        """Returns the Identify data, after it was checked to be of this namespace."""
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
        # older drives do not have these fields: they have 16b guards only
        except Refused:
            ctratt, = numbers(path, "id-ctrl", ask(self.machine, "id-ctrl", path), "ctratt")
            if ctratt & EXTENDED_FORMATS:
                raise
            elbafs = []
        return Identify(path, ns, elbafs)

    # --- who else would be touched ---

    def refuse_others(self):
        """
        Raises Refused if a format would change another namespace, or one that other hosts use.
        """
        fna, oacs, cmic, count = numbers(
            self.path, "id-ctrl", ask(self.machine, "id-ctrl", self.path),
            "fna", "oacs", "cmic", "nn")
        if fna & ALL_AT_ONCE and count != 1:
            self.refuse_siblings(bool(oacs & MANAGES or cmic & MANY_CONTROLLERS))
        self.refuse_strangers()

    def refuse_siblings(self, hidden):
        """
        Raises Refused unless this is the drive's only namespace. @hidden: there may be namespaces
        that are not attached to this controller.
        """
        words = ["list-ns", *["--all"] * hidden]
        try:
            found = [numbers(self.path, "list-ns", entry, "nsid")[0]
                     for entry in ask(self.machine, *words, self.path)["nsid_list"]]
        except (Refused, KeyError, TypeError) as error:
            raise Refused(f"{self.path}: this drive formats all of its namespaces at once, and "
                          f"its other namespaces can't be listed ({error}): give --keep-format") \
                from None
        if found != [self.identity.nsid]:
            raise Refused(f"{self.path}: this drive formats all of its namespaces at once "
                          f"({', '.join(map(str, found))}): give --keep-format")

    def refuse_strangers(self):
        """
        Raises Refused if the namespace is shared and attached to a controller that this machine
        does not have.
        """
        cmic, = numbers(self.path, "id-ctrl", ask(self.machine, "id-ctrl", self.path), "cmic")
        nmic, = numbers(self.path, "id-ns", ask(self.machine, "id-ns", self.path), "nmic")
        if not nmic & SHARED or not cmic & MANY_CONTROLLERS:
            return
        try:
            found = [numbers(self.path, "list-ctrl", entry, "ctrl_id")[0] for entry in
                     ask(self.machine, "list-ctrl", f"--namespace-id={self.identity.nsid}",
                         self.path)["ctrl_list"]]
        except (Refused, KeyError, TypeError) as error:
            raise Refused(f"{self.path}: its namespace may be shared with other hosts, which "
                          f"can't be determined ({error}): name another namespace") from None
        base, read = "/sys/class/nvme", self.machine.read
        ours = {read(f"{base}/{name}/cntlid") for name in self.machine.names(base)
                if read(f"{base}/{name}/serial") == self.identity.serial}
        others = [number for number in found if str(number) not in ours]
        if others:
            raise Refused(f"{self.path}: its namespace is also attached to controllers of other "
                          f"machines ({', '.join(map(str, others))}): name another namespace")

    def hold(self):
        """
        Returns descriptors of the namespace's block devices, each opened exclusively, so that no
        file system and no other driver can take it meanwhile. Raises Refused if one is in use.
        """
        held, found = [], identity.nodes(self.machine, self.identity)
        for node in found:
            node.close()
        identity.refuse_several(found, self.identity)
        if self.path not in (node.path for node in found):
            raise Refused(f"{self.path} is not among the kernel's generic devices "
                          f"({identity.GENERIC}): it can't be determined whether it is in use")
        try:
            for node in found:
                name = identity.block_name(node.name)
                if not self.machine.names(f"/sys/block/{name}"):
                    continue        # the kernel has no disk for such a format, so nobody uses it
                try:
                    held.append(self.machine.open_exclusive(f"/dev/{name}"))
                except FileNotFoundError:
                    raise Refused(f"{self.path}: there is no /dev/{name} here, so it can't "
                                  "be determined whether it is in use: make that node") from None
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
        """Raises Refused if the namespace is mounted or held by another driver."""
        self.check()
        self.let_go(self.hold())

    # --- Format NVM ---

    def settable(self, setting):
        """
        Returns whether nvme-cli can set this LBA format: before 2.16 it sets format 0 instead of
        16.
        """
        return setting.lbaf <= 15 or version(self.machine) >= HIGH_LBAF

    def refuse_unless_settable(self, setting):
        """Raises Refused if nvme-cli could not restore this setting."""
        if not self.settable(setting):
            raise Refused(f"{self.path}: this nvme-cli can't format to LBA format {setting.lbaf}, "
                          f"which needs {'.'.join(map(str, HIGH_LBAF))} or newer")

    def format_words(self, setting):
        """Returns the arguments of nvme-cli, whose own default timeout is only 10 minutes."""
        return ["format", self.path, "--force", f"--namespace-id={self.identity.nsid}",
                f"--timeout={FORMAT_LIMIT * 1000}", *setting.words()]

    def format_as(self, setting):
        """
        Sends Format NVM and waits for its end; signals are deferred. It succeeded if both nvme-cli
        and Identify say so. Raises NotTaken if the drive refused the format and has its previous
        one.
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
        """Returns the result of nvme-cli. Waits while another format is in progress."""
        end = self.machine.now() + FORMAT_LIMIT
        while True:
            done = self.machine.nvme(self.format_words(setting), FORMAT_LIMIT + SLACK)
            if done is None:
                raise Refused(f"{self.path}: nvme format did not end in {FORMAT_LIMIT + SLACK} s, "
                              "and goes on in the background: does the drive still respond?")
            if not in_progress(done) or self.machine.now() > end:
                return done
            self.machine.sleep(BUSY_PAUSE)
            self.check()

    def setting_now(self, look):
        """
        Calls @look and returns the setting that Identify reports, or one line that says why there
        is none.
        """
        try:
            look()
            found = self.identify()
            return "it is still being formatted" if found.formatting else found.now()
        except Refusal as error:
            return str(error)

    def judge_format(self, setting, before, done):
        """
        Checks the result of a format. The namespace can disappear after a format and come back
        under another name, so Identify is repeated for some seconds.
        """
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
    """Returns whether the drive said that a format is in progress."""
    text = done.err + done.out
    codes = [int(code, 16) & 0x7ff for code in re.findall(r"\(0x([0-9a-fA-F]+)\)", text)]
    return bool(done.status) and ("format in progress" in text.lower() or IN_PROGRESS in codes)


# --- names ---

def hint(error):
    """Returns advice for a device that cannot be opened, or ''."""
    return ": is the drive there? See 'ls /dev/ng*' and 'nvme list'" if error.errno == errno.ENOENT else ""


def real_path(path, machine=HERE):
    """Returns the generic character device to which a path leads."""
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
        raise Refused(f"{path} is not an NVMe generic device (/dev/ngXnY)")
    return real


def refuse_other_serial(device, serial, allowed):
    """
    Raises Refused unless the command line allowed to overwrite the drive with this serial number.
    """
    if not allowed:
        raise Refused(f"a sweep overwrites the data of {device}: allow it by --destroy={serial}, "
                      "the "
                      "serial number of its drive")
    if not serial or serial not in allowed:
        raise Refused(f"{device} belongs to serial number '{serial}', not "
                      f"'{', '.join(allowed)}': not touched")
