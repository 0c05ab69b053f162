# SPDX-License-Identifier: GPL-2.0-only
"""An NVMe drive's namespaces, looked at and formatted through nvme-cli."""
import json
import os
import re
import stat
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from command import Refusal
from formats import Format, STORAGE_TAGS

ANSWER_LIMIT, FORMAT_LIMIT, SETTLE = 60, 3600, 10     # seconds
SYSFS = Path("/sys")


class Refused(Refusal):
    """What is wrong with a device, or what nvme-cli said, in one line."""


class Setting(NamedTuple):
    """What Format NVM is told (the metadata settings are @fmt's), and what comes of it."""

    lbaf: int
    fmt: Format

    def as_json(self):
        return {"lbaf": self.lbaf, **self.fmt._asdict()}

    @classmethod
    def from_json(cls, words):
        words = dict(words)
        return cls(words.pop("lbaf"), Format(**words))


def nvme_cli(device, limit, *words):
    """What nvme-cli did within so many seconds; Refused if it is not here, or does not end."""
    try:
        return subprocess.run(["nvme", *words], capture_output=True, text=True, timeout=limit,
                              check=False, start_new_session=True)
    except FileNotFoundError:
        raise Refused("nvme is not installed: run scripts/install-deps") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"{device}: nvme {words[0]} did not end in {limit:g} s: does the drive "
                      "still answer?") from None


def nvme(*words):
    """nvme-cli's JSON about the last of the words, a device."""
    done = nvme_cli(words[-1], ANSWER_LIMIT, *words, "-o", "json")
    try:
        return json.loads(done.stdout)
    except ValueError:
        why = (done.stderr or done.stdout).strip().splitlines() or ["no answer"]
        raise Refused(f"{words[-1]}: nvme {words[0]} failed: {why[0]}") from None


class Identify:
    """What a namespace is, and what it can be formatted to."""

    def __init__(self, ns, elbafs):
        self.ns = ns
        self.lbafs = [(index, 1 << lbaf["ds"], lbaf["ms"],
                       elbafs[index]["pif"] if index < len(elbafs) else 0,
                       elbafs[index]["sts"] if index < len(elbafs) else 0)
                      for index, lbaf in enumerate(ns["lbafs"]) if lbaf["ds"]]

    def now(self):
        """The setting that it has."""
        ns = self.ns
        index = ns["flbas"] & 15 | ns["flbas"] >> 5 << 4
        _, lbs, ms, pif, sts = next(lbaf for lbaf in self.lbafs if lbaf[0] == index)
        pi = ns["dps"] & 7
        return Setting(index, Format(lbs, ms, ns["flbas"] >> 4 & 1 if ms else 0, pi,
                                     ns["dps"] >> 3 & 1 if pi else 0, pif if pi else 0,
                                     sts if pi else 0))

    def setting(self, fmt):
        """How to have it that way, or None."""
        if fmt.ms and not self.ns["mc"] & (1 if fmt.mset else 2):
            return None
        if fmt.pi and not (self.ns["dpc"] >> fmt.pi - 1 & 1 and
                           self.ns["dpc"] >> (3 if fmt.pil else 4) & 1):
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


def identify(device):
    """The namespace of a generic device."""
    ns = nvme("id-ns", device)
    try:
        elbafs = nvme("nvm-id-ns", device).get("elbafs", [])
    except Refused:             # a drive older than these fields has 16b guards
        elbafs = []
    return Identify(ns, elbafs)


def format_words(device, setting):
    """For nvme-cli."""
    fmt = setting.fmt
    return ["format", device, "--force", f"--lbaf={setting.lbaf}", f"--ms={fmt.mset}",
            f"--pi={fmt.pi}", f"--pil={fmt.pil}"]


def format_as(device, setting):
    """Format NVM. nvme-cli may fail to scan again what it has formatted: Identify tells."""
    done = nvme_cli(device, FORMAT_LIMIT, *format_words(device, setting))
    deadline = time.monotonic() + SETTLE
    while True:
        try:
            now = identify(device).now()
        except Refused as error:
            now = error
        if now == setting:
            return
        if time.monotonic() > deadline:
            why = done.stderr.strip().splitlines() or [f"it is {now}"]
            raise Refused(f"{device} could not be formatted to {setting.fmt.name()}: {why[0]}")
        time.sleep(0.1)


