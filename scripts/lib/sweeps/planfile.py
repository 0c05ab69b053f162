# SPDX-License-Identifier: GPL-2.0-only
"""
Validates plan.json and state.jsonl, because a results folder may come from elsewhere. Only known
words and numbers are accepted; file names are made of them.
"""
import math
import re

from sweeps import doors
from sweeps import drive
from shared import identity
from sweeps import sweepplan
from shared.command import Refusal
from shared.points import MODES, Point

ASKED = {"targets": list, "fio": list, "destroy": list, "keep_format": bool, "kernel": str,
         "out": str, "engine": str}
NAME = re.compile(r"[\w+-][\w+.-]*")        # part of a file name
TIMES = "runtime", "ramp"
NUMBERS = "data_size", "ms", "pi_type", "bs", "iodepth", "numjobs", "repeats"


class Refused(Refusal):
    """What is wrong with a plan.json."""


def points(plan):
    """Returns the columns of all points, including those that a target refused."""
    return plan["points"] + plan.get("refused", [])


def whole(number):
    return type(number) is int and number >= 0


def finite(number):
    return type(number) in (int, float) and math.isfinite(number) and number >= 0


def refuse_unless(good, path, what):
    if not good:
        raise Refused(f"{path} is damaged, or not a plan of a sweep: {what}: sweep again into "
                      "another "
                      "folder")


def check(plan, path):
    """Raises Refused for a plan that scripts/sweep cannot have written."""
    refuse_unless(isinstance(plan, dict), path, "it is not an object")
    asked, sizes = plan.get("asked"), plan.get("sizes")
    refuse_unless(isinstance(asked, dict) and isinstance(sizes, dict), path, "'asked' is invalid")
    refuse_unless(all(type(asked.get(key)) is kind for key, kind in ASKED.items())
                  and all(isinstance(word, str) for key in ("targets", "fio", "destroy")
                          for word in asked[key]) and asked["targets"]
                  and all(isinstance(asked.get(key), str | None) for key in
                          ("hosts", "kernel_user_fio")), path, "'asked' is invalid")
    refuse_unless(all(finite(sizes.get(key)) for key in sweepplan.SETTINGS), path, "'sizes' is invalid")
    refuse_unless(all(sizes[key] <= sweepplan.LONGEST for key in TIMES), path, "its times are invalid")
    refuse_unless(all(whole(sizes[key]) for key in sweepplan.SETTINGS if key not in TIMES), path, "'sizes' is invalid")
    refuse_unless(all(isinstance(plan.get(key, []), list)
                      for key in ("points", "refused", "left_out")), path, "it has no points")
    refuse_unless("points" in plan and points(plan), path, "it has no points")
    refuse_unless(isinstance(plan.get("drives", {}), dict), path, "'drives' is invalid")
    try:
        sweepplan.refuse_endless(len(points(plan)), sizes)
    except sweepplan.Refused as error:
        raise Refused(f"{path}: {error}") from None
    for columns in points(plan):
        refuse_unless(isinstance(columns, dict) and point_is_sound(columns), path,
                      "a point is invalid")


def point_is_sound(columns):
    """Returns whether all words of a point are known and its id follows from them."""
    try:
        point = Point.from_columns(columns)
        known = all(whole(columns[key]) for key in NUMBERS) and point.mode in MODES and \
            point.load.rw in sweepplan.RW and \
            (point.load.mix is None or whole(point.load.mix)) and \
            whole(point.fmt.sts) and \
            all(word in sweepplan.CHECKS for word in point.checks.split("+") if point.checks) and \
            NAME.fullmatch(point.id) and (not point.base or NAME.fullmatch(point.base))
        return bool(known) and all(columns[key] == value for key, value in point.columns().items())
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def run_record(record):
    """Returns a record of a run; raises ValueError if it is invalid."""
    if not NAME.fullmatch(record["run"]) or not NAME.fullmatch(record["raw"]) or \
            not isinstance(record["id"], str) or \
            not all(whole(record[key]) for key in ("repeat", "order", "status")):
        raise ValueError("no run")
    return record


def token_record(record):
    """Returns the token of a record, which becomes part of file names."""
    if not re.fullmatch(r"[0-9a-f]{16}", record["token"]):
        raise ValueError("no token")
    return record["token"]


def formatted_record(record):
    """
    Returns (Identity, Setting) of a drive that was formatted: which one, and its original setting.
    """
    return identity.Identity.from_json(record["drive"]), setting(record["original"])


def switched_record(record):
    """
    Returns (Identity, path, settings) of a block device whose settings in the kernel a sweep changes.
    """
    settings = record["settings"]
    if not settings or any(name not in doors.SWITCHES or value not in ("0", "1")
                           for name, value in settings.items()):
        raise ValueError("no settings")
    return identity.Identity.from_json(record["drive"]), str(record["switched"]), settings


def setting(words):
    """Returns a stored setting; raises ValueError if it is invalid."""
    return drive.Setting.from_json(words)


def without(plan, left_out):
    """Returns the plan with the points in @left_out moved apart, and a note with the reason."""
    there = [columns for columns in points(plan) if columns["id"] not in left_out]
    gone = [columns for columns in points(plan) if columns["id"] in left_out]
    notes = [f"{count} points are left out: {why}" for why in dict.fromkeys(left_out.values())
             if (count := sum(other == why for other in left_out.values()))]
    kept = [note for note in plan.get("left_out", []) if " points are left out: " not in note]
    return plan | {"points": there, "refused": gone, "left_out": kept + notes}


def refuse_other(there, plan, path):
    """
    Raises Refused unless the folder's plan is the same; points that its drives refused are not
    compared.
    """
    check(there, path / "plan.json")
    gone = {columns["id"] for columns in there.get("refused", [])}
    kept = [columns for columns in plan["points"] if columns["id"] not in gone]
    both = {"points", "refused", "left_out"}
    if kept != there["points"] or any(there.get(key) != plan.get(key)
                                      for key in {*there, *plan} - both):
        raise Refused(f"{path} holds another sweep's results: name another folder, or "
                      "continue that one by --resume")
