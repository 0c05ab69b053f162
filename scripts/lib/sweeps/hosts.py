# SPDX-License-Identifier: GPL-2.0-only
"""Hosts of a sweep with --hosts: the file that lists them, and the targets on them."""
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
    """The reason why hosts cannot be used."""


class Host(NamedTuple):
    """A host of the file; fio identifies it by address and port."""

    address: str
    port: int

    @property
    def name(self):
        return f"{self.address}:{self.port}"

    @property
    def slug(self):
        return re.sub(r"\W", "-", self.name)

    def client(self, job):
        """Returns fio's arguments that give the host a job file."""
        return [f"--client=ip:{self.address},{self.port}" if re.fullmatch(r"[\d.]+", self.address)
                else f"--client={self.address},{self.port}", job]


def read_hosts(path):
    """Returns the hosts of a file with one host[:port] per line; # starts a comment."""
    found = []
    for at, text in textlines.read(path, Refused):
        match = re.fullmatch(r"([A-Za-z0-9_][A-Za-z0-9_.-]*)(?::([1-9][0-9]{0,4}))?", text)
        if not match or int(match[2] or PORT) > MOST_PORT:
            raise Refused(f"{path}:{at}: '{text}' is not host[:port]")
        found.append(Host(match[1], int(match[2] or PORT)))
    if not found:
        raise Refused(f"{path} has no host: give lines host[:port]")
    places = {}
    for host in found:
        for place in places_of(host):
            if place in places:
                raise Refused(f"{path}: the same host is listed twice: {places[place]} and "
                              f"{host.name}")
            places[place] = host.name
    return found


def places_of(host):
    """Returns {(address, port)} of a host, so that two names of one host are recognised."""
    try:
        return {(one[4][0], host.port) for one in socket.getaddrinfo(
            host.address, host.port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return {(host.address, host.port)}


# --- what is on the hosts ---

class HostImages(Images):
    """
    Images in a folder that exists on every host; it need not exist here. Their names contain
    @token, which is unique to this results folder.
    """

    def __init__(self, folder, host=None, token="TOKEN"):
        super().__init__(folder, False, "")
        self.name, self.host, self.token = folder, host, token

    def at(self, host, token):
        return HostImages(self.name, host, token)

    def prefix(self):
        """
        Returns the start of the images' names. It names the host, because several servers may share
        a folder.
        """
        return f"{self.name}/nvmepi-sweep-{self.token}-{self.host.slug if self.host else 'HOST'}-"

    def filename(self, fmt):
        return quoting.fio_path(f"{self.prefix()}{format_slug(fmt)}.img")

    def questions(self, destroy):
        """Returns [(shell test, what its failure means)]."""
        folder = quoting.sh(self.name)
        return [(f"test -d {folder} -a -w {folder}",
                 f"has no folder {self.name} that can be written")]

    def refuse_shared(self, facts):
        """Servers of one machine may share a folder, because their images have different names."""

    def trial(self):
        """Returns the job lines of the engine's first I/O on the host."""
        return [f"filename={quoting.fio_path(self.prefix() + 'probe.img')}", *plain(4096).options(),
                "size=1M", "rw=write"]

    def cleanup(self):
        """Returns a shell command that removes the images."""
        return f"rm -f {quoting.sh(self.prefix())}*.img*"


class HostDevice(Target):
    """A device with the same path on every host, which keeps its format."""

    kind, one_format, tag = "device", False, ""
    no_block = "the settings of the kernels of other hosts are not changed"

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
        """
        A file on the server, kept during the sweep, that records which drive the device was at
        first.
        """
        return f"nvmepi-sweep-{self.token}.drive"

    def tell(self):
        """Returns a shell command that prints which namespace of which drive the device is."""
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
                 "has no space for a small file"),
                (self.same(), f"has another drive at {self.path} than when the sweep began: not "
                 "touched")]

    def same(self):
        """Returns a shell command that fails if the device is another drive than at first."""
        return f"{self.tell()} | cmp -s - {self.note}"

    def lines(self):
        """Returns job lines that stop a job if the device is another drive by now."""
        return [f"exec_prerun={quoting.fio_command(self.same())}"]

    def refuse_shared(self, facts):
        """
        Raises Refused if two servers are on one machine and so would use the same device; @facts by
        Host.
        """
        seen = {}
        for host in facts:
            for machine in {address for address, _ in places_of(host)} | {facts[host].get("hostname")}:
                if machine in seen and machine:
                    raise Refused(f"{seen[machine].name} and {host.name} are the same machine, and "
                                  f"would both use {self.path}: list only one of them")
                seen[machine] = host

    def trial(self):
        return [f"filename={self.path}", "pi_chk=none", "pi_verify=none", "size=64k", "rw=read"]

    def cleanup(self):
        return f"rm -f {self.note}"


def target(asked):
    """Returns the target of a sweep with --hosts."""
    word = asked["targets"][0]
    if not re.fullmatch(r"/[\w./-]+", word):
        raise Refused(f"'{word}' is not an absolute path of letters, digits, _, ., - and /: name a "
                      "folder or a device of the hosts")
    if not word.startswith("/dev/ng"):
        return HostImages(word)
    if not asked["destroy"] or not all(serial.strip() for serial in asked["destroy"]):
        raise Refused(f"a sweep overwrites the data of {word}: allow it by --destroy=SERIAL of "
                      "each "
                      "host's drive")
    return HostDevice(word)
