# SPDX-License-Identifier: GPL-2.0-only
"""
Reads a file of namespaces, a row 'size lbs ms mset pi pil pif' each, with zones or placement handles
if need be, and makes their images.
"""
import re
from typing import NamedTuple

from shared import textlines

SECTOR = 512
MAX_NAMESPACES = 256            # limit of a QEMU controller
MAX_HANDLES = 128
TUPLE_SIZE = {0: 8, 2: 16}      # by guard format (PIF)
ALLOWED = {
    "lbs": [512 << i for i in range(8)],
    "mset": [0, 1],
    "pi": [0, 1, 2, 3],
    "pil": [0, 1],
    "pif": [0, 2],
}


class Refused(Exception):
    """What is wrong with a row, a file of rows or an image."""


class Row(NamedTuple):
    """One namespace; sizes are in bytes, the other fields are those of Identify Namespace."""

    size: int
    lbs: int
    ms: int
    mset: int
    pi: int
    pil: int
    pif: int
    zone_size: int = 0          # of data; 0: it is not zoned
    zone_capacity: int = 0
    max_open: int = 0           # zones; 0: any number
    max_active: int = 0
    ruhs: int = 0               # placement handles; 0: none

    def image_size(self):
        """
        Returns the bytes of the image: data, then metadata, rounded up to whole sectors as QEMU
        does.
        """
        used = self.size // self.lbs * (self.lbs + self.ms)
        return -(-used // SECTOR) * SECTOR

    def check(self):
        """Raises Refused for a namespace that QEMU does not support."""
        for name, allowed in ALLOWED.items():
            value = getattr(self, name)
            if value not in allowed:
                raise Refused(f"{name} {value} is not one of QEMU's {', '.join(map(str, allowed))}")
        if not self.size or self.size % self.lbs:
            raise Refused(f"size {self.size} is not a multiple of lbs {self.lbs}, above 0")
        if self.ms > 0xFFFF:
            raise Refused(f"ms {self.ms} is above 65535")
        if self.pi and self.ms < TUPLE_SIZE[self.pif]:
            raise Refused(f"ms {self.ms} is too small for a tuple of {TUPLE_SIZE[self.pif]} bytes")
        if self.zone_size and self.size % self.zone_size:
            raise Refused(f"size {self.size} is not a multiple of zone_size {self.zone_size}")
        if self.ruhs > MAX_HANDLES:
            raise Refused(f"ruhs={self.ruhs} is above {MAX_HANDLES}")


def read_number(word):
    """Returns a number; the suffixes K, M, G and T are powers of 1024."""
    match = re.fullmatch(r"([0-9]+)([KMGT]?)", word)
    if not match:
        raise Refused(f"'{word}' is not a number")
    return int(match[1]) << 10 * " KMGT".index(match[2] or " ")


def read_row(text):
    words = text.split()
    ruhs = words.pop().removeprefix("ruhs=") if words[-1].startswith("ruhs=") else "0"
    zoned = len(Row._fields) - 1
    plain = zoned - len(Row._field_defaults) + 1
    if len(words) not in (plain, zoned):
        raise Refused(f"{len(words)} words instead of '{' '.join(Row._fields[:plain])}', "
                      f"'{' '.join(Row._fields[plain:zoned])}' if it is zoned, and 'ruhs=N' if it has "
                      "placement handles")
    row = Row(*map(read_number, words))._replace(ruhs=read_number(ruhs))
    row.check()
    return row


def read_rows(path):
    """Returns the rows of a file in order; the first one is NSID 1."""
    rows = []
    for number, text in textlines.read(path, Refused):
        try:
            rows.append(read_row(text))
        except Refused as error:
            raise Refused(f"{path}:{number}: {error}") from None
    if not 0 < len(rows) <= MAX_NAMESPACES:
        raise Refused(f"{path}: {len(rows)} namespaces, where 1 to {MAX_NAMESPACES} are possible")
    return rows


def make_image(path, size):
    """Makes a sparse file. An existing file is kept if it has the right size."""
    try:
        with open(path, "xb") as file:
            file.truncate(size)
    except FileExistsError:
        if path.stat().st_size != size:
            raise Refused(f"{path} has {path.stat().st_size} bytes, its row asks for {size}: "
                          "remove it or change the row") from None
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Refused(f"{path}: no file of {size} bytes here: {error.strerror}") from None


def make_images(rows, folder):
    """Makes the images of the rows in @folder: nsN.img for NSID N."""
    images = [folder / f"ns{nsid}.img" for nsid in range(1, len(rows) + 1)]
    for row, image in zip(rows, images):
        make_image(image, row.image_size())
    return images
