# SPDX-License-Identifier: GPL-2.0-only
"""fio's job files for the runs of a sweep."""
import os

import fiojob

FILL_SIZE = 65536   # bytes of an I/O


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
        One run, on CPUs that fio itself does not use; an exclusive one waits for the
        token, a byte in a pipe, and hands it on.
        """
        point = run.point
        lines = [f"filename={run.target.filename(point.fmt)}", *point.fmt.options(),
                 *point.load.lines(), *point.options(), *run.target.lines()]
        if self.report:
            lines.append(f"pi_report={run.name}.pi")
        if exclusive:
            lines += ["exec_prerun=head -c 1 ../token", "exec_postrun=printf x | tee ../token"]
        if cpus and point.load.jobs <= len(cpus):
            lines.append(f"cpus_allowed={','.join(map(str, cpus))}")
        return run.name, lines

    def text(self, runs, exclusive=False, cpus=()):
        """A job file for runs one after another."""
        return fiojob.job_file(self.common() + self.measured(),
                               [self.section(run, exclusive, cpus) for run in runs])

    def fill(self, places):
        """A job file that writes namespaces, (target, format) each, once in full."""
        size = min(FILL_SIZE, self.settings["size"])
        sections = [(f"fill{number}", [f"filename={target.filename(fmt)}", *fmt.options(),
                                       f"bs={size}", "iodepth=4", "rw=write", *target.lines()])
                    for number, (target, fmt) in enumerate(places)]
        return fiojob.job_file(self.common(), sections)


def split_cpus():
    """(fio's own CPU, those of its jobs); nothing to tell apart where there is one."""
    cpus = sorted(os.sched_getaffinity(0))
    return ({cpus[0]}, cpus[1:]) if len(cpus) > 1 else (None, [])
