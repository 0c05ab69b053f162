# SPDX-License-Identifier: GPL-2.0-only
"""
Identifies namespaces and their drives. A name such as /dev/ng0n1 can later belong to another
namespace: when drives are removed or added, or when a boot finds them in another order.
"""
import re
from typing import NamedTuple

from shared.command import Refusal

GENERIC = "/sys/class/nvme-generic"


class Refused(Refusal):
    """The reason why a device is not the expected one."""


class Identity(NamedTuple):
    """
    A namespace: the serial number of its drive, its NSID there, and its identifiers in hexadecimal
    digits. An identifier is '' if the namespace has none or if it cannot be read now.
    """

    serial: str
    nsid: int
    nguid: str = ""
    eui64: str = ""
    uuid: str = ""

    @classmethod
    def from_json(cls, words):
        """Returns the identity that a results folder stored; raises ValueError if there is none."""
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
        """
        Returns whether both are the same namespace. An identifier that one of them does not know is
        not compared.
        """
        return (self.serial, self.nsid) == (other.serial, other.nsid) and \
            all(not a or not b or a == b for a, b in zip(self[2:], other[2:]))

    def text(self):
        """Returns the identity as text for a message."""
        more = next((text for text in self[2:] if text), "")
        return f"serial number '{self.serial}', namespace {self.nsid}" + (
            f" ({more})" if more else "")


def digits(text):
    """
    Returns an identifier of sysfs or nvme-cli as hexadecimal digits; '' if it is all zeroes, which
    means that there is none.
    """
    found = re.sub(r"[^0-9a-f]", "", text.lower())
    return found if found.strip("0") else ""


def block_name(generic):
    """Returns the block device of a generic device: nvmeXnY of ngXnY."""
    return "nvme" + generic.removeprefix("ng")


class Node:
    """
    An open generic device, and checks that it is still the same namespace. While it is open the
    kernel does not give its number to another device.
    """

    tree = "char"           # the kernel's list of devices by number

    def __init__(self, machine, path):
        self.machine, self.path = machine, path
        self.descriptor = machine.open(path)
        self.number = machine.number(self.descriptor)

    @property
    def name(self):
        return self.path.rpartition("/")[2]

    @property
    def disk(self):
        """The name of the namespace's block device."""
        return block_name(self.name)

    def number_at(self, path):
        """Returns the number of the device at a path, None if it is another kind of file."""
        return self.machine.character_device(path)

    def parent(self, attribute):
        """
        Returns an attribute of the device's controller, or of its subsystem with native multipath.
        """
        major, minor = self.number
        return self.machine.read(f"/sys/dev/{self.tree}/{major}:{minor}/device/{attribute}")

    def identity(self):
        """
        Returns the identity of the namespace now. Raises Refused if the namespace is gone or cannot
        be identified.
        """
        try:
            nsid = self.machine.nsid(self.descriptor)
        except OSError as error:
            raise Refused(f"{self.path} is gone ({error.strerror})") from None
        serial = self.parent("serial")
        if not serial:
            raise Refused(f"{self.path}: its drive's serial number can't be read, so the drive "
                          "can't be identified")
        disk = f"/sys/block/{self.disk}"
        ids = {"nguid": "", "eui": "", "uuid": ""}
        if self.machine.read(f"{disk}/nsid") == str(nsid):
            ids = {name: digits(self.machine.read(f"{disk}/{name}")) for name in ids}
        if ids["uuid"] == ids["nguid"]:         # older kernels show the NGUID as UUID
            ids["uuid"] = ""
        return Identity(serial, nsid, ids["nguid"], ids["eui"], ids["uuid"])

    def refuse_unless(self, identity):
        """
        Raises Refused unless the open device is that namespace and the path still leads to it.
        """
        found = self.identity()
        if not found.same(identity):
            raise Refused(f"{self.path} is {found.text()} now, and was {identity.text()}: not "
                          "touched")
        try:
            there = self.number_at(self.path)
        except OSError as error:
            raise Refused(f"{self.path}: {error.strerror}") from None
        if there != self.number:
            raise Refused(f"{self.path} is another device now: not touched")

    def close(self):
        self.machine.close(self.descriptor)


class BlockNode(Node):
    """The same for the block device of a namespace."""

    tree = "block"

    @property
    def disk(self):
        return self.name

    def number_at(self, path):
        return self.machine.block_device(path)


def nodes(machine, identity):
    """
    Returns open nodes of all generic devices of a namespace, from the kernel's list of devices.
    """
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
    """
    Raises Refused if several devices were found and the namespace has no identifier. They are then
    either names of one namespace, or drives with the same serial number.
    """
    if len(found) > 1 and not any(identity[2:]):
        paths = " and ".join(node.path for node in found)
        raise Refused(f"{paths} are both {identity.text()}, and "
                      "have no identifiers that tell them apart: not touched")


def find(machine, identity, liked=""):
    """
    Returns the open node of a namespace, under whatever name it has now. If it has several names,
    @liked is preferred.
    """
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
