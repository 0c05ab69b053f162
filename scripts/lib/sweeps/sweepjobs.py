# SPDX-License-Identifier: GPL-2.0-only
"""fio's job files for the runs of a sweep."""
import math
import os
from typing import NamedTuple

from shared import fiojob

FILL_SIZE = 65536   # most bytes of an I/O
FILL_LEAST = 7200   # seconds that writing namespaces may take at least,
FILL_RATE = 5 << 20 # and bytes in a second that it has to write beyond that


class Jobs:
    """Job files for runs."""

    def __init__(self, settings, extra, report, engine=fiojob.ENGINE):
        self.settings, self.extra = settings, extra
        self.report, self.engine = report, engine

    def common(self):
        """The first lines of every job."""
        return [f"ioengine=external:{self.engine}", "thread=1", "pi_buffer=data",
                "continue_on_error=verify", "verify_state_save=0", f"size={self.settings['size']}",
                *self.extra]

    def measured(self):
        """For how long, after what warm-up."""
        milliseconds = {key: round(self.settings[key] * 1000) for key in ("runtime", "ramp")}
        lines = ["group_reporting", "stonewall", "time_based",
                 f"runtime={milliseconds['runtime']}ms"]
        if milliseconds["ramp"]:
            lines.append(f"ramp_time={milliseconds['ramp']}ms")
        return lines

    def section(self, run, exclusive, cpus):
        """
        One run, whose jobs get CPUs of @cpus, which fio itself does not use, as far as there
        are so many, and else all CPUs: a job file that says nothing would leave them all on fio's
        own. An exclusive run waits for the token, a byte in a pipe, and hands it on.
        """
        point = run.point
        lines = [f"filename={run.target.filename(point.fmt)}", *point.fmt.options(),
                 *point.load.lines(), *point.options(), *run.target.lines()]
        if self.report:
            lines.append(f"pi_report={run.name}.pi")
        if exclusive:
            lines += ["exec_prerun=head -c 1 ../token", "exec_postrun=printf x | tee ../token"]
        if cpus:
            lines.append(f"cpus_allowed={cpu_list(cpus.of(point.load.jobs))}")
        return run.name, lines

    def text(self, runs, exclusive=False, cpus=None):
        """A job file for runs one after another."""
        return fiojob.job_file(self.common() + self.measured(),
                               [self.section(run, exclusive, cpus) for run in runs])

    def fill(self, places):
        """A job file that writes namespaces, (target, format) each, once in full."""
        return fiojob.job_file(self.common(), [self.fill_section(f"fill{number}", target, fmt)
                                               for number, (target, fmt) in enumerate(places)])

    def fill_section(self, name, target, fmt):
        """
        One that writes a namespace: by I/Os of a size that divides its own, as fio leaves out
        what is less than an I/O at the end.
        """
        size = math.gcd(FILL_SIZE, self.settings["size"])
        return name, [f"filename={target.filename(fmt)}", *fmt.options(), f"bs={size}", "iodepth=4",
                      "rw=write", *target.lines()]


def fill_limit(settings, number):
    """Seconds that so many namespaces may take to be written."""
    return max(FILL_LEAST, number * settings["size"] / FILL_RATE)


def not_filled(jobs, settings):
    """The first of fio's entries of a fill that has not written all of its namespace, or None."""
    return next((job for job in jobs if job["write"]["io_bytes"] < settings["size"]), None)


class Cpus(NamedTuple):
    """fio's own CPU and those of its jobs."""

    own: int
    others: tuple

    def of(self, jobs):
        """The CPUs for so many jobs."""
        return self.others if jobs <= len(self.others) else (self.own, *self.others)

    def words(self):
        """For environment.json."""
        return (f"fio {self.own}; jobs {cpu_list(self.others)}; more than {len(self.others)} jobs "
                f"{cpu_list(self.of(len(self.others) + 1))}")


def cpu_list(cpus):
    return ",".join(map(str, cpus))


def split_cpus():
    """The CPUs that this program may use, or None where there is one and nothing to tell apart."""
    own, *others = sorted(os.sched_getaffinity(0))
    return Cpus(own, tuple(others)) if others else None
