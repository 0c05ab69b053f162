# SPDX-License-Identifier: GPL-2.0-only
"""The order of the runs of a sweep, and which runs share a fio."""
import itertools
import random
from typing import NamedTuple

from shared.points import Point
from shared.results import run_name


class Run(NamedTuple):
    """
    A repeat of a point. @order is its position in the whole sweep, @round the round to which it
    belongs.
    """

    point: Point
    target: object
    repeat: int
    order: int
    round: int

    @property
    def name(self):
        return run_name(self.point.id, self.repeat)


def repeats_of(point, settings):
    """
    Returns the number of repeats of a point. Baselines use 'base_repeats' if it is set, because
    all other points are compared with them.
    """
    return (not point.base and settings["base_repeats"]) or settings["repeats"]


def rounds_of(points, settings):
    """
    Yields [(target, point, repeat, round)] of each round; rounds count from 1. Each point runs once
    per round (A B A B), more often if it has more repeats. The order within a round is shuffled by
    'seed'. If a target has one format at a time, its points of a format stay together.
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
    """Returns all runs in order; @points is [(target, point)]."""
    chosen = itertools.chain.from_iterable(rounds_of(points, settings))
    return [Run(point, target, repeat, order, turn)
            for order, (target, point, repeat, turn) in enumerate(chosen, 1)]


def batches(runs, settings):
    """
    Yields the runs that share a fio: up to 'batch' consecutive ones, of one format if the target
    has one format at a time, and in a mode that uses the block device only those of that mode.
    """
    def place(run):
        return run.target.tag, run.point.fmt if run.target.one_format else None, run.point.door
    for _, same in itertools.groupby(runs, place):
        same = list(same)
        for first in range(0, len(same), settings["batch"]):
            yield same[first:first + settings["batch"]]
