# SPDX-License-Identifier: GPL-2.0-only
"""Where two results folders were measured: what differs, so that nobody takes it for a change of the code."""


def flat(value, path=""):
    """Nested objects as {path: text}."""
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value, 1)
    else:
        return {path: "" if value is None else str(value)}
    return {k: v for name, part in parts for k, v in flat(part, f"{path} {name}".strip()).items()}


def boots_of(points):
    """The boots of the kernels that points were measured in, as far as they are noted."""
    return {boot for point in points for boot in point.boots()} - {""}


def described(folder):
    """Environment, boots, and what of the plan is no point, as {what: text}."""
    plan = {k: v for k, v in (folder.plan.get("sizes") or {}).items() if k != "seed"}
    asked = folder.plan.get("asked") or {}
    lines = {f"--fio {at}": line for at, line in enumerate(asked.get("fio") or (), 1)}
    return flat(folder.environment) | flat({"boot": ", ".join(sorted(boots_of(folder.points)))}) | \
        flat({"plan": {"name": folder.plan.get("name")} | plan | lines})


def differences(old, new):
    """[(what, in OLD, in NEW)] of the environments."""
    a, b = described(old), described(new)
    return [(what, a.get(what, ""), b.get(what, "")) for what in dict.fromkeys([*a, *b])
            if a.get(what, "") != b.get(what, "")]


def other_host(old, new):
    """Are two points that are held against each other of hosts with other names?"""
    return old.host != new.host


def other_boot(old, new):
    """Were they measured in other boots? Where one does not tell, it is not known to be another."""
    boots = boots_of([old]), boots_of([new])
    return all(boots) and boots[0] != boots[1]


def base_line(old, new):
    """What a base line that is the same on another machine shows: that both are as fast."""
    where = "host" if other_host(old, new) else "boot" if other_boot(old, new) else ""
    return f"a base line of another {where}" if where else ""


def notes(pairs):
    """What the last line says where equal numbers are of unequal places, as lines; none where they are not."""
    hosts = [pair for pair in pairs if other_host(*pair)]
    boots = [pair for pair in pairs if other_boot(*pair)]
    found = [f"NEW is of another host, {hosts[0][1].host}, than OLD, {hosts[0][0].host}"] if hosts else []
    return found + ["NEW is of another boot than OLD"] * bool(boots)
