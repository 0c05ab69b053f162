# SPDX-License-Identifier: GPL-2.0-only
"""Where programs read and write: places that may not be one, or one inside the other."""
import os
import shutil
import tempfile
from pathlib import Path

from shared.command import Refusal


class Refused(Refusal):
    """Which place can't be used, and why, in one line."""


def is_results(folder):
    """Does a folder hold a sweep's results?"""
    return (folder / "plan.json").is_file() and any(
        (folder / name).exists() for name in ("state.jsonl", "points.csv"))


def refuse_in_results(said, path, but=()):
    """
    Nothing is put into the results of a sweep: @path, which the command line @said, is not among
    them, unless it is itself one of @but.
    """
    real = Path(path).resolve()
    allowed = {Path(one).resolve() for one in but}
    for folder in (real, *real.parents):
        if is_results(folder) and not (folder == real and real in allowed):
            raise Refused(f"{said} is in the results of a sweep, {folder}: name a place outside of it")


def refuse_images(word, out):
    """The folder for images, @word, is apart from results: these in @out, and any others."""
    said = f"the folder for images, {word},"
    refuse_in_results(said, word)
    if Path(word).resolve() == Path(out).resolve():
        raise Refused(f"--out and {said} are the same place: name two")


def refuse_nested(places):
    """@places is [(what the command line said, path)]: none of them may be in another, or be it."""
    real = [(said, Path(path).resolve()) for said, path in places if path]
    for at, (said, path) in enumerate(real):
        for other, there in real[:at]:
            if path == there:
                raise Refused(f"{other} and {said} are the same place: name two")
            for (inner, inside), (outer, around) in (((said, path), (other, there)),
                                                     ((other, there), (said, path))):
                if inside.is_relative_to(around):
                    raise Refused(f"{inner} lies inside {outer}: name places apart from each other")


def refuse_no_folder(said, path):
    """What is there already, or leads to it, has to be a folder."""
    for one in (path, *path.parents):
        if one.exists():
            if not one.is_dir():
                raise Refused(f"{said}: {one} is no folder: name another")
            return


def refuse_read_only(said, path):
    """Can a folder be made, or written to, where it is to be in the end?"""
    refuse_no_folder(said, path)
    there = next(one for one in (path, *path.parents) if one.is_dir())
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".nvmepi.", dir=there))
    except OSError as error:
        raise Refused(f"{said}: nothing can be written to {there} ({error.strerror}): name another "
                      "folder") from None


def need(*programs):
    """Programs that have to be there before anything begins."""
    for program in programs:
        if not shutil.which(program):
            raise Refused(f"{program} is not installed, or not on PATH: run scripts/install-deps")
