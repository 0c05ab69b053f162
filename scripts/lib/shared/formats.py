# SPDX-License-Identifier: GPL-2.0-only
"""Formats of a namespace, and the lists of them that sweeps and tests go over."""
import itertools
from typing import NamedTuple

GUARDS = {0: "16b", 1: "32b", 2: "64b"}
PIF = {name: number for number, name in GUARDS.items()}
TUPLE_SIZE = {0: 8, 1: 16, 2: 16}       # bytes, by PIF
TAG_BITS = {0: 32, 1: 80, 2: 48}        # of storage and reference tag together, by PIF
STORAGE_TAGS = {0: (0, 32), 1: (16, 64), 2: (0, 48)}    # least and most bits, by PIF


class Format(NamedTuple):
    """In the words of the engine's ns_* options; sizes in bytes, sts in bits."""

    lbs: int
    ms: int
    mset: int
    pi: int
    pil: int
    pif: int
    sts: int = 0

    @property
    def block(self):
        """Bytes of a block, metadata and all."""
        return self.lbs + self.ms

    @property
    def strips(self):
        """Is the metadata the tuple alone, so that none crosses with PRACT=1?"""
        return self.pi != 0 and self.ms == TUPLE_SIZE[self.pif]

    @property
    def ref_bits(self):
        """The width of the reference tag, 64 at most."""
        return min(TAG_BITS[self.pif] - self.sts, 64)

    def name(self):
        """As the engine's own messages have it: 4096+8 separate, 16b type 1 last."""
        text = f"{self.lbs}+{self.ms}"
        if self.ms:
            text += " extended" if self.mset else " separate"
        if not self.pi:
            return f"{text}, no PI"
        text += f", {GUARDS[self.pif]} type {self.pi} {'first' if self.pil else 'last'}"
        return text + (f", STS {self.sts}" if self.sts else "")

    def row(self, size):
        """A row for scripts/guest --namespaces, which knows no storage tags."""
        words = self if self.sts else self[:-1]
        return " ".join(map(str, (size, *words)))

    def options(self):
        """fio job lines that hold the engine to this format."""
        words = self._asdict()
        return [f"ns_{name}={value}" for name, value in words.items()]


def product(lbs=(512, 4096), ms=(8, 16, 64), mset=(0, 1), pi=(1, 2, 3), pil=(0, 1), pif=(0, 2)):
    """Every combination in which the metadata holds the tuple."""
    for words in itertools.product(lbs, ms, mset, pi, pil, pif):
        fmt = Format(*words)
        if fmt.ms >= TUPLE_SIZE[fmt.pif]:
            yield fmt


def with_storage_tags():
    """One storage tag size a guard format, over types, placements and transfers."""
    return [fmt._replace(sts=sts) for ms, pif, sts in ((8, 0, 16), (16, 1, 32), (16, 2, 24))
            for fmt in product(lbs=(4096,), ms=(ms,), pif=(pif,))]


def embedded_formats():
    """What the embedded controller can be: all of QEMU's, 32b guards, storage tags."""
    guards32 = [fmt._replace(sts=16) for fmt in product(ms=(16, 64), pif=(1,))]
    return qemu_formats() + guards32 + with_storage_tags()


def qemu_formats():
    """What QEMU's controller can be: 16b with 8, 16 and 64 bytes, 64b with 16 and 64."""
    return list(product())


def spread(number):
    """So many of QEMU's formats, far from each other in the list: 24 cover all pairs of values."""
    some = qemu_formats()
    return [some[i * 7 % len(some)] for i in range(number)]     # 7 and 120 have no common factor
