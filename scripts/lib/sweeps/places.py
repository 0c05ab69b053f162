# SPDX-License-Identifier: GPL-2.0-only
"""
Checks of the paths where programs read and write: some must not be the same or inside another.
"""
import os
import shutil
import tempfile
from pathlib import Path

from shared.command import Refusal


class Refused(Refusal):
    """Which path cannot be used, and why."""


def is_results(folder):
    """Returns whether a folder has results of a sweep."""
    return (folder / "plan.json").is_file() and any(
        (folder / name).exists() for name in ("state.jsonl", "points.csv"))


def refuse_in_results(said, path, but=()):
    """
    Raises Refused if @path, named on the command line as @said, is in a folder with results of a
    sweep. The folders in @but are allowed themselves.
    """
    real = Path(path).resolve()
    allowed = {Path(one).resolve() for one in but}
    for folder in (real, *real.parents):
        if is_results(folder) and not (folder == real and real in allowed):
            raise Refused(f"{said} is inside the results of a sweep, {folder}: name a path "
                          "outside of it")


def refuse_images(word, out):
    """Raises Refused if the folder for images, @word, is @out or inside any results."""
    said = f"the folder for images, {word},"
    refuse_in_results(said, word)
    if Path(word).resolve() == Path(out).resolve():
        raise Refused(f"--out and {said} are the same folder: name two folders")


def refuse_nested(places):
    """
    Raises Refused if one of the paths is in another or is the same. @places is [(how the command
    line names it, path)].
    """
    real = [(said, Path(path).resolve()) for said, path in places if path]
    for at, (said, path) in enumerate(real):
        for other, there in real[:at]:
            if path == there:
                raise Refused(f"{other} and {said} are the same folder: name two folders")
            for (inner, inside), (outer, around) in (((said, path), (other, there)),
                                                     ((other, there), (said, path))):
                if inside.is_relative_to(around):
                    raise Refused(f"{inner} is inside {outer}: name separate folders")


def refuse_no_folder(said, path):
    """Raises Refused if the path, or the nearest existing folder above it, is no folder."""
    for one in (path, *path.parents):
        if one.exists():
            if not one.is_dir():
                raise Refused(f"{said}: {one} is not a folder: name another one")
            return


def refuse_read_only(said, path):
    """Raises Refused if the folder cannot be made or written to."""
    refuse_no_folder(said, path)
    there = next(one for one in (path, *path.parents) if one.is_dir())
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".nvmepi.", dir=there))
    except OSError as error:
        raise Refused(f"{said}: nothing can be written to {there} ({error.strerror}): name another "
                      "folder") from None


def need(*programs):
    """Raises Refused unless these programs are installed."""
    for program in programs:
        if not shutil.which(program):
            raise Refused(f"{program} is not installed, or not on PATH: install it (in the source tree by "
                          "scripts/install-deps)")
