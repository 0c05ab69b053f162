# SPDX-License-Identifier: GPL-2.0-only
"""
Finds which boot of a kernel a run belongs to. The same guest can be a third faster or slower after
another boot, so a point is compared with baselines of its own boot only.
"""
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# formats per boot of a guest: QEMU accepts 256 namespaces, but the scan takes time
AT_ONCE = 58
FORMAT = ("data_size", "ms", "guard", "pi_type", "placement", "transfer", "sts")


def this():
    """Returns a short id of the running kernel's boot, or '' if the kernel does not provide one."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()[:13]
    except OSError:
        return ""


def note(folder):
    """
    Older results folders have no boot in the runs of a guest. This derives it from the order in
    which their sweep made the boots: AT_ONCE formats per boot, and in each boot the repeats of the
    baselines.
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
