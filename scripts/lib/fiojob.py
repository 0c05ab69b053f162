# SPDX-License-Identifier: GPL-2.0-only
"""Run fio with this project's engine, and read what it reports."""
import contextlib
import json
import os
import re
import subprocess
from pathlib import Path

import textlines
from command import Refusal

TOP = Path(__file__).resolve().parent.parent.parent
ENGINE = TOP / "build" / "nvmepi.so"


# What fio's job parser takes for an end of the line, or of a name, or puts something else for.
NO_LINE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
NO_NAME = re.compile(r"[\x00-\x1f\x7f#;/\[\]]|^\s|\s$")
NO_PATH = re.compile(r"[\x00-\x1f\x7f#;]|\\(:|$)|\$(\{|pagesize|mb_memory|ncpus)|^\s|\s$")

# What the engine's lines that are no complaints have in them.
# (tests/scripts/check-information holds them against the engine's source.)
INFORMATION = (": host: ", ": blocks: ", ": checked by the ", ": not checked where this run wrote: ", ": created as ",
               " has no effect", ": damaged on purpose: ", " together only: pi_buffer=extended",
               " escape all checks: nothing of them ", ": the application tag can't be checked: ",
               ": the storage tag can't be checked: ", ": the reference tag can't be checked: ")


class Refused(Refusal):
    """What fio would take for something else, in one line."""


def path(name):
    """
    A path as a value of filename=, where a colon ends a name; Refused where fio has no
    words for it, and would use another file.
    """
    text = str(name)
    found = NO_PATH.search(text)
    if found or not text.isprintable():
        what = f"'{found[0]}'" if found and found[0].isprintable() else "a character"
        raise Refused(f"{text}: fio can't be given a name with {what} that it takes for something "
                      "else: name another folder")
    return text.replace(":", "\\:")


def command(test):
    """
    A shell command as a value of exec_prerun= or exec_postrun=; its status is fio's. fio
    puts '> NAME.prerun.txt' behind it, which is never come to: no file is made.
    """
    found = re.search(r"[#;]|\$(\{|pagesize|mb_memory|ncpus)", test)
    if found:
        raise Refused(f"{test}: fio takes '{found[0]}' for something else: use other names")
    return f"({test}) >/dev/null 2>&1 && exit 0 || exit 1 || :"


def line(text):
    """A line of a job file; Refused where it would be several."""
    if NO_LINE.search(text):
        raise Refused(f"'{text}' is no line of a fio job: it has a control character in it, or what is no text")
    return f"{text}\n"


def job_file(common, sections):
    """The text of a job file: common lines, then (name, lines) each."""
    text = "[global]\n" + "".join(map(line, common))
    for name, lines in sections:
        if NO_NAME.search(name):
            raise Refused(f"'{name}' is no name of a fio job: fio ends it at brackets, # and ;")
        text += f"\n{line(f'[{name}]')}" + "".join(map(line, lines))
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
