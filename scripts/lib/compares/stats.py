# SPDX-License-Identifier: GPL-2.0-only
"""
Did it change?  Two runs of the same points, each repeated in rounds, compared by exchanging
rounds between the runs.

Were the runs alike, each way of handing their rounds out to "old" and "new" would be as
likely as the one that was seen. So no distribution of the noise has to be assumed, which
three to ten repeats could not show, and the bootstrap's too narrow intervals at so few are
avoided. Rounds are exchanged for all points at once: what slowed a whole round down, slowed
it for all points, and is taken for one accident and not for many.

All values here are natural logarithms: a difference is that of a ratio.
"""
import itertools
import math
import random
from statistics import fmean, median

MOST = 1000     # ways to exchange; a sample of so many when there are more
SEED = 1        # of that sample: the same input gets the same answer


def exchanges(olds, news):
    """
    The ways to exchange rounds: pairs (rounds of old that go, rounds of new that come), as
    many of each; the first exchanges none. All of them, or a sample of MOST.
    """
    number = math.comb(olds + news, olds)
    if number <= MOST:
        chosen = itertools.combinations(range(olds + news), olds)
    else:
        rng = random.Random(SEED)
        chosen = itertools.chain([range(olds)], (rng.sample(range(olds + news), olds)
                                                 for _ in range(MOST - 1)))
    return [(sorted(set(range(olds)) - set(kept)), sorted(i - olds for i in kept if i >= olds))
            for kept in chosen]


def total(values, places):
    return sum(values[i] for i in places)


def shifts(old, new, ways):
    """
    For each exchange the difference between the runs at which it would change nothing: that
    of the means of the rounds exchanged. The true difference lies in any gap of the sorted
    list with the same probability.
    """
    return sorted((total(new, came) - total(old, went)) / len(went)
                  for went, came in ways if went)


def interval(differences, alpha):
    """(low, middle, high): the exact interval of the level 1 - alpha, and the estimate."""
    tail = int(alpha / 2 * (len(differences) + 1) + 1e-9)
    return differences[tail - 1], median(differences), differences[-tail]


class Spread:
    """One point's difference, and its standard error, after any exchange."""

    def __init__(self, old, new):
        self.old, self.new = old, new
        self.sums = sum(old), sum(new)
        self.squares = sum(v * v for v in old) + sum(v * v for v in new)

    def after(self, way):
        """(difference of the means, its standard error) after the exchange."""
        went, came = way
        moved = total(self.new, came) - total(self.old, went)
        olds, news = len(self.old), len(self.new)
        old, new = self.sums[0] + moved, self.sums[1] - moved
        within = self.squares - old * old / olds - new * new / news
        variance = max(within, 0) / (olds + news - 2) * (1 / olds + 1 / news)
        return new / news - old / olds, math.sqrt(variance)


def adjusted(pairs, ways):
    """
    For each (old, new) how often chance alone, among all of these points, would show one as
    far apart as it: Westfall and Young's p by the greatest statistic of each exchange. The
    statistic is the difference by its standard error, to which the middle one of all points
    is added, so that a point that happens to repeat well does not stand out for that.
    """
    spreads = [Spread(old, new) for old, new in pairs]
    usual = median(s.after(ways[0])[1] for s in spreads) or 1e-12

    def statistic(spread, way):
        difference, error = spread.after(way)
        return abs(difference) / (error + usual)

    seen = [statistic(s, ways[0]) for s in spreads]
    greatest = sorted(max(statistic(s, way) for s in spreads) for way in ways)
    # Rounding must not tell an exchange from its mirror image.
    return [sum(g >= value * (1 - 1e-9) for g in greatest) / len(ways) for value in seen]


def mean_of_rounds(pairs):
    """All points as one: (old, new), each round's mean over the points."""
    olds, news = zip(*pairs)
    return [fmean(r) for r in zip(*olds)], [fmean(r) for r in zip(*news)]
