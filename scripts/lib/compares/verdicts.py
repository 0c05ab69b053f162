# SPDX-License-Identifier: GPL-2.0-only
"""Compares two results folders point by point: better, worse, same, or unknown."""
import math
from dataclasses import dataclass
from statistics import median

from compares import elsewhere
from compares import stats
from reports.readings import Unusable

ALPHA = 0.05        # 1 - confidence of each interval
CHANCE = 0.01       # 1 of 100 comparisons has a verdict by chance, however many points it has
MAYBE = 0.05        # a change with a smaller p value makes the overall verdict unknown
CHECKED_LESS = 0.01 # of all blocks read: if this many more are not checked, the point is worse
BLOCKS = ("blocks_generated", "blocks_checked", "blocks_read", "blocks_escaped", "blocks_not_checked")
MORE_IS_BETTER = ("iops", "bw_bytes")
METRICS = (*MORE_IS_BETTER, "lat_mean_ns", "lat_p50_ns", "lat_p90_ns", "lat_p99_ns", "lat_p999_ns",
           "cpu_ns_per_io", "generate_ns_per_block", "check_ns_per_block")
WORSE, BETTER, SAME, UNKNOWN = "worse", "better", "same", "unknown"
FEW_REPEATS = "too few repeats"
OTHER_BOOTS = "a baseline of another boot, which may be faster or slower by chance"
SEVERAL_BOOTS = "a baseline of several boots, each of which may be faster or slower by chance"
BOOTS_APART = OTHER_BOOTS, SEVERAL_BOOTS
ORDER = (WORSE, UNKNOWN, BETTER, SAME)


@dataclass
class Verdict:
    """
    The verdict on a point. Changes are NEW relative to OLD: 0.1 is +10 %. Values are None if
    unknown.
    """

    point: object               # the point of NEW; None: all points together
    verdict: str
    reason: str = ""
    repeats: tuple = (0, 0)
    old: float = None
    new: float = None
    change: float = None
    low: float = None
    high: float = None
    chance: float = None        # probability that chance shows one such among all points
    where: str = ""             # host and target, if there are several
    away: str = ""              # a baseline of another host or boot: which of the two
    marks: tuple = ()           # reasons why the verdict cannot be 'same', whatever the numbers are

    def reach(self):
        """Returns the largest change within the interval, or None."""
        return None if self.low is None else max(abs(self.low), abs(self.high))


# --- which points are equal ---

