# SPDX-License-Identifier: GPL-2.0-only
"""Sweeps of drives in a model of a rack (rack.py), and complaints about how they end."""
from pathlib import Path

import rack
import racksweep

PLAN = "repeats=1\nruntime=10ms\nsize=1M\ndata_size=4096\nms=8,64\nmode=both\nrw=randread\n"


class Lab:
    """A folder, and sweeps of drives that stand in a model of a rack."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.plan = self.folder / "p.plan"
        self.plan.write_text(PLAN, encoding="utf-8")
        self.count = 0

    def job(self, paths, keep=False):
        """A results folder that is not there yet."""
        self.count += 1
        return racksweep.Job(f"job{self.count}", self.folder / f"out{self.count}", paths, keep)

    def begin(self, world, paths, destroy, *words, voice="2.16"):
        """A sweep of devices: its process, ended."""
        job = self.job(paths, "--keep-format" in words)
        return world.run(racksweep.Process(world, job, [
            f"--out={job.folder}", "--no-report", f"--plan={self.plan}", *words,
            *(f"--destroy={serial}" for serial in destroy), *paths], voice, destroy=destroy))

    @staticmethod
    def resume(world, process, destroy, *words, voice="2.16"):
        """The same sweep goes on."""
        job = process.job
        return world.run(racksweep.Process(world, job, [
            f"--resume={job.folder}", "--no-report", *words,
            *(f"--destroy={serial}" for serial in destroy)], voice, destroy=destroy))


def drives(*serials, **words):
    """Of a namespace each."""
    return [rack.Drive(serial, [rack.Space(1)], **words) for serial in serials]


def world_of(units, event=None):
    """A rack with these; @event(world, process) at every question that is asked of it."""
    return racksweep.World(units, event)


def once(condition, act):
    """An event that happens once, when the condition holds."""
    happened = []

    def event(world, process):
        if not happened and condition(world, process):
            happened.append(True)
            act(world, process)
    return event


def formatted(unit, nsid=1):
    return lambda world, process: unit.spaces[nsid].now != unit.spaces[nsid].first


def refused(process, words, units=()):
    """Complaints unless it ended with 2 and a line with the words; @units are as they were."""
    err = process.err.getvalue()
    good = process.status == 2 and words in err and "Traceback" not in err and \
        "unexpected" not in err
    return ([] if good else [f"{process.status}: {err}"]) + as_they_were(process.world, units)


def as_they_were(world, units):
    """Complaints unless drives are formatted as at first, and nobody did what may not be."""
    return world.wrong + [f"{unit.serial}/{space.nsid} is {space.now}" for unit in units
                          for space in unit.everything()
                          if space.now != space.first or space.pending]


def fine(process, units):
    """Complaints unless it ended well, and drives are as at first."""
    return ([] if process.status == 0 and not process.err.getvalue() else
            [f"{process.status}: {process.err.getvalue()}"]) + as_they_were(process.world, units)


def swap(world, one, other):
    """The first is pulled, and the other gets the name, if the kernel gives it."""
    world.pull(one)
    if world.here(other):
        world.pull(other)
    world.insert(other)
    world.insert(one)


def kill(_world, process):
    process.killed = True
