# SPDX-License-Identifier: GPL-2.0-only
"""
Checks what jobs of injectjobs.py left: on media by image-check, in pi_log and pi_report, and
in fio's counts. Each check returns complaints.
"""
import collections
import json
import sys
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/lib"), str(TOP / "scripts/lib")]
import guestlab     # noqa: E402
import images       # noqa: E402
from injectjobs import EVERY, LATER, PARTS, TUPLE, Target, compared     # noqa: E402

EILSEQ = 84
NAMES = {"guard": "guard", "application tag": "app", "storage tag": "storage",
         "reference tag": "ref", "metadata": "md", "data": "data"}


# --- what they did ---

class Run(NamedTuple):
    """What a fio left: jobs as fio counts them, lines of pi_log by job and type, pi_report."""

    jobs: dict
    log: dict
    report: dict

    def lines(self, kind, job):
        """Those lines of a job."""
        return self.log.get((kind, job), [])


def read_run(lab, name):
    """What the step of that name left in its folder."""
    folder, = {path.parent for path in lab.folder.glob(f"boot.*/{name}.json")}
    log = collections.defaultdict(list)
    for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        log[entry["type"], entry["job"]].append(entry)
    report = json.loads((folder / f"{name}.report").read_text(encoding="utf-8"))
    jobs = guestlab.fiojob.read_jobs(folder / f"{name}.json")
    return Run({job["jobname"]: job for job in jobs}, log,
               {job["job"]: job for job in report["jobs"]})


def finding(line):
    """A mismatch of pi_log as image-check would tell of it; -1 where values are not known."""
    return images.Finding(line["lba"], NAMES[line["field"]], int(line.get("wanted", "-1"), 16),
                          int(line.get("got", "-1"), 16), line.get("offset", 0))


def differences(got, wanted):
    """What is missing, and what is too much: the first few."""
    got, wanted = collections.Counter(got), collections.Counter(wanted)
    missing, extra = list((wanted - got).elements()), list((got - wanted).elements())
    complaints = [f"{len(missing)} missing, such as {missing[0]}"] if missing else []
    return complaints + ([f"{len(extra)} too much, such as {extra[0]}"] if extra else [])


# --- what it should have been ---

def by_block(lines):
    """Lines about injection by LBA, then by field."""
    blocks = collections.defaultdict(dict)
    for line in lines:
        blocks[line["lba"]][NAMES[line["field"]]] = line
    return blocks


def value(line, key):
    return int(line[key], 16)


def fits(one, damage):
    """Is a finding what the damages to its block, by field, have to show?"""
    line = damage.get(one.field)
    if one.field == "guard" and set(damage) & {"data", "md"}:   # wanted is that of the new data
        return not line or one.got == value(line, "is")
    return line and (one.want, one.got, one.offset) == \
        (value(line, "was"), value(line, "is"), line.get("offset", 0))


def judge_findings(target, found, injected, pract_used=False):
    """Complaints unless findings are those that the lines about injection say."""
    blocks = by_block(injected)
    wanted = {(lba, shown) for lba, damage in blocks.items() for field in damage
              for shown in ({field} if pract_used else target.shown(field))}
    complaints = differences([(one.lba, one.field) for one in found], wanted)
    odd = [one for one in found if one.want == one.got or
           not fits(one, {} if one.lba not in blocks else blocks[one.lba])]
    return complaints + ([f"{odd[0]} does not fit {blocks.get(odd[0].lba)}"] if odd else [])


