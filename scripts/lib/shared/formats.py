# SPDX-License-Identifier: GPL-2.0-only
"""Formats of a namespace, and the lists of formats that sweeps and tests use."""
import itertools
from typing import NamedTuple

GUARDS = {0: "16b", 1: "32b", 2: "64b"}
PIF = {name: number for number, name in GUARDS.items()}
TUPLE_SIZE = {0: 8, 1: 16, 2: 16}       # bytes, by PIF
TAG_BITS = {0: 32, 1: 80, 2: 48}        # of storage and reference tag together, by PIF
STORAGE_TAGS = {0: (0, 32), 1: (16, 64), 2: (0, 48)}    # least and most bits, by PIF


class Format(NamedTuple):
    """A format; its fields are the engine's ns_* options. Sizes are in bytes, sts is in bits."""

    lbs: int
    ms: int
    mset: int
    pi: int
    pil: int
    pif: int
    sts: int = 0

    @property
    def block(self):
        """Bytes of a block including its metadata."""
        return self.lbs + self.ms

    @property
    def strips(self):
        """
        Whether the metadata is the tuple alone, so that with PRACT=1 no metadata is transferred.
        """
        return self.pi != 0 and self.ms == TUPLE_SIZE[self.pif]

    @property
    def ref_bits(self):
        """Bits of the reference tag, at most 64."""
        return min(TAG_BITS[self.pif] - self.sts, 64)

    def name(self):
        """
        Returns the format as the engine's messages write it: 4096+8 separate, 16b type 1 last.
        """
        text = f"{self.lbs}+{self.ms}"
        if self.ms:
            text += " extended" if self.mset else " separate"
        if not self.pi:
            return f"{text}, no PI"
        text += f", {GUARDS[self.pif]} type {self.pi} {'first' if self.pil else 'last'}"
        return text + (f", STS {self.sts}" if self.sts else "")

    def row(self, size):
        """Returns a row for scripts/guest --namespaces, which does not support storage tags."""
        words = self if self.sts else self[:-1]
        return " ".join(map(str, (size, *words)))

    def options(self):
        """Returns fio job lines that make the engine refuse any other format."""
        words = self._asdict()
        return [f"ns_{name}={value}" for name, value in words.items()]


def product(lbs=(512, 4096), ms=(8, 16, 64), mset=(0, 1), pi=(1, 2, 3), pil=(0, 1), pif=(0, 2)):
    """Yields every combination in which the metadata has space for the tuple."""
    for words in itertools.product(lbs, ms, mset, pi, pil, pif):
        fmt = Format(*words)
        if fmt.ms >= TUPLE_SIZE[fmt.pif]:
            yield fmt


def with_storage_tags():
    """
    Returns formats with one storage tag size per guard format, in all types, placements and
    transfers.
    """
    return [fmt._replace(sts=sts) for ms, pif, sts in ((8, 0, 16), (16, 1, 32), (16, 2, 24))
            for fmt in product(lbs=(4096,), ms=(ms,), pif=(pif,))]


def embedded_formats():
    """Returns formats of the embedded controller: all of QEMU's, 32b guards, and storage tags."""
    guards32 = [fmt._replace(sts=16) for fmt in product(ms=(16, 64), pif=(1,))]
    return qemu_formats() + guards32 + with_storage_tags()


def qemu_formats():
    """
    Returns the formats that QEMU's controller supports: 16b with 8, 16 and 64 bytes, 64b with 16
    and 64.
    """
    return list(product())


def spread(number):
    """
    Returns @number of QEMU's formats, spread over the list; 24 of them cover all pairs of values.
    """
    some = qemu_formats()
    return [some[i * 7 % len(some)] for i in range(number)]     # 7 and 120 have no common factor
