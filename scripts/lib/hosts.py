# SPDX-License-Identifier: GPL-2.0-only
"""
A sweep on many machines at once: fio's client here, 'fio --server' on each of them.

Before anything is measured each host is asked, through fio, whether it answers with
this fio's version, has the engine, the same build of it, and can use it. fio carries
no files, so a question is a job whose exec_prerun is the test: where that fails the job
does no I/O.
"""
import re
import time
from pathlib import Path
from typing import NamedTuple

import environment
import fiojob
import sweeprun
from points import format_slug
from targets import Images, escape, plain

PORT = 8765
PROBE_SECONDS = 30


class Refused(Exception):
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
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path}: {getattr(error, 'strerror', 'not a text file')}") from None
    found = []
    for at, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)(?::([1-9][0-9]{0,4}))?", text)
        if text and not match:
            raise Refused(f"{path}:{at}: '{text}' is not host[:port]")
        if text:
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


# --- fio's client ---

def start_fio(folder, name, texts, style="json"):
    """A client with a job file for each host: {Host: text}."""
    files = {"job.fio": next(iter(texts.values()))}
    files |= {f"{host.slug}.fio": text for host, text in texts.items()}
    words = [word for host in texts for word in host.client(f"{host.slug}.fio")]
    return sweeprun.Fio(folder, name, files, words, style=style)


def wait_for(fio, seconds):
    """It, ended, or ended for it."""
    try:
        while not fio.ended() and fio.seconds() < seconds:
            time.sleep(sweeprun.POLL)
    finally:
        fio.kill()
    return fio


def run_fio(folder, name, texts, seconds):
    """All hosts at once."""
    return wait_for(start_fio(folder, name, texts), seconds)


def answers(fio, name=None):
    """{host's name: entries} of what came back; @name leaves one job's."""
    found = {}
    for job in fio.jobs():
        if job["jobname"] == name or name is None and job["jobname"] != "All clients":
            found.setdefault(f"{job['hostname']}:{job['port']}", []).append(job)
    return found


# --- first of all ---

def probe_job(place, engine, destroy):
    """Sections, one a question; and what their failures mean."""
    questions = [(f"test -r {engine}", f"has no engine at {engine}: copy it there, or give --engine"),
                 (f"echo '{environment.engine_digest()}  {engine}' | sha256sum -c",
                  f"has another build of {engine}: copy this one there"),
                 *place.questions(destroy)]
    sections = [(f"question{number}", ["ioengine=null", "size=4k", "stonewall",
                                       f"exec_prerun={test}"])
                for number, (test, _) in enumerate(questions)]
    return fiojob.job_file([], sections), [meaning for _, meaning in questions]


def ask(folder, texts, style="json"):
    """{Host: Fio} of a client for each host, which can't keep the others waiting."""
    asked = {host: start_fio(folder, f"probe-{host.slug}", {host: text}, style)
             for host, text in texts.items()}
    return {host: wait_for(fio, PROBE_SECONDS) for host, fio in asked.items()}


def probe(folder, places, asked):
    """{Host: facts}; Refused says which of the hosts lacks what."""
    questions = {host: probe_job(place, asked["engine"], asked["destroy"])
                 for host, place in places.items()}
    answered = ask(folder, {host: text for host, (text, _) in questions.items()}, "json,normal")
    found = {host: judge_answers(host, fio, questions[host][1]) for host, fio in answered.items()}
    trials = ask(folder, {host: trial_job(place, asked["engine"]) for host, place in places.items()})
    for host, fio in trials.items():
        if not any(sweeprun.moved(job) for job in answers(fio).get(host.name, [])):
            raise Refused(f"host {host.name}: the engine does not work there: {fio.complaint()}")
    return found


def judge_answers(host, fio, meanings):
    """What fio says of a host; Refused where a question failed."""
    jobs = {job["jobname"]: job for job in answers(fio).get(host.name, [])}
    if not jobs:
        raise Refused(f"host {host.name}: no fio --server answers there ({fio.complaint()})")
    line = re.search(r"^hostname=.*", fio.output(), re.MULTILINE)
    facts = dict(re.findall(r"(\w+)=([^,]+)", line[0] if line else ""))
    ours = environment.output("fio", "--version")
    if facts.get("fio") != ours:
        raise Refused(f"host {host.name}: has {facts.get('fio', 'an unknown fio')}, here is {ours}: "
                      "the same is needed")
    for number, meaning in enumerate(meanings):
        if not sweeprun.moved(jobs.get(f"question{number}")):
            raise Refused(f"host {host.name}: {meaning}")
    return facts


