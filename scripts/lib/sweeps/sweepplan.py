# SPDX-License-Identifier: GPL-2.0-only
"""Plans of a sweep: reads files of key=values and checks them."""
import difflib
import itertools
import re
from pathlib import Path

from shared import formats
from shared import textlines
from shared.command import Refusal
from shared.points import CHECKS, MODES, RW, Point, Workload

LONGEST = 366 * 24 * 3600       # seconds
SHORTEST = 0.001
MOST_IN_FLIGHT = 65536          # commands in a queue: an NVMe queue has no more entries
MOST_JOBS = 4096                # jobs that fio can run
MOST_METADATA = 65535           # bytes per block that the engine's option accepts
MOST_BYTES = 1 << 50
MOST_RUNS = 10**6               # runs in a sweep: each is a row of points.csv
PLANS = Path(__file__).resolve().parents[2] / "plans"


class Refused(Refusal):
    """What is wrong with a plan."""


def nearest(word, known):
    """Returns advice for an unknown word: the most similar known word, or all known words."""
    known = [str(k) for k in known]
    close = difflib.get_close_matches(word.lower(), [k.lower() for k in known], 1, 0.4)
    return f"did you mean '{close[0]}'?" if close else f"there are {', '.join(known)}"


# --- values ---

def one_of(known, what):
    """Returns a reader of a word that must be in @known, which is a list or a dict to the value."""
    def read(word):
        if word not in known:
            raise Refused(f"'{word}' is not a valid {what}: {nearest(word, known)}")
        return known[word] if isinstance(known, dict) else word
    return read


def number(what, least=0, most=10**9):
    """Returns a reader of an integer; the range has to fit into fio's options and the results."""
    def read(word):
        if not re.fullmatch(r"[0-9]{1,30}", word) or not least <= int(word) <= most:
            raise Refused(f"'{word[:40]}' is not a valid {what}: give a number from {least} to "
                          f"{most}")
        return int(word)
    return read


def size(word):
    """Returns a size in bytes; the suffixes k, m and g are powers of 1024."""
    match = re.fullmatch(r"([1-9][0-9]{0,30})([kmg]?)", word.lower())
    if not match:
        raise Refused(f"'{word[:40]}' is not a size: give for example 4096, 4k or 64M")
    found = int(match[1]) << 10 * " kmg".index(match[2] or " ")
    if found > MOST_BYTES:
        raise Refused(f"'{word[:40]}' is too large: give at most {MOST_BYTES} bytes")
    return found


def seconds(word, least=0):
    """Returns a time in seconds, at least @least."""
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)(ms|s|m|)", word)
    if not match:
        raise Refused(f"'{word}' is not a time: give for example 50ms, 2s or 1m")
    found = float(match[1]) * {"ms": 0.001, "s": 1, "": 1, "m": 60}[match[2]]
    if found > LONGEST:
        raise Refused(f"'{word[:40]}' is too long: give at most {LONGEST} s, which is a year")
    if found < least:
        raise Refused(f"'{word}' is too short to measure anything: give at least "
                      f"{round(least * 1000)} ms")
    return found


def run_time(word):
    """Returns the time of a run; fio's resolution is a millisecond."""
    return seconds(word, SHORTEST)


def mode(word):
    """
    Returns (mode, checks or '') of 'device', or of 'device:guard+reftag', which limits the checks.
    """
    name, _, checks = word.partition(":")
    one_of(MODES, "mode")(name)
    for check in checks.split("+") if checks else ():
        one_of(CHECKS, "check")(check)
    if checks and name in ("none", "unchecked"):
        raise Refused(f"mode '{name}' checks nothing: leave out ':{checks}'")
    if checks and name == "kernel":
        raise Refused(f"mode 'kernel' has the checks of the kernel: leave out ':{checks}'")
    if name == "kernel-user" and "sttag" in checks.split("+"):
        raise Refused("mode 'kernel-user' has no storage tags: leave out 'sttag'")
    return name, checks


def workload(word):
    """
    Returns (rw, rwmixread or None) of 'randread', or of a mix with its share of reads, 'randrw:70'.
    """
    name, _, mix = word.partition(":")
    one_of(RW, "workload")(name)
    if name not in ("rw", "randrw"):
        if mix:
            raise Refused(f"'{word}': only rw and randrw have a share of reads")
        return name, None
    share = number("share of reads in per cent")(mix or "50")
    if not 0 < share < 100:
        raise Refused(f"'{word}': the share of reads of a mix is from 1 to 99")
    return name, share


