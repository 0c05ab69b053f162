# SPDX-License-Identifier: GPL-2.0-only
"""
A model of a rack of drives: controllers, namespaces, the kernel's names and files for them, and
nvme-cli, with the output of versions 2.3 and 2.16. Its clock is virtual. Names are given as Linux
gives them: the lowest free number; a number stays in use while a descriptor of the device is open.
Every access to something that was not named on a command line is recorded in Rack.wrong.
"""
import errno
import json
import os
import re

from shared.system import Done, Refused

# Base Specification, status codes; type in bits 10:8.
STATUSES = {0x002: "Invalid Field in Command: A reserved coded value or an unsupported value",
            0x006: "Internal Error: The command was not completed successfully due to an error",
            0x007: "Command Abort Requested: The command was aborted due to the command request",
            0x00b: "Invalid Namespace or Format: The namespace or the format is invalid",
            0x021: "Command Interrupted: Command processing was interrupted",
            0x082: "Namespace Not Ready: The namespace is not ready to be accessed",
            0x084: "Format In Progress: The namespace is currently being formatted",
            0x10a: "Invalid Format: The LBA Format specified is not supported"}
FORMATS = [(9, 0, 0, 0), (9, 8, 0, 0), (12, 0, 0, 0), (12, 8, 0, 0), (12, 16, 2, 0),
           (12, 64, 0, 0)]       # ds, ms, pif, sts


def no_such(path):
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


class Space:
    """A namespace: its format as Format NVM has it, what was done to it, who holds it."""

    def __init__(self, nsid, lbaf=0, pi=0, mset=0, pil=0, ids=True, formats=FORMATS):
        self.nsid, self.formats = nsid, list(formats)
        self.now = self.first = (lbaf, mset, pi, pil)
        self.nguid = self.eui = self.uuid = ""
        self.named = ids
        self.refuses, self.seconds, self.away = set(), 1, 0
        self.mounted, self.exclusive = False, 0
        self.integrity = {"read_verify": "1", "write_generate": "1"}
        self.profile = None             # what the kernel says it is, where that is not the format's
        self.pending = None             # (when, setting) of a format under way
        self.shared, self.attached = False, True
        self.reborn = False             # each format takes its name away
        self.alive = True

    def name_it(self, number):
        """Identifiers of its own, where it has any."""
        if self.named:
            self.nguid, self.eui = f"{number:032x}", f"{number:016x}"
        return self


class Drive:
    """Controllers of this machine (@paths of them) and namespaces."""

    def __init__(self, serial, spaces, fna=0, oacs=0, cmic=0, paths=1, ctratt=1 << 15, fpi=False,
                 knows=("nvm-id-ns", "list-ns", "all", "list-ctrl")):
        self.serial, self.spaces = serial, {space.nsid: space for space in spaces}
        self.fna, self.oacs, self.cmic, self.paths = fna, oacs, cmic, paths
        self.ctratt, self.fpi, self.knows = ctratt, fpi, knows
        self.foreign = []               # controllers of other hosts
        self.detached = []              # namespaces that no controller lists
        self.count = 0                  # NN
        self.errors = []                # (command, status or errno) of next answers

    def everything(self):
        return [*self.spaces.values(), *self.detached]


def profile(space):
    """The integrity profile that Linux has for a namespace; '' for none."""
    lbaf, mset, pi, _ = space.now
    if not pi or mset:
        return "none"
    return space.profile or (f"EXT-DIF-TYPE{3 if pi == 3 else 1}-CRC64" if space.formats[lbaf][2] == 2 else
                             f"T10-DIF-TYPE{3 if pi == 3 else 1}-CRC")


class Node:
    """What a name leads to: a namespace by one controller."""

    def __init__(self, drive, space, path, instance, minor):
        self.drive, self.space, self.path = drive, space, path
        self.instance, self.minor, self.alive, self.pins = instance, minor, True, 0
        self.exclusive = False

    @property
    def generic(self):
        return f"ng{self.instance}n{self.space.nsid}"

    @property
    def disk(self):
        return f"nvme{self.instance}n{self.space.nsid}"


