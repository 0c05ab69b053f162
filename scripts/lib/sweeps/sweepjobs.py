# SPDX-License-Identifier: GPL-2.0-only
"""Makes fio's job files for the runs of a sweep."""
import math
import os
from typing import NamedTuple

from shared import fiojob
from shared.points import CHECKS

FILL_SIZE = 65536   # bytes of the largest I/O
FILL_LEAST = 7200   # seconds that writing namespaces may always take;
FILL_RATE = 5 << 20 # beyond that, the lowest accepted rate in bytes per second


class Jobs:
    """Makes job files for runs."""

    def __init__(self, settings, extra, report, engine=fiojob.ENGINE):
        self.settings, self.extra = settings, extra
        self.report, self.engine = report, engine

    def common(self):
        """Returns the first lines of every job file."""
        return [f"ioengine=external:{self.engine}", "thread=1", "pi_buffer=data",
                "continue_on_error=verify", "verify_state_save=0", f"size={self.settings['size']}",
                *self.extra]

    def block_common(self):
        """
        Returns the first lines of a job file for the block device. It has a part of the namespace of
        its own, because the kernel writes other application tags and metadata than this engine.
        """
        return ["ioengine=io_uring", "direct=1", "thread=1", "continue_on_error=verify",
                "verify_state_save=0", f"offset={self.settings['size']}",
                f"size={self.settings['size']}", *self.extra]

    def measured(self):
        """Returns the lines for duration and warm-up."""
        milliseconds = {key: round(self.settings[key] * 1000) for key in ("runtime", "ramp")}
        lines = ["group_reporting", "stonewall", "time_based",
                 f"runtime={milliseconds['runtime']}ms"]
        if milliseconds["ramp"]:
            lines.append(f"ramp_time={milliseconds['ramp']}ms")
        return lines

    def section(self, run, exclusive, cpus):
        """
        Returns the section of one run. Its jobs get CPUs of @cpus that fio itself does not use, or
        all CPUs if there are too few. Without such a line all jobs would run on fio's own CPU. An
        exclusive run waits for the token, a byte in a pipe, and passes it on.
        """
        point = run.point
        if point.door:
            lines = [f"filename={run.target.block(point.fmt)}", *point.load.lines(),
                     *block_options(point)]
        else:
            lines = [f"filename={run.target.filename(point.fmt)}", *point.fmt.options(),
                     *point.load.lines(), *point.options(), *run.target.lines()]
        if self.report and not point.door:
            lines.append(f"pi_report={run.name}.pi")
        if exclusive:
            lines += ["exec_prerun=head -c 1 ../token", "exec_postrun=printf x | tee ../token"]
        if cpus:
            lines.append(f"cpus_allowed={cpu_list(cpus.of(point.load.jobs))}")
        return run.name, lines

    def text(self, runs, exclusive=False, cpus=None):
        """Returns a job file for runs that follow each other; all or none use the block device."""
        common = self.block_common() if runs[0].point.door else self.common()
        return fiojob.job_file(common + self.measured(),
                               [self.section(run, exclusive, cpus) for run in runs])

    def fill(self, places):
        """Returns a job file that writes namespaces, each a (target, format), once in full."""
        return fiojob.job_file(self.common(), [self.fill_section(f"fill{number}", target, fmt)
                                               for number, (target, fmt) in enumerate(places)])

    def fill_section(self, name, target, fmt):
        """Returns the section that writes a namespace."""
        return name, [f"filename={target.filename(fmt)}", *fmt.options(), *self.fill_load(),
                      *target.lines()]

    def fill_load(self):
        """
        Returns the I/O that writes a namespace. Its size divides the size of the namespace, because
        fio does not write a rest that is smaller than an I/O.
        """
        return [f"bs={math.gcd(FILL_SIZE, self.settings['size'])}", "iodepth=4", "rw=write"]

    def fill_block(self, places):
        """Like fill(), by the block device, in the part that its modes use."""
        return fiojob.job_file(self.block_common(), [
            (f"fill{number}", [f"filename={target.block(fmt)}", *self.fill_load()])
            for number, (target, fmt) in enumerate(places)])


def block_options(point):
    """
    Returns who makes and checks the tuples as lines of fio's engine io_uring. The kernel makes
    them with an application tag of 0, so the application does, too.
    """
    if point.mode == "kernel":
        return []
    checks = point.checks.split("+") if point.checks else \
        [name for name in CHECKS[:3] if name != "reftag" or point.fmt.pi != 3]
    return [f"md_per_io_size={point.load.bs // point.fmt.lbs * point.fmt.ms}", "pi_act=0",
            f"pi_chk={','.join(checks).upper()}", "apptag=0"]


def fill_limit(settings, number):
    """Returns the seconds that writing @number namespaces may take."""
    return max(FILL_LEAST, number * settings["size"] / FILL_RATE)


def not_filled(jobs, settings):
    """Returns the first of fio's entries that did not write its whole namespace, or None."""
    return next((job for job in jobs if job["write"]["io_bytes"] < settings["size"]), None)


class Cpus(NamedTuple):
    """The CPU of fio itself and those of its jobs."""

    own: int
    others: tuple

    def of(self, jobs):
        """Returns the CPUs for @jobs jobs."""
        return self.others if jobs <= len(self.others) else (self.own, *self.others)

    def words(self):
        """Returns the text for environment.json."""
        return (f"fio {self.own}; jobs {cpu_list(self.others)}; more than {len(self.others)} jobs "
                f"{cpu_list(self.of(len(self.others) + 1))}")


def cpu_list(cpus):
    return ",".join(map(str, cpus))


def split_cpus():
    """Returns the CPUs that this program may use, or None if there is only one."""
    own, *others = sorted(os.sched_getaffinity(0))
    return Cpus(own, tuple(others)) if others else None