def storage_tag(word):
    """
    Returns the bits of the storage tag, or None for the smallest size that the guard format allows.
    """
    return None if word == "least" else number("storage tag size in bits")(word)


# Each combination of these is a point: name to (reader of one value, default values).
DIMENSIONS = {
    "data_size": (size, "4096"),
    "ms": (number("metadata size", 0, MOST_METADATA), "8"),
    "guard": (one_of(formats.PIF, "guard"), "16b"),
    "type": (one_of({"1": 1, "2": 2, "3": 3}, "type of protection"), "1"),
    "placement": (one_of({"last": 0, "first": 1}, "placement"), "last"),
    "transfer": (one_of({"separate": 0, "extended": 1}, "transfer"), "separate"),
    "sts": (storage_tag, "least"),
    "mode": (mode, "pract,unchecked,device,host,both"),
    "rw": (workload, "randread,randwrite"),
    "bs": (size, "4k"),
    "iodepth": (number("queue depth", 1, MOST_IN_FLIGHT), "32"),
    "jobs": (number("number of jobs", 1, MOST_JOBS), "1"),
}
# Settings of the whole plan: name to (reader, default value).
SETTINGS = {
    "repeats": (number("number of repeats", 1), "5"),
    "base_repeats": (number("number of repeats"), "0"),
    "runtime": (run_time, "1s"),
    "ramp": (seconds, "0"),
    "size": (size, "64M"),
    "seed": (number("seed"), "1"),
    "batch": (number("number of runs", 1), "1"),
    "overlap": (number("number of fios", 1), "1"),
}


def read_values(key, text):
    """Returns the value, or the list of values, of a key."""
    if key in SETTINGS:
        return SETTINGS[key][0](text.strip())
    if key not in DIMENSIONS:
        raise Refused(f"there is no key '{key}': {nearest(key, [*DIMENSIONS, *SETTINGS])}")
    words = [word.strip() for word in text.split(",")]
    return list(dict.fromkeys(DIMENSIONS[key][0](word) for word in words))


# --- files ---

class Plan:
    """A plan: its name, its settings, and the dimensions of each section."""

    def __init__(self, name):
        self.name = name
        self.settings = {key: read(text) for key, (read, text) in SETTINGS.items()}
        self.common, self.sections = {}, []

    def set(self, key, text, section=None):
        """Sets a key from key=values, for one section or for all."""
        values = read_values(key, text)
        if key in SETTINGS:
            if section is not None:
                raise Refused(f"'{key}' applies to the whole plan: put it above the first section")
            self.settings[key] = values
        else:
            (self.common if section is None else section)[key] = values

    def override(self, key, text):
        """Sets a key from the command line, which takes precedence over all sections."""
        self.set(key, text)
        for section in self.sections:
            section.pop(key, None)

    def products(self):
        """Yields the dimensions of each section, completed by the defaults."""
        for section in self.sections or [{}]:
            default = {key: read_values(key, text) for key, (_, text) in DIMENSIONS.items()
                       if key not in self.common and key not in section}
            yield default | self.common | section



def find(name):
    """Returns the file of a plan: @name is the name of an installed plan or a path."""
    known = sorted(path.stem for path in PLANS.glob("*.plan"))
    if name in known:
        return PLANS / f"{name}.plan"
    if "/" in name or Path(name).exists():
        return Path(name)
    raise Refused(f"there is no plan '{name}': {nearest(name, known)} (or give a file)")


def load(name):
    """Returns the plan of that name."""
    path = find(name)
    plan, section = Plan(path.stem), None
    for at, text in textlines.read(path, Refused, comment=r"(^|\s)[#;].*"):
        try:
            if re.fullmatch(r"\[.*\]", text):
                section = {}
                plan.sections.append(section)
            else:
                key, equals, values = (part.strip() for part in text.partition("="))
                if not equals:
                    raise Refused(f"'{text}' is not key=values")
                plan.set(key, values, section)
        except Refused as error:
            raise Refused(f"{path.name}:{at}: {error}") from None
    return plan


# --- points ---

def formats_of(product):
    """
    Yields the valid formats of a section's dimensions. The default size of the storage tag depends
    on the guard.
    """
    for lbs, ms, mset, pi, pil, pif, sts in itertools.product(*(
            product[key] for key in ("data_size", "ms", "transfer", "type", "placement", "guard",
                                     "sts"))):
        least, most = formats.STORAGE_TAGS[pif]
        fmt = formats.Format(lbs, ms, mset, pi, pil, pif, least if sts is None else sts)
        if ms >= formats.TUPLE_SIZE[pif] and least <= fmt.sts <= most:
            yield fmt


