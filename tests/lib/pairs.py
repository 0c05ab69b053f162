# SPDX-License-Identifier: GPL-2.0-only
"""
Fewer cases than all combinations, in which still every pair of values of two parameters occurs.

scripts/check runs the cases that choose() leaves. Where TESTS_ALL is set in the environment, as
'make check-matrix' does, tests run all of them.
"""
import itertools
import os


def of_values(values):
    """The pairs of values in a case, {parameter: value}."""
    return set(itertools.combinations(sorted(values.items()), 2))


def choose(candidates, pairs):
    """
    Chosen greedily, always the same of the same @candidates, a list: those in which each pair occurs
    that occurs in any. @pairs returns the set of pairs of a candidate. Their order is kept.
    """
    left = {number: pairs(one) for number, one in enumerate(candidates)}
    missing, chosen = set().union(*left.values()), []
    while missing:
        best = max(left, key=lambda number: len(left[number] & missing))
        chosen.append(best)
        missing -= left.pop(best)
    return [candidates[number] for number in sorted(chosen)]


def all_of_them():
    """Is everything to be run?"""
    return bool(os.environ.get("TESTS_ALL"))
