# SPDX-License-Identifier: GPL-2.0-only
"""Points of a sweep: a format, a mode of protection and a workload on a target."""
from typing import NamedTuple

from shared.formats import Format, GUARDS, PIF

# Who checks, in fio job lines; 'checks' stands for what is checked.
MODES = {
    "none": {},
    "pract": {"pi_act": "1", "pi_chk": "checks", "pi_verify": "none"},
    "unchecked": {"pi_act": "0", "pi_chk": "none", "pi_verify": "none"},
    "device": {"pi_act": "0", "pi_chk": "checks", "pi_verify": "none"},
    "host": {"pi_act": "0", "pi_chk": "none", "pi_verify": "checks"},
    "both": {"pi_act": "0", "pi_chk": "checks", "pi_verify": "checks"},
}


RW = ("read", "write", "randread", "randwrite", "rw", "randrw")
CHECKS = ("guard", "apptag", "reftag", "sttag")


def short(size):
    """Bytes as 4k or 1m, as fio takes them."""
    for unit, letter in ((1 << 20, "m"), (1 << 10, "k")):
        if size % unit == 0:
            return f"{size // unit}{letter}"
    return str(size)


class Workload(NamedTuple):
    """What fio does: rwmixread in per cent for mixes, else None; bs in bytes of data."""

    rw: str
    mix: int | None
    bs: int
    depth: int
    jobs: int

    def slug(self):
        mix = "" if self.mix is None else str(self.mix)
        return f"{self.rw}{mix}-{short(self.bs)}-qd{self.depth}-j{self.jobs}"

    def lines(self):
        """fio job lines."""
        lines = [f"rw={self.rw}", f"bs={self.bs}", f"iodepth={self.depth}", f"numjobs={self.jobs}"]
        return lines if self.mix is None else lines + [f"rwmixread={self.mix}",
                                                       "unified_rw_reporting=both"]


def format_slug(fmt):
    """A format as part of a file's name: 4096+8-16b-t1-last-sep."""
    text = f"{fmt.lbs}+{fmt.ms}"
    transfer = "" if not fmt.ms else "-ext" if fmt.mset else "-sep"
    if not fmt.pi:
        return text + transfer
    text += f"-{GUARDS[fmt.pif]}-t{fmt.pi}-{'first' if fmt.pil else 'last'}{transfer}"
    return text + (f"-sts{fmt.sts}" if fmt.sts else "")


class Point(NamedTuple):
    """
    @tag tells targets apart in ids, where there are several; @checks narrows what the
    mode checks ('' for all); @base is the id of its base line, '' for a base line.
    """

    tag: str
    fmt: Format
    mode: str
    checks: str
    load: Workload
    base: str

    @property
    def id(self):
        """Its name, in files too."""
        checks = f"-{self.checks}" if self.checks else ""
        return f"{self.tag}{format_slug(self.fmt)}-{self.mode}{checks}-{self.load.slug()}"

    def options(self):
        """fio job lines of who checks what."""
        checks = self.checks.replace("+", ",") or "all"
        return [f"{key}={checks if value == 'checks' else value}"
                for key, value in MODES[self.mode].items()]

    def columns(self):
        """The columns of points.csv that define it."""
        fmt, load = self.fmt, self.load
        options = dict(line.split("=") for line in self.options())
        has_pi = bool(fmt.pi)
        return {
            "id": self.id, "base": self.base,
            "base_kind": "" if self.base else "no-pi" if self.mode == "none" else "pract",
            "data_size": fmt.lbs, "ms": fmt.ms,
            "guard": GUARDS[fmt.pif] if has_pi else "none",
            "pi_type": fmt.pi,
            "placement": ("first" if fmt.pil else "last") if has_pi else "",
            "transfer": ("extended" if fmt.mset else "separate") if fmt.ms else "",
            "sts": fmt.sts if has_pi else "",
            "pract": options.get("pi_act", ""), "prchk": options.get("pi_chk", ""),
            "pi_verify": options.get("pi_verify", ""), "mode": self.mode,
            "rw": load.rw, "rwmixread": "" if load.mix is None else load.mix, "bs": load.bs,
            "iodepth": load.depth, "numjobs": load.jobs,
        }

    @classmethod
    def from_columns(cls, columns):
        """The point again; @columns has its tag and checks, too."""
        pi = columns["pi_type"]
        fmt = Format(columns["data_size"], columns["ms"], int(columns["transfer"] == "extended"),
                     pi, int(columns["placement"] == "first"),
                     PIF[columns["guard"]] if pi else 0, columns["sts"] or 0)
        mix = columns["rwmixread"]
        load = Workload(columns["rw"], None if mix == "" else mix, columns["bs"],
                        columns["iodepth"], columns["numjobs"])
        return cls(columns["tag"], fmt, columns["mode"], columns["checks"], load, columns["base"])
