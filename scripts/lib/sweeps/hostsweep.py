# SPDX-License-Identifier: GPL-2.0-only
"""A sweep on many machines at the same time."""
from shared import fiojob
from shared import quoting
from shared.environment import resumed
from shared.fioprocess import moved
from sweeps.hostprobe import PROBE_SECONDS, answers, environment_of, probe, run_fio
from sweeps.hosts import read_hosts
from shared.measures import is_short, time_of_run
from sweeps.sweepjobs import Jobs, fill_limit, not_filled
from sweeps.sweeprun import FILL_AT_ONCE, SLACK, TRIES, Failed


class Sweeper:
    """Runs each point on all hosts at the same time. A host that fails is left out from then on."""

    def __init__(self, folder, place, say):
        self.folder, self.say = folder, say
        plan = folder.plan
        self.asked, self.settings = plan["asked"], plan["sizes"]
        self.jobs = Jobs(self.settings, self.asked["fio"], False, self.asked["engine"])
        self.hosts = {host: place.at(host, folder.token())
                      for host in read_hosts(self.asked["hosts"])}
        self.lost = []

    def prepare(self):
        """Checks all hosts and writes the environment."""
        found = probe(self.folder, self.hosts, self.asked)
        before, now = self.folder.environment().get("hosts", {}), {}
        for host, place in self.hosts.items():
            facts = environment_of(host, found[host], place)
            facts["notes"] += resumed(before.get(host.name, {}), facts)
            now[host.name] = facts
        self.folder.write_environment({"hosts": now})

    def sweep(self, runs):
        """Does all of @runs."""
        formats = list(dict.fromkeys(run.point.fmt for run in runs))
        for first in range(0, len(formats), FILL_AT_ONCE):
            self.fill(formats[first:first + FILL_AT_ONCE])
        self.say(())
        for run in runs:
            self.run(run)

    def finish(self):
        """Removes the files that the sweep left on the hosts."""
        run_fio(self.folder, "cleanup", {host: fiojob.job_file([], [(
            "cleanup", ["ioengine=null", "size=4k", f"exec_postrun={quoting.fio_command(place.cleanup())}"])])
            for host, place in self.hosts.items()}, PROBE_SECONDS)

    def fill(self, formats):
        """Writes each host's namespaces once in full."""
        fio = run_fio(self.folder, "fill", {
            host: self.jobs.fill([(place, fmt) for fmt in formats])
            for host, place in self.hosts.items()}, fill_limit(self.settings, len(formats)))
        found = answers(fio)
        self.drop([host for host in self.hosts if len(found.get(host.name, [])) < len(formats)
                   or not_filled(found[host.name], self.settings)],
                  "while its namespaces were written", fio)

    def run(self, run):
        """Does one run on all hosts."""
        for _ in range(TRIES):
            fio, found = self.try_run(run)
            short = [name for name, job in found.items()
                     if is_short(job, time_of_run(self.folder.plan))]
            if not short:
                break
            print(f"note: {run.name}: fio ended too early on {short[0]}", flush=True)
        else:
            raise Failed(f"{run.name}: fio ended too early, {TRIES} times: {fio.complaint()}")
        lost = [host for host in self.hosts if host.name not in found]
        self.drop(lost, f"in {run.name}", fio)
        fio.keep(self.folder, run.name)
        self.folder.append({
            "run": run.name, "id": run.point.id, "repeat": run.repeat, "order": run.order,
            "round": run.round,
            "hosts": {name: name for name in found}, "lost": [host.name for host in self.lost],
            "raw": run.name, "status": int(any(job["error"] for job in found.values()))})
        self.say([run])

    def try_run(self, run):
        """Returns (fio's client, {host's name: fio's entry} of the hosts that did I/O)."""
        seconds = self.settings["runtime"] + self.settings["ramp"] + SLACK
        fio = run_fio(self.folder, run.name, {
            host: self.jobs.text([run._replace(target=place)])
            for host, place in self.hosts.items()}, seconds)
        return fio, {name: jobs[0] for name, jobs in answers(fio, run.name).items()
                     if moved(jobs[0])}

    def drop(self, lost, when, fio):
        """Continues without these hosts."""
        for host in lost:
            self.lost.append(host)
            del self.hosts[host]
            print(f"sweep: host {host.name} was lost {when}; the others go on", flush=True)
        if not self.hosts:
            raise Failed(f"no host is left: {fio.complaint()}")


def sweep(folder, place, runs, say):
    """Does all of @runs that are not done. The folder's state records the hosts that were lost."""
    sweeper = Sweeper(folder, place, say)
    left = [run for run in runs if not folder.done(run.point.id, run.repeat)]
    try:
        if left:
            sweeper.prepare()
            sweeper.sweep(left)
    finally:
        sweeper.finish()