# --- what the kernel knows ---

def real_path(path):
    """The generic character device behind a name."""
    real = os.path.realpath(path)
    match = re.fullmatch(r"/dev/nvme(\d+n\d+)", real)
    if match:
        raise Refused(f"{path} is a block device: name its character device, /dev/ng{match[1]}")
    try:
        mode = os.stat(real).st_mode
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    if not stat.S_ISCHR(mode) or not re.fullmatch(r"/dev/ng\d+n\d+", real):
        raise Refused(f"{path} is no NVMe generic device (/dev/ngXnY)")
    return real


def parent_of(device):
    """What a generic device is below: its controller, or with native multipath its subsystem."""
    number = os.stat(device).st_rdev
    return SYSFS / f"dev/char/{os.major(number)}:{os.minor(number)}/device"


def sysfs(device, name):
    """A file of the controller behind a generic device, '' if there is none."""
    try:
        return (parent_of(device) / name).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def refuse_other_serial(device, allowed):
    """Only drives whose data was said to be lost, by serial number, are touched."""
    serial = sysfs(device, "serial")
    if not allowed:
        raise Refused(f"a sweep overwrites what is on {device}: say so by --destroy={serial}, the "
                      "serial number of its drive")
    if serial not in allowed:
        raise Refused(f"{device} belongs to serial number '{serial}', not "
                      f"'{', '.join(allowed)}': not touched")


def block_device(device):
    return "nvme" + os.path.basename(os.path.realpath(device))[2:]


def refuse_if_in_use(device):
    """Mounted, or held by another driver: what is on it is needed."""
    path = f"/dev/{block_device(device)}"
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_EXCL))
    except FileNotFoundError:
        pass            # the kernel can't use such a format as a disk: nobody holds it
    except OSError as error:
        raise Refused(f"{device} is in use ({path}: {error.strerror}): unmount it, or name "
                      "another") from None


def controller_of(device):
    """nvmeX of /dev/ngXnY."""
    return re.sub(r"^ng(\d+)n\d+$", r"nvme\1", os.path.basename(os.path.realpath(device)))


def refuse_if_all_are_formatted(device):
    """Some drives format all namespaces at once; others than this one were not named."""
    every = sorted(path.name for path in parent_of(device).glob("ng*"))
    if len(every) > 1 and nvme("id-ctrl", device).get("fna", 0) & 1:
        raise Refused(f"{device}: this drive formats all of its namespaces at once "
                      f"({', '.join(every)}): give --keep-format")


def facts(device):
    """Columns of environment.json."""
    disk = Path("/sys/block") / block_device(device)
    scheduler = disk / "queue/scheduler"
    return {"model": sysfs(device, "model"), "serial": sysfs(device, "serial"),
            "firmware": sysfs(device, "firmware_rev"),
            "scheduler": scheduler.read_text(encoding="ascii").strip()
            if scheduler.exists() else "", "irq_affinity": irq_affinity(controller_of(device))}


def irq_affinity(controller):
    """{queue: CPUs} of a controller's interrupts."""
    found = {}
    for line in Path("/proc/interrupts").read_text(encoding="ascii").splitlines():
        match = re.match(rf"\s*(\d+):.*\s({controller}q\d+)$", line)
        if match:
            path = Path(f"/proc/irq/{match[1]}/smp_affinity_list")
            found[match[2]] = path.read_text(encoding="ascii").strip() if path.exists() else ""
    return found


def filesystem(path):
    """Its type, and the device it is on, as the longest mount point above it says."""
    path, best = os.path.realpath(path), ("", "", "")
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        source, point, kind = line.split()[:3]
        if (path == point or path.startswith(point.rstrip("/") + "/")) and \
                len(point) >= len(best[1]):
            best = source, point, kind
    return f"{best[2]} ({best[0]})"