class Rack:
    """All of it; @policed(who, node or space, what) complains of what may not be done."""

    def __init__(self, drives=()):
        self.clock, self.nodes, self.wrong, self.claims = 0.0, [], [], {}
        self.numbers = 100
        self.missing_disks = set()      # block devices without a node in /dev
        self.impatient = []             # who sent a format while another was under way
        self.tick = lambda who: None    # between any two steps of anybody
        self.police = lambda who, space, what: None
        for drive in drives:
            for space in drive.everything():
                self.numbers += 1
                space.name_it(self.numbers)
            self.insert(drive)

    # --- plugs ---

    def insert(self, drive):
        """The kernel finds a drive."""
        for path in range(drive.paths):
            taken = {node.instance for node in self.nodes}
            instance = next(number for number in range(1000) if number not in taken)
            for space in drive.spaces.values():
                self.add_node(drive, space, path, instance)

    def add_node(self, drive, space, path, instance):
        minors = {node.minor for node in self.nodes}
        minor = next(number for number in range(1000) if number not in minors)
        self.nodes.append(Node(drive, space, path, instance, minor))

    def pull(self, drive):
        """It is gone; a format under way comes to nothing, or to its end."""
        self.settle()
        for node in [node for node in self.nodes if node.drive is drive and node.alive]:
            self.drop(node)
        for space in drive.everything():
            if space.pending:
                if int(space.pending[0]) % 2:
                    space.now = space.pending[1]
                space.pending = None
            space.mounted = False

    def drop(self, node):
        node.alive = False
        if not node.pins:
            self.nodes.remove(node)

    def here(self, drive):
        return any(node.drive is drive and node.alive for node in self.nodes)

    def replace(self, drive, nsid):
        """A namespace is deleted, and another made with its number."""
        old = drive.spaces[nsid]
        self.numbers += 1
        drive.spaces[nsid] = new = Space(nsid, formats=old.formats).name_it(self.numbers)
        old.alive = False
        for node in [node for node in self.nodes if node.space is old and node.alive]:
            self.find_anew(node, new)
        return new

    def find_anew(self, node, space):
        """Its name is another one if somebody holds the old."""
        self.drop(node)
        taken = {one.instance for one in self.nodes}
        self.add_node(node.drive, space, node.path, node.instance if not node.pins else next(
            number for number in range(1000) if number not in taken))

    def rebear(self, space):
        """A namespace goes and comes back."""
        for node in [node for node in self.nodes if node.space is space and node.alive]:
            self.find_anew(node, space)

    def node(self, name):
        """The one of that name, or None: also that of a namespace that is away for a moment."""
        return next((node for node in self.nodes if node.alive and
                     name in (node.generic, node.disk) and node.space.away <= self.clock), None)

    # --- formats ---

    def settle(self):
        """Formats whose time has come are done."""
        for node in self.nodes:
            for space in node.drive.everything():
                if space.pending and space.pending[0] <= self.clock:
                    space.now, space.pending = space.pending[1], None
                    space.integrity = dict.fromkeys(space.integrity, "1")

    def wait(self, who, until):
        """Virtual time goes by, and the others do what they do."""
        while self.clock < until:
            self.clock = min(until, self.clock + max(0.1, (until - self.clock) / 4))
            self.settle()
            self.tick(who)