def trial_job(place, engine):
    """The engine's first I/O on a host."""
    return fiojob.job_file([], [("trial", [f"ioengine=external:{engine}", "thread=1", "bs=4k",
                                           "number_ios=1", *place.trial()])])


def environment_of(host, facts, place):
    """What fio's server tells, and of this machine all."""
    here = environment.machine()
    mine = facts.get("hostname") == here["host"]
    told = dict.fromkeys(here, "") | {"host": facts.get("hostname", host.address),
                                      "fio": facts.get("fio", ""), "engine": here["engine"]}
    return (here if mine else told) | {
        "targets": [{"name": place.name, "kind": place.kind}],
        "notes": [] if mine else ["fio's server tells its version and its name, no more"]}


# --- the sweep ---

class Sweeper:
    """All hosts at once, a run at a time; a host that goes away is left out from then on."""

    def __init__(self, folder, place, say):
        self.folder, self.say = folder, say
        plan = folder.plan
        self.asked, self.settings = plan["asked"], plan["sizes"]
        self.jobs = sweeprun.Jobs(self.settings, self.asked["fio"], False, self.asked["engine"])
        self.hosts = {host: place.at(host) for host in read_hosts(self.asked["hosts"])}
        self.lost = []

    def prepare(self):
        """Ask all of them; the environment."""
        found = probe(self.folder, self.hosts, self.asked)
        self.folder.write_environment({"hosts": {
            host.name: environment_of(host, found[host], place)
            for host, place in self.hosts.items()}})

    def sweep(self, runs):
        """All of @runs."""
        formats = list(dict.fromkeys(run.point.fmt for run in runs))
        for first in range(0, len(formats), sweeprun.FILL_AT_ONCE):
            self.fill(formats[first:first + sweeprun.FILL_AT_ONCE])
        self.say(())
        for run in runs:
            self.run(run)

    def finish(self):
        """Remove what is left on the hosts."""
        run_fio(self.folder, "cleanup", {host: fiojob.job_file([], [(
            "cleanup", ["ioengine=null", "size=4k", f"exec_postrun={place.cleanup()}"])])
            for host, place in self.hosts.items()}, PROBE_SECONDS)

    def fill(self, formats):
        """Each host's namespaces, written in full."""
        fio = run_fio(self.folder, "fill", {
            host: self.jobs.fill([(place, fmt) for fmt in formats])
            for host, place in self.hosts.items()}, sweeprun.SLACK + len(formats) * PROBE_SECONDS)
        found = answers(fio)
        self.drop([host for host in self.hosts if len(found.get(host.name, [])) < len(formats)],
                  "as its namespaces were written", fio)

    def run(self, run):
        """One run on all hosts."""
        seconds = self.settings["runtime"] + self.settings["ramp"] + sweeprun.SLACK
        fio = run_fio(self.folder, run.name, {
            host: self.jobs.text([run._replace(target=place)])
            for host, place in self.hosts.items()}, seconds)
        found = {name: jobs[0] for name, jobs in answers(fio, run.name).items()
                 if sweeprun.moved(jobs[0])}
        lost = [host for host in self.hosts if host.name not in found]
        self.drop(lost, f"in {run.name}", fio)
        fio.keep(self.folder, run.name)
        self.folder.append({
            "run": run.name, "id": run.point.id, "repeat": run.repeat, "order": run.order,
            "hosts": {name: name for name in found}, "lost": [host.name for host in self.lost],
            "raw": run.name, "status": int(any(job["error"] for job in found.values()))})
        self.say([run])

    def drop(self, lost, when, fio):
        """Go on without these hosts."""
        for host in lost:
            self.lost.append(host)
            del self.hosts[host]
            print(f"sweep: host {host.name} was lost {when}; the others go on", flush=True)
        if not self.hosts:
            raise sweeprun.Failed(f"no host is left: {fio.complaint()}")


def sweep(folder, place, runs, say):
    """All of @runs that are not done; hosts that are lost are told of in the folder's state."""
    sweeper = Sweeper(folder, place, say)
    try:
        sweeper.prepare()
        sweeper.sweep([run for run in runs if not folder.done(run.point.id, run.repeat)])
    finally:
        sweeper.finish()
