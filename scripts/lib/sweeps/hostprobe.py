# SPDX-License-Identifier: GPL-2.0-only
"""
Controls 'fio --server' on each of the hosts with fio's client.

Before the measurements each host is checked through fio: it must run the same version of fio, have
the engine in the same build, and be able to use it. fio transfers no files, so each check is a job
whose exec_prerun is a shell test: if the test fails, the job does no I/O.
"""
import re
import time

from shared import environment
from shared import fiojob
from shared import quoting
from shared.fioprocess import Fio, moved
from sweeps.hosts import Refused

PROBE_SECONDS = 30
POLL = 0.005


def start_fio(folder, name, texts, style="json"):
    """Starts a client with one job file per host; @texts is {Host: text}."""
    files = {"job.fio": next(iter(texts.values()))}
    files |= {f"{host.slug}.fio": text for host, text in texts.items()}
    words = [word for host in texts for word in host.client(f"{host.slug}.fio")]
    return Fio(folder, name, files, words, style=style)


def wait_for(fio, seconds):
    """Waits until the fio ends, kills it after @seconds, and returns it."""
    try:
        while not fio.ended() and fio.seconds() < seconds:
            time.sleep(POLL)
    finally:
        fio.kill()
    return fio


def run_fio(folder, name, texts, seconds):
    """Runs the job files on all hosts at the same time."""
    return wait_for(start_fio(folder, name, texts), seconds)


def answers(fio, name=None):
    """Returns {host's name: entries} of the results; with @name only those of that job."""
    found = {}
    for job in fio.jobs():
        if job["jobname"] == name or name is None and job["jobname"] != "All clients":
            found.setdefault(f"{job['hostname']}:{job['port']}", []).append(job)
    return found


# --- first of all ---

def probe_job(place, engine, destroy):
    """
    Returns a job file with one section per check, and for each section what its failure means.
    """
    place_of_it = quoting.sh(engine)
    questions = [(f"test -r {place_of_it}",
                  f"has no engine at {engine}: copy it there, or give --engine"),
                 (f"sha256sum <{place_of_it} | grep -q ^{environment.engine_digest()}",
                  f"has another build of {engine}: copy this one there"),
                 *place.questions(destroy)]
    sections = [(f"question{number}", ["ioengine=null", "size=4k", "stonewall",
                                       f"exec_prerun={quoting.fio_command(test)}"])
                for number, (test, _) in enumerate(questions)]
    return fiojob.job_file([], sections), [meaning for _, meaning in questions]


def ask(folder, texts, style="json"):
    """
    Returns {Host: Fio}. Each host has a client of its own, so that a host that hangs does not delay
    the others.
    """
    asked = {host: start_fio(folder, f"probe-{host.slug}", {host: text}, style)
             for host, text in texts.items()}
    return {host: wait_for(fio, PROBE_SECONDS) for host, fio in asked.items()}


def probe(folder, places, asked):
    """Returns {Host: facts}. Raises Refused that names the host and what it lacks."""
    questions = {host: probe_job(place, asked["engine"], asked["destroy"])
                 for host, place in places.items()}
    answered = ask(folder, {host: text for host, (text, _) in questions.items()}, "json,normal")
    found = {host: judge_answers(host, fio, questions[host][1]) for host, fio in answered.items()}
    next(iter(places.values())).refuse_shared(found)
    trials = ask(folder, {host: trial_job(place, asked["engine"])
                          for host, place in places.items()})
    for host, fio in trials.items():
        if not any(moved(job) for job in answers(fio).get(host.name, [])):
            raise Refused(f"host {host.name}: the engine does not work there: {fio.complaint()}")
    return found


def judge_answers(host, fio, meanings):
    """Returns the facts that fio reports of a host; raises Refused if a check failed."""
    jobs = {job["jobname"]: job for job in answers(fio).get(host.name, [])}
    if not jobs:
        raise Refused(f"host {host.name}: no fio --server answers there ({fio.complaint()})")
    line = re.search(r"^hostname=.*", fio.output(), re.MULTILINE)
    facts = dict(re.findall(r"(\w+)=([^,]+)", line[0] if line else ""))
    ours = environment.output("fio", "--version")
    if facts.get("fio") != ours:
        theirs = facts.get("fio", "an unknown fio")
        raise Refused(f"host {host.name}: has {theirs}, this host has {ours}: install the same "
                      "version")
    for number, meaning in enumerate(meanings):
        if not moved(jobs.get(f"question{number}")):
            raise Refused(f"host {host.name}: {meaning}")
    return facts


def trial_job(place, engine):
    """Returns the job file of the engine's first I/O on a host."""
    return fiojob.job_file([], [("trial", [f"ioengine=external:{engine}", "thread=1", "bs=4k",
                                           "number_ios=1", *place.trial()])])


def environment_of(host, facts, place):
    """
    Returns the environment of a host: all facts if it is this machine, otherwise the few that fio's
    server reports.
    """
    here = environment.machine()
    mine = facts.get("hostname") == here["host"]
    told = dict.fromkeys(here, "") | {"host": facts.get("hostname", host.address),
                                      "fio": facts.get("fio", ""), "engine": here["engine"]}
    return (here if mine else told) | {
        "targets": [{"name": place.name, "kind": place.kind}],
        "notes": [] if mine else ["fio's server reports only its version and its name"]}
