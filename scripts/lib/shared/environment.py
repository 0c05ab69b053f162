# SPDX-License-Identifier: GPL-2.0-only
"""What measured numbers depend on: this machine, its programs and the targets."""
import functools
import hashlib
import os
import platform
import re
import subprocess
from pathlib import Path

from shared import fiojob


def output(*command):
    """Returns what a command prints, or '' if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                              timeout=60, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""


def cpu_model():
    match = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(
        encoding="utf-8", errors="replace"), re.MULTILINE)
    return match[1] if match else platform.machine()


def governor():
    """Returns the frequency governors of all CPUs, or 'none' if the machine shows none."""
    found = {path.read_text(encoding="ascii").strip() for path in
             Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")}
    return ", ".join(sorted(found)) or "none"


def liburing():
    """Returns the version of liburing that the engine loads."""
    match = re.search(r"liburing\S* => (\S+)", output("ldd", str(fiojob.ENGINE)))
    found = match and re.search(r"\.so\.([\d.]+)$", os.path.realpath(match[1]))
    return found[1] if found else ""


def engine_digest():
    """Returns a hash that differs between builds of the engine."""
    return hashlib.sha256(fiojob.ENGINE.read_bytes()).hexdigest()


def engine_version():
    """Returns the commit, if it is known, and the id of the build."""
    commit = output("git", "-C", str(fiojob.TOP), "describe", "--always", "--dirty")
    return f"{commit} build {engine_digest()[:12]}".strip()


def machine():
    """Returns the facts of this host, without its targets."""
    return {"host": platform.node(), "cpu": cpu_model(), "cores": os.cpu_count(),
            "governor": governor(), "kernel": platform.release(),
            "fio": output("fio", "--version"), "liburing": liburing(),
            "engine": engine_version()}


RESUMED = "resumed: "
REPORTED_CHANGES = "kernel", "fio", "kernel_user_fio", "engine"     # runs that differ in one of these must not be mixed


def resumed(before, now):
    """
    Returns notes on what changed between the first runs of a sweep and those after it was resumed.
    @before and @now are environments of one host. Only the last word of each value is compared; for
    the engine this is the id of the build.
    """
    notes = [note for note in before.get("notes", ()) if note.startswith(RESUMED)]
    return notes + [f"{RESUMED}earlier runs used {what} {before[what]}, later ones {now[what]}"
                    for what in REPORTED_CHANGES if before.get(what) and now.get(what)
                    and before[what].split()[-1] != now[what].split()[-1]]


@functools.cache
def knows_report():
    """Returns whether the engine has the option pi_report."""
    return bool(re.search(r"^pi_report\b", output("fio", f"--enghelp={fiojob.ENGINE}"),
                          re.MULTILINE))