def judge_number(target, fields, lines, outcome):
    """Complaints unless that many blocks were damaged, all with that outcome."""
    wanted = {(field, outcome): target.region // EVERY for field in fields}
    got = collections.Counter((NAMES[line["field"]], line["outcome"]) for line in lines)
    places = {(line["lba"], line["field"]) for line in lines}
    complaints = [] if dict(got) == wanted else [f"damaged {dict(got)} instead of {wanted}"]
    complaints += ["a field of a block is damaged twice"] if len(places) < len(lines) else []
    return complaints + judge_places(target, lines)


def judge_places(target, lines):
    """Complaints unless each line's index in its I/O goes with its LBA."""
    if not target.shape.bs:
        return []
    odd = [line for line in lines if line["index"] != line["lba"] % target.io_blocks]
    return [f"index of {odd[0]}"] if odd else []


def bad_ios(target, lbas):
    """How many I/Os have blocks with these LBAs; None if that can't be told."""
    return len({lba // target.io_blocks for lba in lbas}) if target.shape.bs else None


def judge_fio(job, errors):
    """Complaints unless fio went on to the end and counted so many errors."""
    got = guestlab.fiojob.errors(job)
    return [] if errors in (None, got) else [f"fio counts {got} errors instead of {errors}"]


def judge_report(run, job, lines):
    """Complaints unless pi_report counts what is in the log."""
    entry = run.report.get(job)
    if not entry:
        return ["not in pi_report"]
    counts = entry["mismatches"]
    fields = collections.Counter(line["field"] for line in lines)
    wrong = [key for key, number in counts["by_field"].items() if number != fields[key]]
    if wrong or counts["total"] != len(lines) or \
            counts["injected"] != sum(line["injected"] for line in lines):
        return [f"pi_report counts {counts}, the log {dict(fields)}"]
    damaged = collections.Counter(line["outcome"] for line in run.lines("injected", job))
    told = entry["injected"]
    right = {"damaged": damaged.total(), "rejected": damaged["rejected"],
             "accepted": damaged["accepted"], "unexpected": damaged["wrong"], "not_damaged": 0}
    return [] if told == right else [f"pi_report counts {told} injected, the log {right}"]


def sides(target, found):
    """Who finds what: the device the first wrong field of a tuple, the host the rest."""
    first = {}
    for one in found:
        if one.field in TUPLE:
            order = TUPLE.index(one.field)
            first[one.lba] = min(first.get(one.lba, order), order)
    return [(one, "device" if one.field in TUPLE and TUPLE.index(one.field) == first[one.lba]
             else "host") for one in found]


def judge_read(target, run, job, wanted, injected=True):
    """Complaints unless a job reported (finding, side) once each, and that was counted."""
    lines = run.lines("mismatch", job)
    if job not in run.jobs:
        return ["fio reported nothing"]
    complaints = differences([(finding(line), line["by"]) for line in lines], wanted)
    if any(line["injected"] != injected for line in lines):
        complaints.append(f"not all are {'' if injected else 'un'}injected")
    complaints += judge_places(target, lines) + judge_report(run, job, lines)
    return complaints + judge_fio(run.jobs[job], bad_ios(target, {one.lba for one, _ in wanted}))


def judge_quiet(run, *names):
    """Complaints unless jobs ended well and found nothing."""
    complaints = []
    for name in names:
        if name not in run.jobs:
            return [f"{name}: fio reported nothing"]
        if run.lines("mismatch", name):
            complaints.append(f"{name}: {run.lines('mismatch', name)[0]}")
        if guestlab.fiojob.errors(run.jobs[name]):
            complaints.append(f"{name}: {guestlab.fiojob.errors(run.jobs[name])} errors, "
                              f"error {run.jobs[name]['error']}")
        complaints += judge_report(run, name, [])
    return complaints


# --- the parts, one after another; each yields names and complaints ---

class Seen(NamedTuple):
    """All there is to judge a target."""

    target: Target
    run: Run
    image: Path
    others: dict                # the runs of later fios

    def found(self, part):
        """What is wrong on media now."""
        return images.findings(self.target.fmt, self.image, self.target.base(part),
                               self.target.region, self.target.tags)

    def sound(self, part):
        """Complaints unless every block is as it should be."""
        t = self.target
        return images.check(t.fmt, self.image, t.base(part), t.region, t.tags)

    def injected(self, job):
        """Lines about damage by a job."""
        return self.run.lines("injected", job)


def judge_media(s):
    t, found = s.target, s.found("media")
    lines = s.injected("damage")
    yield "damaged", judge_quiet(s.run, "damage") + \
        judge_number(t, t.fields(), lines, "accepted") + judge_findings(t, found, lines)
    yield "host finds it", judge_read(t, s.run, "host", [(one, "host") for one in found])
    yield "both find it", judge_read(t, s.run, "both", sides(t, found))
    first = [(one, side) for one, side in sides(t, found) if side == "device"]
    yield "device finds it", judge_read(t, s.run, "device", first)
    for which in ("knows", "forgot") if s.others else ():
        hosts = [(one, "host") for one in found]
        yield f"a later fio {which}", \
            judge_read(t, s.others[which], "look", hosts, which == "knows")


def judge_reject(s):
    lines = s.injected("rejected")
    yield "rejected", judge_quiet(s.run, "rejected") + s.sound("reject") + \
        judge_number(s.target, s.target.covered(), lines, "rejected")


def judge_damaged_reads(s):
    t, lines = s.target, s.injected("read")
    found = [finding(line) for line in s.run.lines("mismatch", "read")]
    yield "damaged in reads", judge_quiet(s.run, "sound") + s.sound("read") + \
        judge_number(t, t.fields(), lines, "read") + judge_findings(t, found, lines) + \
        judge_read(t, s.run, "read", [(one, "host") for one in found])


def judge_again(s):
    t = s.target
    yield "written over", judge_quiet(s.run, "spoil", "restore", "restored") + s.sound("again") + \
        judge_number(t, t.fields(), s.injected("spoil"), "accepted")


def judge_trim(s):
    t = s.target
    yield "trimmed", judge_quiet(s.run, "soil", "trim", "trimmed") + \
        judge_number(t, t.fields(), s.injected("soil"), "accepted")


def judge_both(s):
    """Which values are found is not told by the log alone; which fields is."""
    t, lines = s.target, s.injected("worse") + s.injected("worst")
    mismatches = s.run.lines("mismatch", "worst")
    found = [finding(line) for line in mismatches]
    wanted = {(line["lba"], shown) for line in lines for shown in t.shown(NAMES[line["field"]])}
    complaints = differences([(one.lba, one.field) for one in found], wanted)
    complaints += judge_findings(t, s.found("both"), s.injected("worse"))
    complaints += [] if all(line["injected"] for line in mismatches) else ["not all are injected"]
    yield "damaged twice", complaints + judge_quiet(s.run, "worse") + \
        judge_report(s.run, "worst", mismatches) + \
        judge_fio(s.run.jobs["worst"], bad_ios(t, {lba for lba, _ in wanted}))


def judge_mixed(s):
    """What is on media in the end is known; on the way, that it was done on purpose is."""
    t, lines = s.target, s.run.lines("mismatch", "mixed")
    found = s.found("mixed")
    odd = [line for line in lines if not line["injected"] or "wanted" not in line]
    complaints = [f"{odd[0]}"] if odd else []
    complaints += [] if lines and found else ["nothing was found"]
    yield "damaged and restored", complaints + judge_quiet(s.run, "fill") + \
        judge_places(t, lines) + judge_report(s.run, "mixed", lines) + \
        judge_read(t, s.run, "settled", [(one, "host") for one in found])


def judge_gone(s):
    lines = s.others["misses"].lines("mismatch", "look")
    wanted = {line["lba"] for line in s.injected("doomed")}
    odd = [line for line in lines if "is gone" not in line.get("status", "") or "wanted" in line]
    yield "a later fio misses it", judge_quiet(s.run, "doomed") + s.sound("gone") + \
        judge_quiet(s.others["rewrote"], "rewrite") + judge_places(s.target, lines) + \
        differences([line["lba"] for line in lines], wanted) + ([f"{odd[0]}"] if odd else []) + \
        judge_report(s.others["misses"], "look", lines)


def judge_compare(s):
    t, found = s.target, {}
    lines = s.injected("compare")
    for line in lines:
        if line["field"] == "data" or line["lba"] not in found:
            found[line["lba"]] = images.Finding(line["lba"], NAMES[line["field"]],
                                                value(line, "was"), value(line, "is"), line["offset"])
    yield "Compare finds it", \
        judge_read(t, s.run, "compare", [(one, "device") for one in found.values()]) + \
        judge_number(t, compared(t), lines, "accepted")


def judge_pract(s):
    t, lines, found = s.target, s.injected("pract"), s.found("pract")
    hosts = [(one, "host") for one in found]
    yield "metadata with PRACT", judge_quiet(s.run, "pract") + \
        judge_number(t, ["md"], lines, "accepted") + judge_findings(t, found, lines, True) + \
        judge_read(t, s.run, "practised", hosts) + judge_read(t, s.run, "stripped", hosts)


def judge_wrong(t, run, job, status):
    """Complaints unless each damaged block is told of as unexpected."""
    lines, told = run.lines("injected", job), run.lines("mismatch", job)
    wanted = [(line["lba"], line["field"], line["was"], line["is"]) for line in lines]
    complaints = judge_number(t, ["guard"], lines, "wrong") + judge_report(run, job, told)
    complaints += differences([(line["lba"], line["field"], line["wanted"], line["got"])
                               for line in told], wanted)
    odd = [line for line in told if status not in line["status"] or not line["injected"]]
    complaints += [f"{odd[0]} does not say '{status}'"] if odd else []
    return complaints + judge_fio(run.jobs[job], bad_ios(t, {line["lba"] for line in lines}))


def judge_expect(s):
    t, run = s.target, s.run
    yield "wanted rejected", judge_wrong(t, run, "wanted-rejected", "accepted")
    yield "wanted accepted", judge_wrong(t, run, "wanted-accepted", "rejected")
    yield "either will do", judge_quiet(run, "any-accepted", "any-rejected") + \
        judge_number(t, ["guard"], s.injected("any-accepted"), "accepted") + \
        judge_number(t, ["guard"], s.injected("any-rejected"), "rejected")
    yield "stops at the first", [] if run.jobs["stopped"]["error"] == EILSEQ else \
        [f"error {run.jobs['stopped']['error']}"]


JUDGES = {"media": judge_media, "reject": judge_reject, "read": judge_damaged_reads,
          "again": judge_again, "trim": judge_trim, "both": judge_both, "mixed": judge_mixed,
          "gone": judge_gone, "compare": judge_compare, "pract": judge_pract, "expect": judge_expect}


def judge_target(count, nsid, target, lab, result):
    """A line for everything; how many blocks were damaged."""
    name = target.name(nsid)
    try:
        run = read_run(lab, f"ns{nsid}")
        others = {which: read_run(lab, f"ns{nsid}-{which}")
                  for which in LATER if target.shape.keep}
    except (ValueError, KeyError, OSError) as error:
        count.case(f"{name}: runs", [f"{error!r}: {result.log.strip()[-300:]}"])
        return 0
    seen = Seen(target, run, lab.image(nsid), others)
    for part, judge in JUDGES.items():
        if list(PARTS[part](target)):
            for what, complaints in judge(seen):
                count.case(f"{name}: {what}", complaints)
    return sum(len(lines) for (kind, _), lines in run.log.items() if kind == "injected")
