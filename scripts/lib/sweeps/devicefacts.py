# SPDX-License-Identifier: GPL-2.0-only
"""What an environment file says of a device, and of a file system."""
import os
import re
from pathlib import Path

from shared.identity import block_name


def controller_of(generic):
    """nvmeX of ngXnY."""
    return re.sub(r"^ng(\d+)n\d+$", r"nvme\1", generic)


def read(path):
    """A file of the kernel's, '' if there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="backslashreplace").strip()
    except OSError:
        return ""


def facts(device):
    """Columns of environment.json."""
    generic = os.path.basename(os.path.realpath(device))
    parent = Path("/sys/class/nvme-generic") / generic / "device"
    return {"model": read(parent / "model"), "serial": read(parent / "serial"),
            "firmware": read(parent / "firmware_rev"),
            "scheduler": read(f"/sys/block/{block_name(generic)}/queue/scheduler"),
            "irq_affinity": irq_affinity(controller_of(generic))}


def irq_affinity(controller):
    """{queue: CPUs} of a controller's interrupts."""
    found = {}
    for line in read("/proc/interrupts").splitlines():
        match = re.match(rf"\s*(\d+):.*\s({controller}q\d+)$", line)
        if match:
            found[match[2]] = read(f"/proc/irq/{match[1]}/smp_affinity_list")
    return found


def filesystem(path):
    """Its type, and the device it is on, as the longest mount point above it says."""
    path, best = os.path.realpath(path), ("", "", "")
    for line in read("/proc/self/mounts").splitlines():
        source, point, kind = line.split(" ")[:3]
        if (path == point or path.startswith(point.rstrip("/") + "/")) and \
                len(point) >= len(best[1]):
            best = source, point, kind
    return f"{best[2]} ({best[0]})"
