# SPDX-License-Identifier: GPL-2.0-only
"""Points of a sweep: a format, a mode (who checks) and a workload on a target."""
from typing import NamedTuple

from shared.formats import Format, GUARDS, PIF

# Who checks, as fio job lines; 'checks' is replaced by what is checked.
MODES = {
    "none": {},
    "pract": {"pi_act": "1", "pi_chk": "checks", "pi_verify": "none"},
    "unchecked": {"pi_act": "0", "pi_chk": "none", "pi_verify": "none"},
    "device": {"pi_act": "0", "pi_chk": "checks", "pi_verify": "none"},
    "host": {"pi_act": "0", "pi_chk": "none", "pi_verify": "checks"},
    "both": {"pi_act": "0", "pi_chk": "checks", "pi_verify": "checks"},
    "kernel": {},
    "kernel-user": {"pi_act": "0", "pi_chk": "checks"},
}
# Modes in which fio's own engine io_uring uses the block device: the kernel makes and checks the
# tuples, or the application hands them over to the kernel.
BLOCK_MODES = "kernel", "kernel-user"

RW = ("read", "write", "randread", "randwrite", "rw", "randrw")
CHECKS = ("guard", "apptag", "reftag", "sttag")


def short(size):
    """Returns bytes as 4k or 1m, as fio accepts them."""
    for unit, letter in ((1 << 20, "m"), (1 << 10, "k")):
        if size % unit == 0:
            return f"{size // unit}{letter}"
    return str(size)


class Workload(NamedTuple):
    """
    What fio does. mix is rwmixread in per cent, None for workloads without a mix; bs is in bytes of
    data.
    """

    rw: str
    mix: int | None
    bs: int
    depth: int
    jobs: int

    def slug(self):
        mix = "" if self.mix is None else str(self.mix)
        return f"{self.rw}{mix}-{short(self.bs)}-qd{self.depth}-j{self.jobs}"

    def lines(self):
        """Returns the workload as fio job lines."""
        lines = [f"rw={self.rw}", f"bs={self.bs}", f"iodepth={self.depth}", f"numjobs={self.jobs}"]
        return lines if self.mix is None else lines + [f"rwmixread={self.mix}",
                                                       "unified_rw_reporting=both"]


def format_slug(fmt):
    """Returns a format as part of a file name: 4096+8-16b-t1-last-sep."""
    text = f"{fmt.lbs}+{fmt.ms}"
    transfer = "" if not fmt.ms else "-ext" if fmt.mset else "-sep"
    if not fmt.pi:
        return text + transfer
    text += f"-{GUARDS[fmt.pif]}-t{fmt.pi}-{'first' if fmt.pil else 'last'}{transfer}"
    return text + (f"-sts{fmt.sts}" if fmt.sts else "")


class Point(NamedTuple):
    """
    @tag is a prefix of the id that tells several targets apart. @checks limits what the mode checks
    ('' for all). @base is the id of the point's baseline, '' if it is a baseline itself.
    """

    tag: str
    fmt: Format
    mode: str
    checks: str
    load: Workload
    base: str

    @property
    def id(self):
        """The name of the point, also used in file names."""
        checks = f"-{self.checks}" if self.checks else ""
        return f"{self.tag}{format_slug(self.fmt)}-{self.mode}{checks}-{self.load.slug()}"

    @property
    def door(self):
        """The mode if it uses the block device, '' if it uses this engine."""
        return self.mode if self.mode in BLOCK_MODES else ""

    def options(self):
        """Returns who checks what as job lines of this engine."""
        checks = self.checks.replace("+", ",") or "all"
        return [f"{key}={checks if value == 'checks' else value}"
                for key, value in MODES[self.mode].items()]

    def columns(self):
        """Returns the columns of points.csv that define the point."""
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
        """Returns the point of these columns, which include its tag and checks."""
        pi = columns["pi_type"]
        fmt = Format(columns["data_size"], columns["ms"], int(columns["transfer"] == "extended"),
                     pi, int(columns["placement"] == "first"),
                     PIF[columns["guard"]] if pi else 0, columns["sts"] or 0)
        mix = columns["rwmixread"]
        load = Workload(columns["rw"], None if mix == "" else mix, columns["bs"],
                        columns["iodepth"], columns["numjobs"])
        return cls(columns["tag"], fmt, columns["mode"], columns["checks"], load, columns["base"])