def slots(folder, other):
    """
    Returns by what hosts and targets are told apart: by their names, except that a single host or
    target in both folders may have another name now.
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
    """Returns {key that identifies a point in both folders: the point}."""
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
    """Returns (pairs of equal points, points that only OLD has, points that only NEW has)."""
    alone = slots(old, new)
    olds, news = keyed(old, alone), keyed(new, alone)
    pairs = [(olds[key], news[key]) for key in olds if key in news]
    if not pairs:
        kinds = (" and ".join(sorted({p.target_kind for p in one.points})) for one in (old, new))
        raise Unusable("nothing to compare: no point of {} (target: {}) is in {} (target: {})"
                       .format(old.path, next(kinds), new.path, next(kinds)))
    return (pairs, [p for key, p in olds.items() if key not in news],
            [p for key, p in news.items() if key not in olds])


# --- what is wrong, whatever the numbers are ---

def clearly_more(before, out_of, after, now_of):
    """Returns whether the rate @after / @now_of is more than twice @before / @out_of."""
    return bool(after) and after * max(out_of, 1) > 2 * before * max(now_of, 1)


def faults(old, new):
    """Returns what goes wrong in NEW and did not in OLD."""
    wrong = []
    for column, name in (("pi_errors", "PI errors"), ("io_errors", "I/O errors")):
        before, after = old.total(column), new.total(column)
        # If OLD had errors, too, only a clearly higher rate per I/O counts.
        if clearly_more(before, old.total("ios"), after, new.total("ios")):
            wrong.append(f"{after} {name}" + (f", {before} before" if before else ""))
    failed, before = len(new.failed()), len(old.failed())
    if failed * len(old.runs) > before * len(new.runs):
        wrong.append(f"{failed} of {len(new.runs)} runs have no result"
                     + (f", {before} of {len(old.runs)} before" if before else ""))
    was, now = old.escaped(), new.escaped()
    if was and now and clearly_more(*was, *now):
        wrong.append(f"{now[0]} of {now[1]} blocks escaped the checks, {was[0]} of {was[1]} before")
    wrong += lost_checks(old, new)
    was, now = old.ended_badly(), new.ended_badly()
    if not wrong and clearly_more(was, len(old.runs), now, len(new.runs)):
        wrong.append(f"fio ended with an error in {now} of {len(new.runs)} runs, in {was} of "
                     f"{len(old.runs)} before")
    return wrong


def lost_checks(old, new):
    """
    Returns a line if the host checked blocks in OLD and checks clearly fewer in NEW: a run without
    checks is fast.
    """
    checked, now = old.total("blocks_checked"), new.total("blocks_checked")
    if not checked:
        return []
    if not now and new.tells("blocks_checked"):
        return [f"no block was checked, {checked} before"]
    if not new.tells("blocks_not_checked") or not new.tells("blocks_read"):
        return []
    shares = [(point.total("blocks_not_checked"), point.total("blocks_read")) for point in (old, new)]
    (was, of_old), (now, of_new) = shares
    more = now / max(of_new, 1) - was / max(of_old, 1)
    if more > CHECKED_LESS or clearly_more(was, of_old, now, of_new):
        return [f"{now} of {of_new} blocks were not checked, {was} of {of_old} before"]
    return []


def marks(old, new):
    """
    Returns the reasons why a point was not measured as planned, so that it cannot be called the
    same.
    """
    found = []
    for point, which in ((old, "OLD"), (new, "NEW")):
        for number, what in ((len(point.failed()), "without a result"), (point.missing(), "missing"),
                             (len(point.cut_short()), "cut short"),
                             (len(point.fio_failed()), "left out, as fio ended with an error")):
            if number:
                found.append(f"{number} of {max(point.planned, len(point.runs))} runs of {which} "
                             f"{'is' if number == 1 else 'are'} {what}")
        escaped = point.escaped()
        if escaped and escaped[0]:
            found.append(f"{escaped[0]} of {escaped[1]} blocks escaped the checks in {which}")
    untold = [column for column in BLOCKS if old.tells(column)
              and new.untold(column) * len(old.runs) > old.untold(column) * len(new.runs)]
    if untold:
        found.append(f"NEW does not report {untold[0]} of {new.untold(untold[0])} of its "
                     f"{len(new.runs)} "
                     "runs, but OLD does")
    was, now = old.ended_badly(), new.ended_badly()
    if now * len(old.runs) > was * len(new.runs):
        found.append(f"fio ended with an error in {now} of {len(new.runs)} runs of NEW, in {was} of "
                     f"{len(old.runs)} of OLD")
    if old.parts != new.parts:
        found.append(f"the totals are of different hosts: {len(old.parts)} in OLD, "
                     f"{len(new.parts)} in NEW")
    return found


# --- numbers ---

def several_boots(pairs):
    """
    Returns whether points were measured in more than one boot. In the guest each folder has its own
    boots, and the speed of a boot is random, so points are compared with baselines of their own
    boot.
    """
    olds, news = ({(p.host, boot) for p in side for boot in p.boots()} for side in zip(*pairs))
    several = any(len(side) > len({host for host, _ in side}) for side in (olds, news))
    return several or any(new.target_kind == "guest" for _, new in pairs) and olds != news


def rounds(point, metric, beside=False):
    """
    Returns the logarithm of a value of each round, in order. With @beside the values are divided by
    the baseline's in the same boot and round, or in the same boot if that round has none.
    """
    values = point.by_round(metric)
    if beside:
        others = point.base_point.by_round(metric) if point.base_point else {}
        usual = {boot: median(value for (there, _), value in others.items() if there == boot)
                 for boot, _ in others}
        values = {place: value / other for place, value in values.items()
                  if (other := others.get(place) or usual.get(place[0]))}
    values = [value for _, value in sorted(values.items())]
    return [math.log(v) for v in values] if all(v > 0 for v in values) else []


def least_chance(olds, news):
    """Returns the smallest p value that exchanging these numbers of rounds can give."""
    if not olds or not news:
        return 1
    return max(2 / math.comb(olds + news, olds), 1 / stats.MOST)


def parts_of_chance(sizes):
    """
    Points with different numbers of rounds form families, {(old, new rounds): number of points}.
    Returns {family: its part of CHANCE}. Each part is at least the smallest p value of the family;
    the families with most points come first. A family for which nothing is left has too few rounds
    and is not returned.
    """
    granted, left = {}, CHANCE
    for size in sorted(sizes, key=lambda one: (-sizes[one], one)):
        least = least_chance(*size)
        if least <= left:
            granted[size] = least
            left -= least
    points = sum(sizes[size] for size in granted)
    return {size: least + left * sizes[size] / points for size, least in granted.items()}


def repeats_needed(families=1):
    """
    Returns the number of repeats in both runs that is enough if the points form @families families.
    """
    return next(n for n in range(2, 99) if least_chance(n, n) <= CHANCE / families)


def repeats_to_tell(found, threshold):
    """
    Returns text with the approximate number of repeats that would make the interval narrow enough,
    or ''.
    """
    wanted, middle = math.log1p(threshold), abs(math.log1p(found.change))
    half = (math.log1p(found.high) - math.log1p(found.low)) / 2
    number = math.ceil(min(found.repeats) * (half / max(abs(wanted - middle), wanted / 4)) ** 2)
    number = max(number, min(found.repeats) + 1)
    return f"; about {number} repeats would be enough" if number < 1000 else ""


def judge_change(found, threshold, worse_is_less):
    """Sets the verdict from the interval."""
    down, up = found.high < -threshold, found.low > threshold
    if (down or up) and found.chance <= CHANCE:
        found.verdict = WORSE if down == worse_is_less else BETTER
    elif down or up:
        found.verdict = UNKNOWN
        found.reason = ("beyond the threshold, but among so many points one can be so by chance: "
                        "repeat it")
    elif found.reach() > threshold:
        found.verdict = UNKNOWN
        found.reason = (f"its repeats differ too much: it may have changed by {100 * found.reach():.3g}"
                        f" %{repeats_to_tell(found, threshold)}")
    else:
        found.verdict = SAME


def judge_family(members, threshold, worse_is_less, part):
    """
    Yields the verdicts on [(point or None, old rounds, new rounds)] that all have the same numbers
    of rounds. Together they may be wrong with probability @part.
    """
    ways = stats.exchanges(len(members[0][1]), len(members[0][2]))
    chances = stats.adjusted([(old, new) for _, old, new in members], ways)
    for (point, old, new), chance in zip(members, chances):
        low, middle, high = map(math.expm1, stats.interval(stats.shifts(old, new, ways), ALPHA))
        found = Verdict(point, SAME, "", (len(old), len(new)), math.exp(median(old)),
                        math.exp(median(new)), middle, low, high, min(1, chance * CHANCE / part))
        judge_change(found, threshold, worse_is_less)
        yield found


def unjudged(point, old, new, reason):
    """Returns the verdict on a point whose change cannot be determined."""
    middles = [math.exp(median(values)) if values else None for values in (old, new)]
    return Verdict(point, UNKNOWN, reason, (len(old), len(new)), *middles)


def families_of(members):
    """Returns {(old, new rounds): members}."""
    found = {}
    for member in members:
        found.setdefault((len(member[1]), len(member[2])), []).append(member)
    return found


def judge_numbers(members, threshold, worse_is_less):
    """Returns {id(point): Verdict}; id(None) is all points of the largest family together."""
    families, found = families_of(members), {}
    parts = parts_of_chance({size: len(same) for size, same in families.items() if all(size)})
    few = f"{FEW_REPEATS}: {repeats_needed(len(parts) + (not parts))} repeats in OLD and in NEW are enough"
    for size, same in families.items():
        if size not in parts:
            reason = few if all(size) else "the metric has no values"
            found |= {id(member[0]): unjudged(*member, reason) for member in same}
    for size in sorted(parts, key=lambda one: -len(families[one])):
        same = families[size]
        if None not in (one.point for one in found.values()):
            same = same + [(None, *stats.mean_of_rounds([(old, new) for _, old, new in same]))]
        for one in judge_family(same, threshold, worse_is_less, parts[size]):
            found[id(one.point)] = one
    return found


def judge(pairs, metric, threshold):
    """Returns ([Verdict of each pair], Verdict on all together or None if none has one)."""
    telling = [name for name in ("host", "target")
               if len({getattr(new, name) for _, new in pairs}) > 1]
    beside, members, found = several_boots(pairs), [], {}
    for old, new in pairs:
        member = (new, rounds(old, metric), rounds(new, metric))
        if old.parts != new.parts:
            found[id(new)] = unjudged(*member, "")
        elif beside and not new.base:
            found[id(new)] = unjudged(*member, SEVERAL_BOOTS if old.boots() == new.boots() else OTHER_BOOTS)
        elif beside:
            members.append((new, rounds(old, metric, True), rounds(new, metric, True)))
        else:
            members.append(member)
    found |= judge_numbers(members, threshold, metric in MORE_IS_BETTER)
    for old, new in pairs:
        one, wrong, one_marks = found[id(new)], faults(old, new), marks(old, new)
        one.away = "" if new.base else elsewhere.base_line(old, new)
        if wrong:
            one.verdict, one.reason = WORSE, "; ".join(wrong)
        elif one_marks and one.verdict != WORSE:
            one.verdict = UNKNOWN
            one.reason = "; ".join([*one_marks, *([one.reason] if one.reason else [])])
        elif one.verdict == SAME:
            one.reason = one.away
        one.marks = tuple(one_marks)
        one.where = ", ".join(getattr(new, name) for name in telling)
    return [found[id(new)] for _, new in pairs], found.get(id(None))


def maybe_changed(found, threshold):
    """
    Returns whether the change is beyond the threshold and unlikely by chance, although its interval
    is not beyond the threshold.
    """
    return found.verdict == UNKNOWN and found.change is not None and \
        abs(found.change) > threshold and found.chance <= MAYBE


def doubts(verdicts, whole, threshold, only_old):
    """Returns the reasons why there is no overall verdict; [] if there is one."""
    lines = []
    for number, text in (
            (len(only_old), "of OLD are not in NEW"),
            (sum(bool(v.marks) for v in verdicts), "were not measured as planned"),
            (sum(v.reason in BOOTS_APART and v.point.target_kind != "guest" for v in verdicts),
             "are baselines of several boots of a host, which never have a verdict: sweep within one boot"),
            (sum(bool(v.away) and v.reason not in BOOTS_APART and v.verdict != SAME for v in verdicts),
             "are baselines of another host or boot and not the same: the machine may have changed"),
            (sum(maybe_changed(v, threshold) for v in verdicts), "may have changed: repeat them")):
        if number:
            lines.append(f"{number} points {text}")
    judged = sum(v.change is not None for v in verdicts)
    if not whole or 2 * judged < len(verdicts):
        lines.append(f"{len(verdicts) - judged} points have no verdict")
    return lines


def overall(verdicts, whole, threshold, only_old=()):
    """
    Returns (the overall verdict, the reasons why it is unknown). It is worse if any point is;
    unknown if something was not measured as planned; otherwise it is the verdict on all points
    together.
    """
    if whole and whole.verdict == WORSE or any(v.verdict == WORSE for v in verdicts):
        return WORSE, []
    found = doubts(verdicts, whole, threshold, only_old)
    return (UNKNOWN, found) if found else (whole.verdict, [])
