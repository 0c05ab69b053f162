# SPDX-License-Identifier: GPL-2.0-only
"""What numbers depend on: this machine, its programs, the targets."""
import functools
import hashlib
import os
import platform
import re
import subprocess
from pathlib import Path

from shared import fiojob


def output(*command):
    """What a command prints, '' if it can't."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                              timeout=20, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""


def cpu_model():
    match = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(
        encoding="utf-8", errors="replace"), re.MULTILINE)
    return match[1] if match else platform.machine()


def governor():
    """Of all CPUs; 'none' where the machine does not let us see one."""
    found = {path.read_text(encoding="ascii").strip() for path in
             Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")}
    return ", ".join(sorted(found)) or "none"


def liburing():
    """The version that the engine loads."""
    match = re.search(r"liburing\S* => (\S+)", output("ldd", str(fiojob.ENGINE)))
    found = match and re.search(r"\.so\.([\d.]+)$", os.path.realpath(match[1]))
    return found[1] if found else ""


def engine_digest():
    """What tells one build of the engine from another."""
    return hashlib.sha256(fiojob.ENGINE.read_bytes()).hexdigest()


def engine_version():
    """The commit where it is known, and the build."""
    commit = output("git", "-C", str(fiojob.TOP), "describe", "--always", "--dirty")
    return f"{commit} build {engine_digest()[:12]}".strip()


def machine():
    """Of this host, without its targets."""
    return {"host": platform.node(), "cpu": cpu_model(), "cores": os.cpu_count(),
            "governor": governor(), "kernel": platform.release(),
            "fio": output("fio", "--version"), "liburing": liburing(),
            "engine": engine_version()}


RESUMED = "resumed: "
TOLD = "kernel", "fio", "engine"        # runs that differ in these are not of one measurement


def resumed(before, now):
    """
    What a sweep's first runs and its next ones differ in, as notes; @before and @now are
    environments of a host. The last word of an engine is its build, of the others all.
    """
    notes = [note for note in before.get("notes", ()) if note.startswith(RESUMED)]
    return notes + [f"{RESUMED}earlier runs are of {what} {before[what]}, later ones of {now[what]}"
                    for what in TOLD if before.get(what) and now.get(what)
                    and before[what].split()[-1] != now[what].split()[-1]]


@functools.cache
def knows_report():
    """Does the engine write pi_report?"""
    return bool(re.search(r"^pi_report\b", output("fio", f"--enghelp={fiojob.ENGINE}"),
                          re.MULTILINE))
