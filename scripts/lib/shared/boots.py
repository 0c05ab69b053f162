# SPDX-License-Identifier: GPL-2.0-only
"""
Which boot of a kernel a run belongs to. A guest can be a third faster or slower after its next
boot, so that a point is held against base lines of its own boot.
"""
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
AT_ONCE = 58        # formats a boot of a guest; QEMU takes 256 namespaces, but scanning takes time
FORMAT = ("data_size", "ms", "guard", "pi_type", "placement", "transfer", "sts")


def this():
    """A word for the boot of the kernel that this runs on; '' where it does not tell."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()[:13]
    except OSError:
        return ""


def note(folder):
    """
    Runs in the guest whose boots were not noted, as folders of before have them, get those
    that their sweep made: so many formats each, and the repeats of the base lines in each.
    """
    guests = [p for p in folder.points if p.target_kind == "guest" and p.boots() == {""}]
    if not guests:
        return
    formats, boot_of = {}, {}
    for point in folder.plan["points"]:
        if point.get("base"):
            key = str([point.get(name) for name in FORMAT])
            boot_of[point["id"]] = formats.setdefault(key, len(formats)) // AT_ONCE
    usual = folder.plan["repeats"]
    each = (folder.plan.get("sizes") or {}).get("base_repeats")
    each = each if isinstance(each, int) and each > 0 else usual
    for point in guests:
        for repeat, run in point.runs.items():
            number = boot_of.get(point.id, 0) if point.base else (repeat - 1) // each
            run["boot"] = f"boot {number + 1}"
            if not point.base:
                run["round"] = (repeat - 1) % each * usual // each + 1
