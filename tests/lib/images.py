# SPDX-License-Identifier: GPL-2.0-only
"""Reads and damages the backing images of namespaces from outside of the guest."""
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

TOOLS = Path(__file__).resolve().parent.parent.parent / "build" / "tests" / "tools"


class Finding(NamedTuple):
    """A field of a block that is not as it should be; offset counts in the metadata."""

    lba: int
    field: str
    want: int
    got: int
    offset: int = 0


class Tags(NamedTuple):
    """What blocks should carry; ref is the reference tag of LBA 0."""

    app: int
    ref: int = 0
    storage: int = 0

    def options(self):
        """As image-check has them."""
        return [f"--app={self.app}", f"--ref-seed={self.ref}", f"--storage={self.storage}"]


def tool(name, fmt, image, options=(), words=()):
    """Run image-check or image-damage; its exit status and output."""
    shape = [f"--{key}={value}" for key, value in fmt._asdict().items() if key != "mset"]
    done = subprocess.run([TOOLS / name, *shape, *options, image, *map(str, words)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def check(fmt, image, first, count, tags, options=()):
    """Complaints about blocks first.. of an image: all of them written, every byte right."""
    status, text = tool("image-check", fmt, image,
                        [f"--first={first}", f"--count={count}", f"--require={count}",
                         *tags.options(), *options])
    return [] if status == 0 else [text.strip().replace("\n", "; ")]


def findings(fmt, image, first, count, tags):
    """All that is wrong with blocks first.., escaped ones left out."""
    status, text = tool("image-check", fmt, image,
                        [f"--first={first}", f"--count={count}", f"--show={count}",
                         "--allow-escaped", *tags.options()])
    if status > 1:
        raise RuntimeError(text)
    found = []
    for lba, rest in re.findall(r"^LBA (\d+):(.*)$", text, re.MULTILINE):
        for field, offset, want, got in re.findall(
                r"(\w+)(?:\[(\d+)\])? wanted (\w+)h got (\w+)h", rest):
            found.append(Finding(int(lba), field, int(want, 16), int(got, 16), int(offset or 0)))
    return found


def damage(fmt, image, lba, what):
    """Damage one field; {field: (old, new)}."""
    status, text = tool("image-damage", fmt, image, words=(lba, what))
    if status:
        raise RuntimeError(text)
    return {field: (int(old, 16), int(new, 16))
            for field, old, new in re.findall(r"LBA \d+ (\w+) (\w+)h -> (\w+)h", text)}


def untouched(fmt, image, first, count):
    """Are blocks first.. all zero, as in a fresh image?"""
    blocks = Path(image).stat().st_size // fmt.block
    with open(image, "rb") as f:
        f.seek(first * fmt.lbs)
        data = f.read(count * fmt.lbs)
        f.seek(blocks * fmt.lbs + first * fmt.ms)
        return not any(data) and not any(f.read(count * fmt.ms))
