# SPDX-License-Identifier: GPL-2.0-only
"""In what order the runs of a sweep come, and which share a fio."""
import itertools
import random
from typing import NamedTuple

from shared.points import Point
from shared.results import run_name


class Run(NamedTuple):
    """A repeat of a point; order is its place in the whole sweep, round the turn that it is of."""

    point: Point
    target: object
    repeat: int
    order: int
    round: int

    @property
    def name(self):
        return run_name(self.point.id, self.repeat)


def repeats_of(point, settings):
    """Base lines, which all others are held against, may have repeats of their own."""
    return (not point.base and settings["base_repeats"]) or settings["repeats"]


def rounds_of(points, settings):
    """
    [(target, point, repeat, round)] of each round, from 1: every point comes once a round (A B A B),
    those with more repeats more often; within a round the order is random, by the
    seed. Where a target has one format at a time, its points of a format stay together.
    """
    for turn in range(settings["repeats"]):
        dice = random.Random(f"{settings['seed']}/{turn}")
        chosen = [(target, point, repeat + 1, turn + 1) for target, point in points
                  for repeat in range(repeats_of(point, settings))
                  if repeat * settings["repeats"] // repeats_of(point, settings) == turn]
        dice.shuffle(chosen)
        rank = {}
        for target, point, *_ in chosen:
            rank.setdefault((target.tag, point.fmt), len(rank) if target.one_format else 0)
        yield sorted(chosen, key=lambda one: rank[one[0].tag, one[1].fmt])


def schedule(points, settings):
    """All runs, in order, of [(target, point)]."""
    chosen = itertools.chain.from_iterable(rounds_of(points, settings))
    return [Run(point, target, repeat, order, turn)
            for order, (target, point, repeat, turn) in enumerate(chosen, 1)]


def batches(runs, settings):
    """Runs that share a fio: up to 'batch' of them, of one format where a target has one."""
    def place(run):
        return run.target.tag, run.point.fmt if run.target.one_format else None
    for _, same in itertools.groupby(runs, place):
        same = list(same)
        for first in range(0, len(same), settings["batch"]):
            yield same[first:first + settings["batch"]]
