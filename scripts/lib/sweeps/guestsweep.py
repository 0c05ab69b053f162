# SPDX-License-Identifier: GPL-2.0-only
"""A sweep in the guest. Each boot has a part of the formats, one namespace per format."""
import math
import subprocess

from shared import boots
from shared import fiojob
from sweeps import schedule
from shared.command import Refusal
from shared.points import Point
from sweeps.targets import Namespaces

KERNELS = ("6.1", "6.12", "newest")
SECONDS = 1800          # per boot, in addition to the time of its I/O
BOOTS, GUEST_FAILED = 3, 125
SIZE = 4 << 20          # bytes of the smallest namespace


class Failed(Refusal):
    """The reason why the guest could not do its part."""


class Boot:
    """One boot of the guest: its formats and its part of the sweep."""

    def __init__(self, plan, number):
        points = [Point.from_columns(columns) for columns in plan["points"]]
        formats = list(dict.fromkeys(point.fmt for point in points if point.base))
        self.number, self.count = number, max(1, math.ceil(len(formats) / boots.AT_ONCE))
        mine = formats[number * boots.AT_ONCE:(number + 1) * boots.AT_ONCE]
        self.plan = plan
        self.points = [point for point in points if not point.base or point.fmt in mine]
        self.formats = list(dict.fromkeys(point.fmt for point in self.points))

    def rows(self):
        """Returns the rows for scripts/guest --namespaces."""
        parts = 2 if any(point.door for point in self.points) else 1
        size = max(SIZE, parts * self.plan["sizes"]["size"])
        return "".join(f"{fmt.row(size)}\n" for fmt in self.formats)

    def runs(self, target, before=0):
        """
        Returns the runs of this boot: its formats and the baselines. Baselines are repeated in
        every boot and their repeats are numbered across boots. @before is the number of runs in
        earlier boots.
        """
        settings = self.plan["sizes"]
        return [run._replace(
            order=run.order + before,
            repeat=run.repeat + (0 if run.point.base else
                                 self.number * schedule.repeats_of(run.point, settings)))
            for run in schedule.schedule([(target, point) for point in self.points], settings)]


def boots_of(plan):
    """
    Returns [(Boot, its runs)] of all boots; the order of the runs continues from boot to boot.
    """
    target, found, before = Namespaces([]), [], 0
    for number in range(Boot(plan, 0).count):
        boot = Boot(plan, number)
        found.append((boot, boot.runs(target, before)))
        before += len(found[-1][1])
    return found


def all_runs(plan):
    """Returns the runs of all boots."""
    return [run for _, runs in boots_of(plan) for run in runs]


def runs_there(plan, number):
    """Returns (the namespaces of a boot, its runs on them); called inside the guest."""
    every = boots_of(plan)
    if not 0 <= number < len(every):
        raise Failed(f"boot {number} does not exist, this sweep has {len(every)}")
    boot, runs = every[number]
    target = Namespaces(boot.formats)
    return target, [run._replace(target=target) for run in runs]


def runs_in_boots(plan):
    """Returns all runs, each on the namespaces of its boot."""
    found = []
    for boot, runs in boots_of(plan):
        target = Namespaces(boot.formats)
        found += [run._replace(target=target) for run in runs]
    return found


def command(folder, program, boot, runs):
    """
    Returns the command line of scripts/guest for a boot with @runs runs; in the guest @program
    continues with the folder.
    """
    rows = folder.path / "tmp" / "namespaces"
    rows.unlink(missing_ok=True)
    rows.write_text(boot.rows(), encoding="ascii")
    settings = folder.plan["sizes"]
    seconds = SECONDS + runs * 2 * (settings["runtime"] + settings["ramp"])
    return ["setpriv", "--pdeathsig", "TERM", "--", str(fiojob.TOP / "scripts/guest"),
            f"--kernel={folder.plan['asked']['kernel']}", f"--namespaces={rows}",
            f"--share={folder.path}", f"--timeout={seconds:.0f}", "--", program,
            f"--resume={folder.path}", f"--in-guest={boot.number}",
            *([f"--kernel-user-fio={other}"] if (other := folder.plan["asked"].get("kernel_user_fio")) else []),
            *(f"--fio={text}" for text in folder.plan["asked"]["fio"])]


def run_boot(folder, program, boot, runs):
    """
    Boots the guest until it has done its part. An emulated kernel can crash during its boot; then
    the boot is repeated.
    """
    for _ in range(BOOTS):
        with subprocess.Popen(command(folder, program, boot, runs)) as guest:
            try:
                status = guest.wait()
            except BaseException:
                guest.terminate()
                raise
        folder.read_state()
        if status != GUEST_FAILED:
            break
    if status:
        raise Failed(f"the guest ended with status {status}; continue with --resume={folder.path} "
                     "guest")


def sweep(folder, program):
    """Runs all boots that have runs left."""
    plan = folder.plan
    for boot, runs in boots_of(plan):
        left = [run for run in runs if not folder.done(run.point.id, run.repeat)]
        if left:
            print(f"Linux {plan['asked']['kernel']}, boot {boot.number + 1} of {boot.count}: "
                  f"{len(boot.formats)} namespaces, {len(left)} runs", flush=True)
            run_boot(folder, program, boot, len(runs))
