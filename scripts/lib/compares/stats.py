# SPDX-License-Identifier: GPL-2.0-only
"""
Statistics of a comparison: two runs of the same points, each repeated in rounds, are compared by a
permutation test that exchanges rounds between the runs.

If the runs were equal, every assignment of their rounds to "old" and "new" would be as likely as
the one that was measured. So no distribution of the noise has to be assumed, which three to ten
repeats could not show, and the intervals are not too narrow, as those of a bootstrap are with so
few repeats. Rounds are exchanged for all points at the same time: whatever slowed a whole round
down is counted as one accident, not as one per point.

All values here are natural logarithms: a difference is the logarithm of a ratio.
"""
import itertools
import math
import random
from statistics import fmean, median

MOST = 1000     # exchanges of rounds; if there are more, a random sample of this size is used
SEED = 1        # seed of that sample: the same input gives the same result


def exchanges(olds, news):
    """
    Returns the exchanges of rounds, as pairs (rounds of old that leave, as many rounds of new that
    replace them). The first one exchanges nothing. These are all exchanges, or a sample of MOST.
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
    return sum([values[i] for i in places])


def shifts(old, new, ways):
    """
    Returns, for each exchange, the difference between the runs at which it would change nothing:
    the difference of the means of the exchanged rounds. The true difference lies in each gap of the
    sorted list with the same probability.
    """
    return sorted((total(new, came) - total(old, went)) / len(went)
                  for went, came in ways if went)


def interval(differences, alpha):
    """
    Returns (low, middle, high): the exact interval with confidence 1 - alpha, and the estimate.
    """
    tail = int(alpha / 2 * (len(differences) + 1) + 1e-9)
    return differences[tail - 1], median(differences), differences[-tail]


class Spread:
    """The difference of one point and its standard error, for any exchange."""

    def __init__(self, old, new):
        self.old, self.new = old, new
        self.sums = sum(old), sum(new)
        self.squares = sum(v * v for v in old) + sum(v * v for v in new)

    def after(self, way):
        """Returns (difference of the means, its standard error) after an exchange."""
        went, came = way
        moved = total(self.new, came) - total(self.old, went)
        olds, news = len(self.old), len(self.new)
        old, new = self.sums[0] + moved, self.sums[1] - moved
        within = self.squares - old * old / olds - new * new / news
        variance = max(within, 0) / (olds + news - 2) * (1 / olds + 1 / news)
        return new / news - old / olds, math.sqrt(variance)


def adjusted(pairs, ways):
    """
    Returns for each (old, new) the probability that chance alone would show, among all these
    points, one with such a difference: the p value of Westfall and Young, from the greatest
    statistic of each exchange. The statistic is the difference divided by its standard error plus
    the median standard error of all points, so that a point whose repeats happen to be close
    together does not stand out.
    """
    spreads = [Spread(old, new) for old, new in pairs]
    usual = median(s.after(ways[0])[1] for s in spreads) or 1e-12

    def statistic(spread, way):
        difference, error = spread.after(way)
        return abs(difference) / (error + usual)

    seen = [statistic(s, ways[0]) for s in spreads]
    greatest = sorted(max(statistic(s, way) for s in spreads) for way in ways)
    # Rounding errors must not make an exchange differ from its mirror image.
    return [sum(g >= value * (1 - 1e-9) for g in greatest) / len(ways) for value in seen]


def mean_of_rounds(pairs):
    """Returns all points as one, (old, new): the mean over the points of each round."""
    olds, news = zip(*pairs)
    return [fmean(r) for r in zip(*olds)], [fmean(r) for r in zip(*news)]