def workloads_of(product):
    """Yields the workloads of a section's dimensions."""
    for (rw, mix), bs, depth, jobs in itertools.product(*(
            product[key] for key in ("rw", "bs", "iodepth", "jobs"))):
        yield Workload(rw, mix, bs, depth, jobs)


def wanted(plan, only=""):
    """
    Returns (format, mode, checks, workload) of everything that a plan asks for, without duplicates.
    """
    points = {}
    for product in plan.products():
        chosen = [fmt for fmt in formats_of(product)
                  if all(word in fmt.name() for word in only.split())]
        for fmt, (name, checks), load_ in itertools.product(
                chosen, product["mode"], list(workloads_of(product))):
            if load_.bs % fmt.lbs == 0:
                points[fmt, name, checks, load_] = None
    if not points:
        raise Refused(why_none(plan, only))
    return list(points)


def why_none(plan, only):
    """Returns the reason why a plan has no point at all."""
    products = list(plan.products())
    found = [fmt for product in products for fmt in formats_of(product)]
    if found and not any(all(word in fmt.name() for word in only.split()) for fmt in found):
        return f"--only='{only}': no format of plan '{plan.name}' has all of these words"
    said = f"plan '{plan.name}' has no valid point: "
    if found:
        return said + "bs is not a multiple of data_size"
    if any(ms >= formats.TUPLE_SIZE[pif] for product in products
           for ms, pif in itertools.product(product["ms"], product["guard"])):
        guards = {pif for product in products for pif in product["guard"]}
        return said + "sts has to be " + ", ".join(
            f"{'{} to {}'.format(*formats.STORAGE_TAGS[pif])} for {formats.GUARDS[pif]}"
            for pif in sorted(guards))
    return said + "ms is too small for the tuple"


def points_for(target, wishes, why_not=lambda *_: ""):
    """
    Returns the Points of a plan's @wishes on a target, including their baselines. Formats that the
    target does not support are left out, and so are modes if @why_not(target, format, mode) has a
    reason.
    """
    found = {}
    for wish, checks_mode, checks, load_ in wishes:
        fmt = target.format_for(wish)
        if fmt is None or load_.bs % fmt.lbs:
            continue
        base = base_line(target, fmt, load_)
        found.setdefault(base.id, base)
        if checks_mode != "none" and fmt.pi and not why_not(target, fmt, checks_mode):
            point = Point(target.tag, fmt, checks_mode, checks, load_, base.id)
            found.setdefault(point.id, point)
    return list(found.values())


def skipped(chosen, wishes, why_not):
    """Returns a line for each reason why modes are not measured in formats of the @chosen targets."""
    found = {}
    for target in chosen:
        for wish, mode_, *_ in wishes:
            fmt = target.format_for(wish)
            why = why_not(target, fmt, mode_) if fmt and fmt.pi else ""
            if why:
                found.setdefault((target.name, mode_, why), set()).add(fmt)
    return [f"{name}: mode {mode_} is not measured in {len(formats_)} "
            f"format{'s' * (len(formats_) > 1)}: {why}" for (name, mode_, why), formats_ in found.items()]


def check_size(plan, points):
    """
    Raises Refused if 'size' is not a whole number of blocks of every format, or less than one I/O.
    """
    size = plan.settings["size"]
    for point in points:
        if size % point.fmt.lbs or size < point.load.bs:
            raise Refused(f"size={size} is not a multiple of the block size {point.fmt.lbs}, or less "
                          f"than one I/O of {point.load.bs} bytes: give another --set=size")
    refuse_endless(len(points), plan.settings)


def refuse_endless(points, settings):
    """Refuses a sweep with more runs than the tables of results have room for."""
    runs = points * max(settings["repeats"], settings["base_repeats"])
    if runs > MOST_RUNS:
        raise Refused(f"{points} points with their repeats need {runs} runs, but at most {MOST_RUNS} "
                      "are allowed: leave out points, or give fewer repeats")


def base_line(target, fmt, load_):
    """
    Returns the baseline of a format: without protection if the target supports that, else with
    PRACT=1.
    """
    plain = target.base_format(fmt)
    if plain is not None:
        return Point(target.tag, plain, "none", "", load_, "")
    return Point(target.tag, fmt, "pract", "", load_, "")
