# SPDX-License-Identifier: GPL-2.0-only
"""Hosts of a sweep on many machines: the file that names them, what it runs on there."""
import re
import socket
from typing import NamedTuple

from shared import quoting
from shared import textlines
from shared.command import Refusal
from shared.identity import block_name
from shared.points import format_slug
from sweeps.targets import Images, Target, plain

PORT, MOST_PORT = 8765, 65535


class Refused(Refusal):
    """Why hosts can't be used, in one line."""


class Host(NamedTuple):
    """As the file of hosts has it; fio names it by address and port."""

    address: str
    port: int

    @property
    def name(self):
        return f"{self.address}:{self.port}"

    @property
    def slug(self):
        return re.sub(r"\W", "-", self.name)

    def client(self, job):
        """fio's words to give it a job."""
        return [f"--client=ip:{self.address},{self.port}" if re.fullmatch(r"[\d.]+", self.address)
                else f"--client={self.address},{self.port}", job]


def read_hosts(path):
    """A line host[:port] each; # starts a comment."""
    found = []
    for at, text in textlines.read(path, Refused):
        match = re.fullmatch(r"([A-Za-z0-9_][A-Za-z0-9_.-]*)(?::([1-9][0-9]{0,4}))?", text)
        if not match or int(match[2] or PORT) > MOST_PORT:
            raise Refused(f"{path}:{at}: '{text}' is not host[:port]")
        found.append(Host(match[1], int(match[2] or PORT)))
    if not found:
        raise Refused(f"{path} names no host: give a line host[:port] each")
    places = {}
    for host in found:
        for place in places_of(host):
            if place in places:
                raise Refused(f"{path}: a host is there twice: {places[place]} and {host.name}")
            places[place] = host.name
    return found


def places_of(host):
    """Where its name leads to; two names of one host are one host."""
    try:
        return {(one[4][0], host.port) for one in socket.getaddrinfo(
            host.address, host.port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return {(host.address, host.port)}


# --- what is on the hosts ---

class HostImages(Images):
    """
    Images in a folder that every host has; here it need not exist. Their names have a
    @token in them, which is of this results folder alone.
    """

    def __init__(self, folder, host=None, token="TOKEN"):
        super().__init__(folder, False, "")
        self.name, self.host, self.token = folder, host, token

    def at(self, host, token):
        return HostImages(self.name, host, token)

    def prefix(self):
        """Several servers may share a folder: each has images of its own."""
        return f"{self.name}/nvmepi-sweep-{self.token}-{self.host.slug if self.host else 'HOST'}-"

    def filename(self, fmt):
        return quoting.fio_path(f"{self.prefix()}{format_slug(fmt)}.img")

    def questions(self, destroy):
        """(test, what it means that it fails)"""
        folder = quoting.sh(self.name)
        return [(f"test -d {folder} -a -w {folder}",
                 f"has no folder {self.name} that can be written")]

    def refuse_shared(self, facts):
        """Servers of one machine may share a folder: each has images of its own."""

    def trial(self):
        """Job lines of the engine's first I/O there."""
        return [f"filename={quoting.fio_path(self.prefix() + 'probe.img')}", *plain(4096).options(),
                "size=1M", "rw=write"]

    def cleanup(self):
        """A shell command that removes its images."""
        return f"rm -f {quoting.sh(self.prefix())}*.img*"


class HostDevice(Target):
    """A device of the same name on every host, in the plan's one format."""

    kind, one_format, tag = "device", False, ""

    def __init__(self, path, token="TOKEN"):
        self.path = self.name = path
        self.token = token

    def at(self, host, token):
        return HostDevice(self.path, f"{token}-{host.slug}")

    def format_for(self, fmt):
        return fmt

    def base_format(self, fmt):
        return None

    def filename(self, fmt):
        return self.path

    @property
    def note(self):
        """A file of the server's, while the sweep lasts: which drive it was at first."""
        return f"nvmepi-sweep-{self.token}.drive"

    def tell(self):
        """A shell command that prints which namespace of which drive it is."""
        generic = self.path.rpartition("/")[2]
        disk = f"/sys/block/{block_name(generic)}"
        return f"cat {self.serial()} {disk}/nsid {disk}/wwid 2>/dev/null"

    def serial(self):
        return f"/sys/class/nvme-generic/{self.path.rpartition('/')[2]}/device/serial"

    def questions(self, destroy):
        words = " ".join(f"-e {quoting.sh(word)}" for word in destroy)
        return [(f"test -c {self.path}", f"has no {self.path}"),
                (f"sed 's/ *$//' {self.serial()} | grep -qxF {words}",
                 f"has a {self.path} whose serial number --destroy does not name: not touched"),
                (f"test -e {self.note} || {self.tell()} >{self.note} || test -s {self.note}",
                 "has no room for a note"),
                (self.same(), f"has another drive at {self.path} than when the sweep began: not "
                 "touched")]

    def same(self):
        """A shell command that fails where the name leads to another drive than at first."""
        return f"{self.tell()} | cmp -s - {self.note}"

    def lines(self):
        """No fill and no run is of another drive."""
        return [f"exec_prerun={quoting.fio_command(self.same())}"]

    def refuse_shared(self, facts):
        """A device that two servers of one machine have is one; @facts by Host."""
        seen = {}
        for host in facts:
            for machine in {address for address, _ in places_of(host)} | {facts[host].get("hostname")}:
                if machine in seen and machine:
                    raise Refused(f"{seen[machine].name} and {host.name} are one machine, and so one "
                                  f"{self.path}: name one of them")
                seen[machine] = host

    def trial(self):
        return [f"filename={self.path}", "pi_chk=none", "pi_verify=none", "size=64k", "rw=read"]

    def cleanup(self):
        return f"rm -f {self.note}"


def target(asked):
    """What a sweep with --hosts runs on."""
    word = asked["targets"][0]
    if not re.fullmatch(r"/[\w./-]+", word):
        raise Refused(f"'{word}' is no full path of plain letters: name a folder or a device there")
    if not word.startswith("/dev/ng"):
        return HostImages(word)
    if not asked["destroy"] or not all(serial.strip() for serial in asked["destroy"]):
        raise Refused(f"a sweep overwrites what is on {word}: say so by --destroy=SERIAL of each "
                      "host's drive")
    return HostDevice(word)
