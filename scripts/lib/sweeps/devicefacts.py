# SPDX-License-Identifier: GPL-2.0-only
"""Facts of a device and of a file system for environment.json."""
import os
import re
from pathlib import Path

from shared.identity import block_name


def controller_of(generic):
    """Returns nvmeX of ngXnY."""
    return re.sub(r"^ng(\d+)n\d+$", r"nvme\1", generic)


def read(path):
    """Returns the text of a kernel file, or '' if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="backslashreplace").strip()
    except OSError:
        return ""


def facts(device):
    """Returns a device's entries of environment.json."""
    generic = os.path.basename(os.path.realpath(device))
    parent = Path("/sys/class/nvme-generic") / generic / "device"
    return {"model": read(parent / "model"), "serial": read(parent / "serial"),
            "firmware": read(parent / "firmware_rev"),
            "scheduler": read(f"/sys/block/{block_name(generic)}/queue/scheduler"),
            "irq_affinity": irq_affinity(controller_of(generic))}


def irq_affinity(controller):
    """Returns {queue: CPUs} of a controller's interrupts."""
    found = {}
    for line in read("/proc/interrupts").splitlines():
        match = re.match(rf"\s*(\d+):.*\s({controller}q\d+)$", line)
        if match:
            found[match[2]] = read(f"/proc/irq/{match[1]}/smp_affinity_list")
    return found


def filesystem(path):
    """
    Returns the type and the device of the file system that contains the path: the one with the
    longest mount point that is a prefix of the path.
    """
    path, best = os.path.realpath(path), ("", "", "")
    for line in read("/proc/self/mounts").splitlines():
        source, point, kind = line.split(" ")[:3]
        if (path == point or path.startswith(point.rstrip("/") + "/")) and \
                len(point) >= len(best[1]):
            best = source, point, kind
    return f"{best[2]} ({best[0]})"
