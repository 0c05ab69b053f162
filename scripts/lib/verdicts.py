# SPDX-License-Identifier: GPL-2.0-only
"""Two results folders, point by point: which got better, worse, stayed, or can't be told."""
import math
from collections import Counter
from dataclasses import dataclass
from statistics import median

import stats
from readings import Unusable

ALPHA = 0.05        # each interval misses the truth so often
CHANCE = 0.01       # among all points of a comparison, one verdict in a hundred is by chance
WIDEST = 2          # thresholds; a wider half of an interval could hide what matters
MORE_IS_BETTER = ("iops", "bw_bytes")
METRICS = (*MORE_IS_BETTER, "lat_mean_ns", "lat_p50_ns", "lat_p90_ns", "lat_p99_ns", "lat_p999_ns",
           "cpu_ns_per_io", "generate_ns_per_block", "check_ns_per_block")
WORSE, BETTER, SAME, UNKNOWN = "worse", "better", "same", "unknown"
FEW_REPEATS = "too few repeats"
ORDER = (WORSE, UNKNOWN, BETTER, SAME)


@dataclass
class Verdict:
    """Changes are of NEW by OLD: 0.1 is ten per cent more. None where there are none."""

    point: object               # of NEW; None: all together
    verdict: str
    reason: str = ""
    repeats: tuple = (0, 0)
    old: float = None
    new: float = None
    change: float = None
    low: float = None
    high: float = None
    chance: float = None        # how often all points together show one such by chance
    where: str = ""             # host and target, where there are several


# --- which points are equal ---

def slots(folder, other):
    """
    What to tell hosts and targets apart by: their names, but not where both folders have
    a single one, which may be called otherwise today.
    """
    def names(one, what):
        return {what(p) for p in one.points}

    def single(what):
        return all(len(names(one, what)) <= 1 for one in (folder, other))

    def targets(kind):
        return all(len({p.target for p in one.points if p.target_kind == kind}) <= 1
                   for one in (folder, other))

    kinds = names(folder, lambda p: p.target_kind) | names(other, lambda p: p.target_kind)
    return single(lambda p: p.host), {kind for kind in kinds if targets(kind)}


def keyed(folder, alone):
    """{what a point is: the point}."""
    one_host, one_target = alone
    points = {}
    for p in folder.points:
        key = ("" if one_host else p.host, p.target_kind,
               "" if p.target_kind in one_target else p.target, p.definition())
        if key in points:
            raise Unusable(f"{folder.path}: {p.id} and {points[key].id} are the same point")
        points[key] = p
    return points


def pair(old, new):
    """(pairs of equal points, points only OLD has, points only NEW has)."""
    alone = slots(old, new)
    olds, news = keyed(old, alone), keyed(new, alone)
    pairs = [(olds[key], news[key]) for key in olds if key in news]
    if not pairs:
        kinds = (" and ".join(sorted({p.target_kind for p in one.points})) for one in (old, new))
        raise Unusable("nothing to compare: no point of {} (target: {}) is in {} (target: {})"
                       .format(old.path, next(kinds), new.path, next(kinds)))
    return (pairs, [p for key, p in olds.items() if key not in news],
            [p for key, p in news.items() if key not in olds])


# --- environments ---

def flat(value, path=""):
    """Nested objects as {path: text}."""
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value, 1)
    else:
        return {path: "" if value is None else str(value)}
    return {k: v for name, part in parts for k, v in flat(part, f"{path} {name}".strip()).items()}


def described(folder):
    """Environment and settings of the plan, as {what: text}."""
    plan = {k: v for k, v in (folder.plan.get("sizes") or {}).items() if k != "seed"}
    return flat(folder.environment) | flat({"plan": {"name": folder.plan.get("name")} | plan})


def differences(old, new):
    """[(what, in OLD, in NEW)] of the environments."""
    a, b = described(old), described(new)
    return [(what, a.get(what, ""), b.get(what, "")) for what in dict.fromkeys([*a, *b])
            if a.get(what, "") != b.get(what, "")]


# --- verdicts ---

def faults(old, new):
    """What goes wrong in NEW and didn't in OLD."""
    wrong = []
    for column, name in (("pi_errors", "PI errors"), ("io_errors", "I/O errors")):
        before, after = old.total(column), new.total(column)
        # Errors that were there before are new ones when there are clearly more an I/O.
        if after and after * max(old.total("ios"), 1) > 2 * before * max(new.total("ios"), 1):
            wrong.append(f"{after} {name}" + (f", {before} before" if before else ""))
    if new.failed() and not old.failed():
        wrong.append(f"{len(new.failed())} of {len(new.runs)} runs have no result")
    if not wrong and new.total("exit_status") and not old.total("exit_status"):
        wrong.append("fio ended with an error")
    return wrong


