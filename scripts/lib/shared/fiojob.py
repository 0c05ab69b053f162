# SPDX-License-Identifier: GPL-2.0-only
"""Runs fio with this project's engine, and reads what it reports."""
import contextlib
import json
import os
import re
import subprocess
from pathlib import Path

from shared import place
from shared import quoting
from shared import textlines

TOP, ENGINE = place.TOP, place.ENGINE


# Parts of the engine's lines that inform and are no complaints. tests/scripts/check-information
# compares them with the engine's source.
INFORMATION = (": host: ", ": blocks: ", ": checked by the ", ": not checked where this run wrote: ", ": created as ",
               " has no effect", ": damaged on purpose: ", ": pi_buffer=extended",
               " escape all checks: nothing of them ", ": the application tag can't be checked: ",
               ": the storage tag can't be checked: ", ": the reference tag can't be checked: ",
               ": I/Os for which fio does not wait", " appends are ")


def job_file(common, sections):
    """Returns the text of a job file: the common lines, then a section for each (name, lines)."""
    text = "[global]\n" + "".join(map(quoting.fio_line, common))
    for name, lines in sections:
        text += f"\n{quoting.fio_section(name)}" + "".join(map(quoting.fio_line, lines))
    return text


def run(text, folder, name, timeout=600, fio="fio", cpu=None):
    """
    Runs the job file @text. It is left in @folder as NAME.fio, fio's JSON as NAME.json and its
    messages as NAME.log. fio itself runs on the CPUs in the set @cpu, its jobs on those of
    cpus_allowed. Returns (exit status, jobs, messages); jobs are the entries of fio's JSON, none if
    fio reported none.
    """
    folder = Path(folder)
    job, out, log = (folder / f"{name}.{kind}" for kind in ("fio", "json", "log"))
    job.write_text(text, encoding="utf-8")
    with open(log, "w", encoding="utf-8") as messages:
        done = subprocess.run([fio, "--output-format=json", f"--output={out}", str(job)],
                              stdout=messages, stderr=subprocess.STDOUT, timeout=timeout,
                              preexec_fn=cpu and (lambda: os.sched_setaffinity(0, cpu)),
                              check=False)
    return done.returncode, read_jobs(out), messages_of(log, out)


def messages_of(log, out):
    """What a fio said on its standard error and output, and the notes beside its JSON that are not there."""
    text = log.read_text(encoding="utf-8", errors="replace")
    said = out.read_text(encoding="utf-8", errors="replace") if out.exists() else ""
    with contextlib.suppress(ValueError):
        _, start, end = split_notes(said)
        said = said[:start] + said[end:]
    have = set(text.splitlines())
    return text + "".join(f"{line}\n" for line in said.splitlines() if line.strip() and line not in have)


def read_jobs(path):
    """
    Returns the jobs of fio's JSON; if fio ran as a client, those that its servers sent. Lines
    before and after the JSON are notes of fio.
    """
    try:
        text = textlines.plain(path, ValueError).decode("utf-8", "replace")
        found, _, _ = split_notes(text)
        return found["jobs"] if "jobs" in found else found["client_stats"]
    except (OSError, ValueError, RecursionError):
        return []


def split_notes(text):
    """
    Returns (the parsed JSON, the offset of its first character, the offset after it) of fio's
    output. fio writes notes before and after the JSON, on lines of their own, which may contain
    braces.
    """
    for start in (found.start() for found in re.finditer(r"^\{", text, re.MULTILINE)):
        with contextlib.suppress(ValueError):
            said, end = json.JSONDecoder().raw_decode(text, start)
            if isinstance(said.get("jobs", said.get("client_stats")), list):
                return said, start, end
    raise ValueError("fio wrote no JSON")


def informs(line):
    """
    Returns whether a line informs how the engine understood a job or what it did, and is no
    complaint.
    """
    return "nvmepi: " in line and any(words in line for words in INFORMATION)


def engine_lines(log):
    """Returns the engine's complaints, without the lines that inform."""
    return [line for line in log.splitlines() if line.startswith("nvmepi:") and not informs(line)]


def tells_mismatches(log, name):
    """
    Returns whether the engine told of mismatches in job @name, by the text of the file @log of all its
    lines, of all hosts. Without the file it may have.
    """
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return " ".join(("nvmepi:", f"{name}:", "mismatches:")) in text


def errors(job):
    """
    Returns the number of I/Os of a job that failed: those after which it continued, and the one at
    which it stopped.
    """
    return job.get("total_err", 0) or (1 if job.get("error") else 0)
