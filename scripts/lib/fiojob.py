# SPDX-License-Identifier: GPL-2.0-only
"""Run fio with this project's engine, and read what it reports."""
import json
import os
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
ENGINE = TOP / "build" / "nvmepi.so"


def job_file(common, sections):
    """The text of a job file: common lines, then (name, lines) each."""
    text = "[global]\n" + "".join(f"{line}\n" for line in common)
    for name, lines in sections:
        text += f"\n[{name}]\n" + "".join(f"{line}\n" for line in lines)
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
        text = Path(path).read_text(encoding="utf-8")
        found, _ = json.JSONDecoder().raw_decode(text[text.index("{"):])
        return found["jobs"] if "jobs" in found else found["client_stats"]
    except (OSError, ValueError, KeyError):
        return []


def errors(job):
    """I/Os of a job that failed: those it went on after, and the one it stopped at."""
    return job.get("total_err", 0) or (1 if job.get("error") else 0)
