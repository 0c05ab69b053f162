# SPDX-License-Identifier: GPL-2.0-only
"""Run nvmepi-qualify, for tests of it."""
import json
import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(TOP / "scripts/lib")]
from shared import formats      # noqa: E402

BUILD = Path(os.environ.get("BUILD", TOP / "build")).resolve()
QUALIFY = BUILD / "nvmepi-qualify"
SMALL = formats.Format(512, 8, 0, 1, 0, 0)


def qualify(*options, timeout=120):
    """Exit status, stdout and stderr."""
    done = subprocess.run([QUALIFY, *options], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def words(fmt):
    return "--format=" + ",".join(f"{name}={value}" for name, value in fmt._asdict().items())


def verdicts(text):
    """Names by verdict, of a JSON report."""
    by = {}
    for case in json.loads(text)["cases"]:
        by.setdefault(case["verdict"], set()).add(case["name"])
    return by


def make_image(path, size=2048 * SMALL.lbs, fmt=SMALL, *options):
    """An image as the engine would make one."""
    job = ["fio", "--name=x", f"--ioengine=external:{BUILD}/nvmepi.so", f"--filename={path}",
           f"--size={size}", *[f"--{o}" for o in fmt.options()], "--rw=write", "--bs=64k", *options]
    subprocess.run(job, check=True, capture_output=True, timeout=60)
