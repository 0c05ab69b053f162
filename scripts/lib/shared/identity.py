# SPDX-License-Identifier: GPL-2.0-only
"""
Which namespace of which drive: a name such as /dev/ng0n1 goes to another one when drives
are pulled, put in, or found in another order after a boot.
"""
import re
from typing import NamedTuple

from shared.command import Refusal

GENERIC = "/sys/class/nvme-generic"


class Refused(Refusal):
    """A device that is not what it has to be, in one line."""


class Identity(NamedTuple):
    """
    A namespace: its drive's serial number, its number there, and its own identifiers in
    hexadecimal digits, '' each that it has not, or that can't be read now.
    """

    serial: str
    nsid: int
    nguid: str = ""
    eui64: str = ""
    uuid: str = ""

    @classmethod
    def from_json(cls, words):
        """One that a results folder has; ValueError where it has none."""
        try:
            found = cls(**words)
        except TypeError:
            raise ValueError("no identity") from None
        texts = (found.serial, found.nguid, found.eui64, found.uuid)
        if not all(isinstance(text, str) for text in texts) or not found.serial or \
                not isinstance(found.nsid, int):
            raise ValueError("no identity")
        return found

    def same(self, other):
        """Is it that one?  What one of the two does not know can't tell them apart."""
        return (self.serial, self.nsid) == (other.serial, other.nsid) and \
            all(not a or not b or a == b for a, b in zip(self[2:], other[2:]))

    def text(self):
        """For a line."""
        more = next((text for text in self[2:] if text), "")
        return f"serial number '{self.serial}', namespace {self.nsid}" + (
            f" ({more})" if more else "")


def digits(text):
    """An identifier as sysfs or nvme-cli has it; all zeroes means that there is none."""
    found = re.sub(r"[^0-9a-f]", "", text.lower())
    return found if found.strip("0") else ""


def block_name(generic):
    """nvmeXnY of ngXnY."""
    return "nvme" + generic.removeprefix("ng")


class Node:
    """A generic device that is held open: what it is, and whether it still is."""

    def __init__(self, machine, path):
        self.machine, self.path = machine, path
        self.descriptor = machine.open(path)
        self.number = machine.number(self.descriptor)

    @property
    def name(self):
        return self.path.rpartition("/")[2]

    def parent(self, attribute):
        """Of its controller, or with native multipath of its subsystem."""
        major, minor = self.number
        return self.machine.read(f"/sys/dev/char/{major}:{minor}/device/{attribute}")

    def identity(self):
        """Which namespace it is now; Refused where it is gone or can't be told."""
        try:
            nsid = self.machine.nsid(self.descriptor)
        except OSError as error:
            raise Refused(f"{self.path} is gone ({error.strerror})") from None
        serial = self.parent("serial")
        if not serial:
            raise Refused(f"{self.path}: its drive's serial number can't be read: nobody can tell "
                          "which drive it is")
        disk = f"/sys/block/{block_name(self.name)}"
        ids = {"nguid": "", "eui": "", "uuid": ""}
        if self.machine.read(f"{disk}/nsid") == str(nsid):
            ids = {name: digits(self.machine.read(f"{disk}/{name}")) for name in ids}
        if ids["uuid"] == ids["nguid"]:         # older kernels show one for the other
            ids["uuid"] = ""
        return Identity(serial, nsid, ids["nguid"], ids["eui"], ids["uuid"])

    def refuse_unless(self, identity):
        """The name has to lead here still, and here to be that namespace."""
        found = self.identity()
        if not found.same(identity):
            raise Refused(f"{self.path} is {found.text()} now, and was {identity.text()}: not "
                          "touched")
        try:
            there = self.machine.character_device(self.path)
        except OSError as error:
            raise Refused(f"{self.path}: {error.strerror}") from None
        if there != self.number:
            raise Refused(f"{self.path} is another device now: not touched")

    def close(self):
        self.machine.close(self.descriptor)


def nodes(machine, identity):
    """All names under which a namespace is here now, by the kernel's own list; each is held."""
    found = []
    for name in machine.names(GENERIC):
        try:
            node = Node(machine, f"/dev/{name}")
        except OSError:
            continue
        try:
            node.refuse_unless(identity)
            found.append(node)
        except Refused:
            node.close()
    return found


def refuse_several(found, identity):
    """Names of one namespace, or of drives that have one serial number: identifiers tell."""
    if len(found) > 1 and not any(identity[2:]):
        paths = " and ".join(node.path for node in found)
        raise Refused(f"{paths} are both {identity.text()}, and "
                      "have no identifiers: nobody can tell whether they are one: not touched")


def find(machine, identity, liked=""):
    """The node of a namespace, wherever it is now; @liked by that name if it has several."""
    found = nodes(machine, identity)
    if not found:
        raise Refused(f"{identity.text()} is not here")
    try:
        refuse_several(found, identity)
    except Refused:
        for node in found:
            node.close()
        raise
    chosen = next((node for node in found if node.path == liked), found[0])
    for node in found:
        if node is not chosen:
            node.close()
    return chosen
