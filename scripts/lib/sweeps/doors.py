# SPDX-License-Identifier: GPL-2.0-only
"""
The modes kernel and kernel-user of a sweep, which use the block device of a namespace: where they
can be measured, and the settings of the kernel that they need.
"""
import platform
import re
from typing import NamedTuple

from shared import environment
from shared.command import Refusal
from shared.points import BLOCK_MODES

# Settings in /sys/block/DISK/integrity: the kernel checks the tuples that it reads, and makes
# those that it writes.
SWITCHES = "read_verify", "write_generate"
# The first fio whose engine io_uring hands tuples to the kernel, and the first kernel that answers
# what fio asks about a block device before (the ioctl FS_IOC_GETLBMD_CAP).
USER_FIO, USER_KERNEL = (3, 41), (6, 17)
PROFILES = {0: "T10-DIF-TYPE{}-CRC", 2: "EXT-DIF-TYPE{}-CRC64"}     # by PIF
FIO = "fio"             # the installed one


class Refused(Refusal):
    """What is wrong with what was asked of these modes."""


class Closed(Refusal):
    """The reason why the kernel does not protect the data of a block device."""


def version_of(text):
    """Returns the first version in a text: (3, 41) of fio-3.41-7-g123; None if there is none."""
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def dotted(version):
    return ".".join(map(str, version))


def user_fio(asked):
    """Returns the fio of the mode kernel-user; @asked is that of plan.json."""
    return asked.get("kernel_user_fio") or FIO


def program_of(mode, asked):
    """Returns the fio that runs a mode."""
    return user_fio(asked) if mode == "kernel-user" else FIO


class Able(NamedTuple):
    """
    The versions of the fio of the mode kernel-user and of the kernel on which the sweep runs. None
    for an unknown one, such as the newest kernel of the guest: it is taken for new enough.
    """

    fio: tuple
    kernel: tuple

    @classmethod
    def of(cls, asked):
        kernel = asked["kernel"] if asked["targets"] == ["guest"] else platform.release()
        return cls(version_of(environment.output(user_fio(asked), "--version")), version_of(kernel))

    def why_not(self, target, fmt, mode):
        """Returns why a mode cannot be measured in a format of a target, or ''."""
        if mode not in BLOCK_MODES:
            return ""
        if target.no_block:
            return target.no_block
        if fmt.mset or fmt.sts or fmt.pif not in PROFILES:
            return ("Linux has integrity profiles for 16b and 64b guards only, with separate "
                    "metadata and without storage tags")
        if mode == "kernel-user" and self.kernel and self.kernel < USER_KERNEL:
            return (f"fio hands tuples to Linux {dotted(USER_KERNEL)} or newer, and this is "
                    f"{dotted(self.kernel)}")
        if mode == "kernel-user" and (not self.fio or self.fio < USER_FIO):
            return (f"fio {dotted(USER_FIO)} or newer hands tuples to the kernel, and the installed "
                    f"one is {dotted(self.fio or (0, 0))}: name a newer one by --kernel-user-fio=PATH")
        return ""


def refuse_program(path):
    """Refuses a --kernel-user-fio that cannot run the mode kernel-user."""
    said = environment.output(str(path), "--version")
    version = version_of(said)
    if not said.startswith("fio-") or not version:
        raise Refused(f"--kernel-user-fio={path}: this is no fio that runs here: name another one")
    if version < USER_FIO:
        raise Refused(f"--kernel-user-fio={path}: {said} does not hand tuples to the kernel: name fio "
                      f"{dotted(USER_FIO)} or newer")


def refuse_lines(lines, modes):
    """Refuses lines of --fio that only this engine has, if @modes has one that does not use it."""
    used = [mode for mode in BLOCK_MODES if mode in modes]
    for text in lines:
        if used and re.match(r"\s*(pi_|ns_)", text):
            raise Refused(f"--fio={text}: mode '{used[0]}' does not use this engine, which alone has "
                          "this option: leave out one of both")


def notes(asked, modes, facts):
    """Returns what a reader has to know about these modes; adds the fio of kernel-user to @facts."""
    found = [mode for mode in BLOCK_MODES if mode in modes]
    if not found:
        return []
    lines = [f"{' and '.join(found)}: fio's own engine io_uring on the block device, in a part of "
             "the namespace of its own"]
    if "kernel-user" in found:
        facts["kernel_user_fio"] = environment.output(user_fio(asked), "--version")
        if facts["kernel_user_fio"] != facts["fio"]:
            lines.append(f"kernel-user ran in {facts['kernel_user_fio']}, all other modes in "
                         f"{facts['fio'] or 'the installed fio'}")
    return lines


# --- the kernel's settings ---

def attribute(disk, name):
    return f"/sys/block/{disk}/integrity/{name}"


def refuse_unprotected(machine, disk, fmt):
    """Raises Closed unless the kernel has the integrity profile of a format for a block device."""
    found = machine.read(attribute(disk, "format"))
    if found != PROFILES[fmt.pif].format(3 if fmt.pi == 3 else 1):
        raise Closed(f"Linux has no integrity profile for {fmt.name()} on /dev/{disk} "
                     f"({found or 'none'})")


def settings(machine, disk):
    """
    Returns {name: '0' or '1'} of the settings of a block device; {} if it has no integrity profile,
    because the kernel shows them as off then and turns them on with the next profile.
    """
    if machine.read(attribute(disk, "format")) in ("", "none"):
        return {}
    found = {name: machine.read(attribute(disk, name)) for name in SWITCHES}
    return {name: value for name, value in found.items() if value in ("0", "1")}


def switch(machine, disk, wanted):
    """Gives a block device these settings, as far as it has them and they differ."""
    for name, value in settings(machine, disk).items():
        if wanted.get(name, value) != value:
            try:
                machine.write(attribute(disk, name), wanted[name])
            except OSError as error:
                raise Refused(f"{attribute(disk, name)}: {error.strerror}: sweep as root") from None


def switch_on(machine, disk):
    """Lets the kernel make and check tuples."""
    switch(machine, disk, dict.fromkeys(SWITCHES, "1"))