class Machine:
    """A process' view of the rack, in the place of system.Machine."""

    def __init__(self, rack, who="", voice="2.16"):
        self.rack, self.who, self.voice = rack, who, voice

    def step(self):
        self.rack.tick(self.who)

    # --- files ---

    def read(self, path):
        self.step()
        rack = self.rack
        match = re.fullmatch(r"/sys/block/(\w+)/integrity/(\w+)", path)
        if match:
            node = rack.node(match[1])
            return (node.space.integrity | {"format": profile(node.space)}).get(match[2], "") if node else ""
        match = re.fullmatch(r"/sys/dev/(?:char|block)/240:(\d+)/device/(\w+)", path)
        if match:
            found = [node for node in rack.nodes if node.alive and node.minor == int(match[1])]
            return found[0].drive.serial if found and match[2] == "serial" else ""
        match = re.fullmatch(r"/sys/block/(\w+)/(\w+)", path)
        if match:
            node = rack.node(match[1])
            return {"nsid": str(node.space.nsid), "nguid": node.space.nguid,
                    "eui": " ".join(re.findall("..", node.space.eui)),
                    "uuid": node.space.uuid}.get(match[2], "") if node else ""
        match = re.fullmatch(r"/sys/class/nvme/nvme(\d+)/(\w+)", path)
        if match:
            found = [node for node in rack.nodes if node.alive and node.instance == int(match[1])]
            return {"cntlid": str(found[0].path + 1), "serial": found[0].drive.serial}.get(
                match[2], "") if found else ""
        return ""

    def write(self, path, text):
        """Of a setting of a block device."""
        self.step()
        _, _, _, disk, _, name = path.split("/")
        node = self.rack.node(disk)
        self.rack.police(self.who, node.space, "switches")
        node.space.integrity[name] = text

    def names(self, path):
        self.step()
        alive = [node for node in self.rack.nodes if node.alive and
                 node.space.away <= self.rack.clock]
        if path == "/sys/class/nvme-generic":
            return sorted(node.generic for node in alive)
        if path == "/sys/class/nvme":
            return sorted({f"nvme{node.instance}" for node in alive})
        return ["size"] if any(path == f"/sys/block/{node.disk}" for node in alive) else []

    # --- nodes ---

    @staticmethod
    def real_path(path):
        return path

    def character_device(self, path):
        self.step()
        if path == "/dev/null":
            return 1, 3
        node = self.rack.node(path.removeprefix("/dev/"))
        if not node:
            raise no_such(path)
        return (240, node.minor) if path.startswith("/dev/ng") else None

    def block_device(self, path):
        self.step()
        node = self.rack.node(path.removeprefix("/dev/"))
        if not node:
            raise no_such(path)
        return (240, node.minor) if path.startswith("/dev/nvme") else None

    def open(self, path):
        self.step()
        node = self.rack.node(path.removeprefix("/dev/"))
        if not node:
            raise no_such(path)
        node.pins += 1
        return ["open", node]

    def open_exclusive(self, path):
        self.step()
        node = self.rack.node(path.removeprefix("/dev/"))
        if not node or node.disk in self.rack.missing_disks:
            raise no_such(path)
        if node.space.mounted or node.exclusive:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
        node.pins += 1
        node.space.exclusive += 1
        node.exclusive = True
        return ["exclusive", node]

    def close(self, descriptor):
        """The kernel does it for a process that was killed, too."""
        kind, node = descriptor
        if kind == "closed":
            return
        descriptor[0] = "closed"
        node.pins -= 1
        if kind == "exclusive":
            node.space.exclusive -= 1
            node.exclusive = False
        if not node.pins and not node.alive and node in self.rack.nodes:
            self.rack.nodes.remove(node)

    @staticmethod
    def number(descriptor):
        return 240, descriptor[1].minor

    def nsid(self, descriptor):
        self.step()
        if not descriptor[1].alive:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return descriptor[1].space.nsid

    # --- others ---

    def claim(self, key, path):
        self.step()
        if key in self.rack.claims:
            raise Refused(f"{path} is in use by another sweep or regress")
        self.rack.claims[key] = self.who
        return key

    def release(self, key):
        self.rack.claims.pop(key, None)

    def now(self):
        return self.rack.clock

    def sleep(self, seconds):
        self.rack.wait(self.who, self.rack.clock + seconds)

    # --- nvme-cli ---

    def nvme(self, words, limit):
        """It goes on by itself whatever becomes of who started it."""
        self.step()
        command, *rest = words
        if command == "version":
            return Done(0, f"nvme version {self.voice} (git {self.voice})\n", "")
        options = dict(word.lstrip("-").partition("=")[::2] for word in rest
                       if word.startswith("--"))
        path = next(word for word in rest if word.startswith("/dev/"))
        node = self.rack.node(path.removeprefix("/dev/"))
        if not node:
            usage = f"\x1b[1mUsage: nvme {command} <device> [OPTIONS]\x1b[0m\n"
            if self.voice == "2.16" and "-o" in rest:
                return Done(1, json.dumps({"error": f"{path}: No such file or directory"}), usage)
            return Done(1, "", f"{path}: No such file or directory\n{usage}")
        drive = node.drive
        for at, (what, status) in enumerate(drive.errors):
            if what in (command, "any"):
                del drive.errors[at]
                if status == "silence":
                    self.sleep(limit)
                    return None
                return self.failure(status, "-o" in rest)
        if command == "format":
            return self.format(node, options, limit)
        try:
            found = getattr(self, command.replace("-", "_"))(node, options)
        except KeyError:
            return self.failure(0x002, "-o" in rest)
        return Done(0, json.dumps(found), "")

    def failure(self, status, as_json):
        """How an NVMe status, or an errno if it is negative, is told."""
        text = os.strerror(-status) if status < 0 else STATUSES[status]
        if self.voice == "2.16" and as_json:
            more = {} if status < 0 else {"type": "nvme"}
            return Done(1, json.dumps({"error": text} | more), "")
        return Done(1, "", f"identify: {text}\n" if status < 0 else
                    f"NVMe status: {text}({status | 0x4000:#x})\n")

    def id_ns(self, node, _):
        space = node.space
        lbaf, mset, pi, pil = space.now
        fpi = 0x80 | (50 if space.pending else 0) if node.drive.fpi else 0
        return {"nsze": 1000, "flbas": lbaf & 15 | mset << 4 | lbaf >> 4 << 5, "dps": pi | pil << 3,
                "mc": 3, "dpc": 31, "nmic": int(space.shared), "fpi": fpi, "nlbaf":
                len(space.formats) - 1, "eui64": space.eui or "0" * 16,
                "nguid": space.nguid or "0" * 32,
                "lbafs": [{"ms": ms, "ds": ds, "rp": 0} for ds, ms, _, _ in space.formats]}

    def nvm_id_ns(self, node, _):
        if "nvm-id-ns" not in node.drive.knows:
            raise KeyError
        return {"elbafs": [{"sts": sts, "pif": pif} for _, _, pif, sts in node.space.formats]}

    def id_ctrl(self, node, _):
        drive = node.drive
        return {"sn": drive.serial, "fna": drive.fna, "oacs": drive.oacs, "cmic": drive.cmic,
                "nn": drive.count or max(space.nsid for space in drive.everything()),
                "ctratt": drive.ctratt, "cntlid": node.path + 1}

    def list_ns(self, node, options):
        if "all" in options and "all" not in node.drive.knows or "list-ns" not in node.drive.knows:
            raise KeyError
        spaces = node.drive.everything() if "all" in options else node.drive.spaces.values()
        return {"nsid_list": [{"nsid": space.nsid} for space in spaces]}

    def list_ctrl(self, node, options):
        if "list-ctrl" not in node.drive.knows or int(options["namespace-id"]) != node.space.nsid:
            raise KeyError
        ours = [path + 1 for path in range(node.drive.paths)]
        return {"num_ctrl": 1, "ctrl_list": [{"ctrl_id": number} for number in
                                             ours + node.drive.foreign]}

    def format(self, node, options, limit):
        """As nvme-cli does it: the FNA that it reads itself decides how many are formatted."""
        drive, chosen = node.drive, int(options.get("namespace-id", node.space.nsid))
        lbaf = int(options["lbaf"])
        if self.voice == "2.3":             # it shifts the upper bits away
            lbaf &= 15
        setting = (lbaf, int(options["ms"]), int(options["pi"]), int(options["pil"]))
        spaces = drive.everything() if drive.fna & 1 else \
            [space for space in drive.everything() if space.nsid == chosen]
        if not spaces or lbaf >= len(spaces[0].formats):
            return self.failure(0x10a, False)
        if any(space.pending for space in spaces):
            self.rack.impatient.append(self.who)
            return self.failure(0x084, False)
        if any((lbaf, setting[2]) in space.refuses for space in spaces):
            return self.failure(0x10a, False)
        for space in spaces:
            self.rack.police(self.who, space, "formats")
            space.pending = (self.rack.clock + space.seconds, setting)
        end = self.rack.clock + max(space.seconds for space in spaces)
        given_up = self.rack.clock + int(options.get("timeout", 600000)) / 1000
        self.rack.wait(self.who, min(end, given_up, self.rack.clock + limit))
        if not node.alive:
            return Done(1, "", "format: No such device\n")
        if self.rack.clock < end:
            return self.failure(0x007, False) if given_up <= self.rack.clock else None
        if spaces[0].reborn:                # the kernel found it anew, as it scanned
            for space in spaces:
                self.rack.rebear(space)
            return Done(0, f"Success formatting namespace:{chosen}\n", "")
        for space in spaces:
            if space.nsid % 2 == 0 or self.rack.clock % 1 < 0.3:
                space.away = self.rack.clock + 0.5
        text = f"Success formatting namespace:{chosen}\n"
        return Done(1, text, "failed to rescan namespaces\n") if spaces[0].away > self.rack.clock \
            else Done(0, text, "")
