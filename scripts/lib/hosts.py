# SPDX-License-Identifier: GPL-2.0-only
"""Hosts of a sweep on many machines: the file that names them, what it runs on there."""
import re
from typing import NamedTuple

import textlines
from command import Refusal
from points import format_slug
from targets import Images, escape, plain

PORT = 8765


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
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)(?::([1-9][0-9]{0,4}))?", text)
        if not match:
            raise Refused(f"{path}:{at}: '{text}' is not host[:port]")
        found.append(Host(match[1], int(match[2] or PORT)))
    if len(set(found)) < len(found) or not found:
        raise Refused(f"{path}: {'a host is there twice' if found else 'names no host'}")
    return found


# --- what is on the hosts ---

class HostImages(Images):
    """Images in a folder that every host has; here it need not exist."""

    def __init__(self, folder, host=None):
        super().__init__(folder, False, "")
        self.name, self.host = folder, host

    def at(self, host):
        return HostImages(self.name, host)

    def image(self, name):
        """Several servers may share a folder: each has images of its own."""
        return f"{self.name}/nvmepi-sweep-{self.host.slug}-{name}.img"

    def filename(self, fmt):
        return escape(self.image(format_slug(fmt)))

    def questions(self, destroy):
        """(test, what it means that it fails)"""
        return [(f"test -d {self.name} -a -w {self.name}",
                 f"has no folder {self.name} that can be written")]

    def trial(self):
        """Job lines of the engine's first I/O there."""
        return [f"filename={escape(self.image('probe'))}", *plain(4096).options(), "size=1M",
                "rw=write"]

    def cleanup(self):
        """A shell command: removes its images, and what fio left of such commands."""
        return f'sh -c "rm -f {self.image("*")}* *.prerun.txt *.postrun.txt"'


class HostDevice:
    """A device of the same name on every host, in the plan's one format."""

    kind, one_format, tag = "device", False, ""

    def __init__(self, path):
        self.path = self.name = path

    def at(self, host):
        return self

    def format_for(self, fmt):
        return fmt

    def base_format(self, fmt):
        return None

    def filename(self, fmt):
        return self.path

    def questions(self, destroy):
        serial = f"/sys/class/nvme-generic/{self.path.rpartition('/')[2]}/device/serial"
        return [(f"test -c {self.path}", f"has no {self.path}"),
                (f"grep -qE '^({'|'.join(map(re.escape, destroy))}) *$' {serial}",
                 f"has a {self.path} whose serial number --destroy does not name: not touched")]

    def trial(self):
        return [f"filename={self.path}", "pi_chk=none", "pi_verify=none", "size=64k", "rw=read"]

    def cleanup(self):
        return 'sh -c "rm -f *.prerun.txt *.postrun.txt"'


def target(asked):
    """What a sweep with --hosts runs on."""
    word = asked["targets"][0]
    if not re.fullmatch(r"/[\w./-]+", word):
        raise Refused(f"'{word}' is no full path of plain letters: name a folder or a device there")
    if not word.startswith("/dev/ng"):
        return HostImages(word)
    if not asked["destroy"]:
        raise Refused(f"a sweep overwrites what is on {word}: say so by --destroy=SERIAL of each "
                      "host's drive")
    return HostDevice(word)
