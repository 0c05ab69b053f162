# SPDX-License-Identifier: GPL-2.0-only
"""
Compares the environments of two results folders, so that a different machine is not taken for a
change of the code.
"""


def flat(value, path=""):
    """Returns nested objects as {path: text}."""
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value, 1)
    else:
        return {path: "" if value is None else str(value)}
    return {k: v for name, part in parts for k, v in flat(part, f"{path} {name}".strip()).items()}


def boots_of(points):
    """Returns the boots in which points were measured, as far as they were recorded."""
    return {boot for point in points for boot in point.boots()} - {""}


def described(folder):
    """Returns the environment, the boots, and the settings of the plan as {name: text}."""
    plan = {k: v for k, v in (folder.plan.get("sizes") or {}).items() if k != "seed"}
    asked = folder.plan.get("asked") or {}
    lines = {f"--fio {at}": line for at, line in enumerate(asked.get("fio") or (), 1)}
    return flat(folder.environment) | flat({"boot": ", ".join(sorted(boots_of(folder.points)))}) | \
        flat({"plan": {"name": folder.plan.get("name")} | plan | lines})


def differences(old, new):
    """Returns [(name, value in OLD, value in NEW)] of what differs between the environments."""
    a, b = described(old), described(new)
    return [(what, a.get(what, ""), b.get(what, "")) for what in dict.fromkeys([*a, *b])
            if a.get(what, "") != b.get(what, "")]


def other_host(old, new):
    """Returns whether two points that are compared were measured on hosts with different names."""
    return old.host != new.host


def other_boot(old, new):
    """
    Returns whether two points were measured in different boots; False if the boot of one is
    unknown.
    """
    boots = boots_of([old]), boots_of([new])
    return all(boots) and boots[0] != boots[1]


def base_line(old, new):
    """
    Returns the reason for a baseline that is the same on another host or in another boot: that
    both are as fast. '' if host and boot are the same.
    """
    where = "host" if other_host(old, new) else "boot" if other_boot(old, new) else ""
    return f"a baseline of another {where}" if where else ""


def notes(pairs):
    """
    Returns notes for the last line of the output, if the two runs are from different hosts or
    boots.
    """
    hosts = [pair for pair in pairs if other_host(*pair)]
    boots = [pair for pair in pairs if other_boot(*pair)]
    found = [f"NEW is of host {hosts[0][1].host}, OLD of host {hosts[0][0].host}"] if hosts else []
    return found + ["NEW is of another boot than OLD"] * bool(boots)
