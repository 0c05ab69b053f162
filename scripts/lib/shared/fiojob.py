# SPDX-License-Identifier: GPL-2.0-only
"""Run fio with this project's engine, and read what it reports."""
import contextlib
import json
import os
import re
import subprocess
from pathlib import Path

from shared import quoting
from shared import textlines

TOP = Path(__file__).resolve().parents[3]
ENGINE = TOP / "build" / "nvmepi.so"


# What the engine's lines that are no complaints have in them.
# (tests/scripts/check-information holds them against the engine's source.)
INFORMATION = (": host: ", ": blocks: ", ": checked by the ", ": not checked where this run wrote: ", ": created as ",
               " has no effect", ": damaged on purpose: ", " together only: pi_buffer=extended",
               " escape all checks: nothing of them ", ": the application tag can't be checked: ",
               ": the storage tag can't be checked: ", ": the reference tag can't be checked: ")


def job_file(common, sections):
    """The text of a job file: common lines, then (name, lines) each."""
    text = "[global]\n" + "".join(map(quoting.fio_line, common))
    for name, lines in sections:
        text += f"\n{quoting.fio_section(name)}" + "".join(map(quoting.fio_line, lines))
    return text


def run(text, folder, name, timeout=600, fio="fio", cpu=None):
    """
    Run the job file text; it, fio's JSON and its messages stay in folder as
    NAME.fio, NAME.json and NAME.log. fio itself runs on the CPUs of the set cpu (its jobs where
    cpus_allowed says). Returns (exit status, jobs, messages): jobs are fio's,
    empty where it reported none.
    """
    folder = Path(folder)
    job, out, log = (folder / f"{name}.{kind}" for kind in ("fio", "json", "log"))
    job.write_text(text, encoding="utf-8")
    with open(log, "w", encoding="utf-8") as messages:
        done = subprocess.run([fio, "--output-format=json", f"--output={out}", str(job)],
                              stdout=messages, stderr=subprocess.STDOUT, timeout=timeout,
                              preexec_fn=cpu and (lambda: os.sched_setaffinity(0, cpu)),
                              check=False)
    return done.returncode, read_jobs(out), log.read_text(encoding="utf-8", errors="replace")


def read_jobs(path):
    """
    The jobs of fio's JSON, of a client those that its servers sent; lines around it are
    fio's notes, not JSON.
    """
    try:
        text = textlines.plain(path, ValueError).decode("utf-8", "replace")
        found, _, _ = split_notes(text)
        return found["jobs"] if "jobs" in found else found["client_stats"]
    except (OSError, ValueError, RecursionError):
        return []


def split_notes(text):
    """
    (what fio's JSON says, its first character, the one after it) in the text of its output. Notes of
    fio's come before and after it, in lines of their own, and may have braces in them too.
    """
    for start in (found.start() for found in re.finditer(r"^\{", text, re.MULTILINE)):
        with contextlib.suppress(ValueError):
            said, end = json.JSONDecoder().raw_decode(text, start)
            if isinstance(said.get("jobs", said.get("client_stats")), list):
                return said, start, end
    raise ValueError("fio wrote no JSON")


def informs(line):
    """Is it a line in which the engine tells how it understood a job or what it did, no complaint?"""
    return "nvmepi: " in line and any(words in line for words in INFORMATION)


def engine_lines(log):
    """What the engine complained of, without the lines that inform."""
    return [line for line in log.splitlines() if line.startswith("nvmepi:") and not informs(line)]


def errors(job):
    """I/Os of a job that failed: those it went on after, and the one it stopped at."""
    return job.get("total_err", 0) or (1 if job.get("error") else 0)