def rounds(point, metric):
    """The values of a point in the order of its repeats, as logarithms."""
    values = [value for _, value in sorted(point.by_repeat(metric).items())]
    return [math.log(v) for v in values] if all(v > 0 for v in values) else []


def too_few(olds, news):
    """Why nothing can be said, or ''."""
    if not olds or not news:
        return "there are no such values"
    return "" if stats.decidable(olds, news, CHANCE) else FEW_REPEATS


def repeats_needed():
    """So many in both runs are enough."""
    return next(n for n in range(2, 99) if stats.decidable(n, n, CHANCE))


def judge_change(found, threshold, worse_is_less):
    """Set the verdict of @found by its interval."""
    down, up = found.high < -threshold, found.low > threshold
    half = (math.log1p(found.high) - math.log1p(found.low)) / 2
    if (down or up) and found.chance <= CHANCE:
        found.verdict = WORSE if down == worse_is_less else BETTER
    elif down or up:
        found.verdict = UNKNOWN
        found.reason = ("beyond the threshold, but of so many points one may be so by chance: "
                        "repeat it")
    elif half > math.log1p(WIDEST * threshold):
        found.verdict = UNKNOWN
        found.reason = ("its repeats differ too much: a change of "
                        f"{100 * (WIDEST + 1) * threshold:.3g} % might not be seen")
    else:
        found.verdict = SAME


def judge_family(members, threshold, worse_is_less, families):
    """
    Verdicts on [(point or None, old rounds, new rounds)], which all have as many rounds.
    With so many @families, each may err as seldom as makes CHANCE together.
    """
    ways = stats.exchanges(len(members[0][1]), len(members[0][2]))
    chances = stats.adjusted([(old, new) for _, old, new in members], ways)
    for (point, old, new), chance in zip(members, chances):
        low, middle, high = map(math.expm1, stats.interval(stats.shifts(old, new, ways), ALPHA))
        found = Verdict(point, SAME, "", (len(old), len(new)), math.exp(median(old)),
                        math.exp(median(new)), middle, low, high, min(1, chance * families))
        judge_change(found, threshold, worse_is_less)
        yield found


def together(judged):
    """All points as one, over the rounds that all of them have."""
    olds, news = (min(len(member[i]) for member in judged) for i in (1, 2))
    return None, *stats.mean_of_rounds([(old[:olds], new[:news]) for _, old, new in judged])


def unjudged(point, old, new, reason):
    """What there is to say of a point of which nothing can be told."""
    middles = [math.exp(median(values)) if values else None for values in (old, new)]
    return Verdict(point, UNKNOWN, reason, (len(old), len(new)), *middles)


def judge(pairs, metric, threshold):
    """([Verdict of each pair], Verdict of all together or None where none was judged)."""
    found, judged, families = {}, [], {}
    telling = [name for name in ("host", "target")
               if len({getattr(new, name) for _, new in pairs}) > 1]
    for old, new in pairs:
        member = (new, rounds(old, metric), rounds(new, metric))
        reason = too_few(len(member[1]), len(member[2]))
        if reason:
            found[id(new)] = unjudged(*member, reason)
        else:
            judged.append(member)
    for member in judged + ([together(judged)] if judged else []):
        families.setdefault((len(member[1]), len(member[2])), []).append(member)
    for members in families.values():
        for one in judge_family(members, threshold, metric in MORE_IS_BETTER, len(families)):
            found[id(one.point)] = one
    for old, new in pairs:
        wrong = faults(old, new)
        if wrong:
            found[id(new)].verdict, found[id(new)].reason = WORSE, "; ".join(wrong)
        found[id(new)].where = ", ".join(getattr(new, name) for name in telling)
    return [found[id(new)] for _, new in pairs], found.get(id(None))


def overall(verdicts, whole):
    """The verdict on it all: any point that got worse; else all together, if most were judged."""
    count = Counter(v.verdict for v in verdicts)
    judged = sum(v.change is not None for v in verdicts)
    if count[WORSE] or whole and whole.verdict == WORSE:
        return WORSE
    if not whole or 2 * judged < len(verdicts):
        return UNKNOWN
    return whole.verdict
