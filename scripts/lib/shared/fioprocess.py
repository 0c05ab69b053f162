# SPDX-License-Identifier: GPL-2.0-only
"""A fio process that a sweep started, and the files that it leaves."""
import os
import shutil
import signal
import subprocess
import time

from shared import fiojob


def moved(job):
    """Returns whether a job, an entry of fio's JSON or None, did any I/O."""
    return bool(job) and any(job[way]["total_ios"] for way in ("read", "write"))


class Fio:
    """
    A fio process, running in a folder of its own under tmp/. The kernel kills it when this program
    dies.
    """

    def __init__(self, folder, name, files, words=("job.fio",), cpu=None, style="json", program="fio"):
        folder.check()
        self.place = folder.path / "tmp" / name
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        for file, text in files.items():
            (self.place / file).write_text(text, encoding="utf-8")
        self.start = time.monotonic()
        with open(self.place / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", program, f"--output-format={style}",
                 "--output=json", *words], cwd=self.place, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                preexec_fn=cpu and (lambda: os.sched_setaffinity(0, cpu)))

    def ended(self):
        return self.process.poll() is not None

    def seconds(self):
        return time.monotonic() - self.start

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def jobs(self):
        return fiojob.read_jobs(self.place / "json")

    def output(self):
        """Returns everything that fio printed."""
        return "".join((self.place / name).read_text(encoding="utf-8", errors="replace")
                       for name in ("log", "json") if (self.place / name).exists())

    def complaint(self):
        """Returns the most informative line of the output: the engine's first one, else fio's."""
        lines = [line for line in self.output().partition("\n{")[0].splitlines()
                 if line.strip() and not fiojob.informs(line)]
        ours = [line for line in lines if "nvmepi:" in line]
        return (ours or lines or [f"fio said nothing, and ended with status {self.process.returncode}"])[0]

    def keep(self, folder, name):
        """
        Moves the files to raw/. The JSON is moved last, because it makes the run count; the notes
        that fio puts around it are moved to the log.
        """
        text = (self.place / "json").read_text(encoding="utf-8", errors="replace")
        _, start, end = fiojob.split_notes(text)
        with open(self.place / "log", "a", encoding="utf-8") as log:
            log.write(text[:start] + text[end:].lstrip("\n"))
        (self.place / "json").write_text(text[start:end] + "\n", encoding="utf-8")
        for left, kind in (("job.fio", "fio"), ("log", "log"), ("json", "json")):
            (self.place / left).rename(folder.raw(name, kind))
        shutil.rmtree(self.place)

    def holds_token(self, names):
        """Returns whether a run took the token and ended without passing it on."""
        taken, given = ([(self.place / f"{name}.{kind}.txt") for name in names]
                        for kind in ("prerun", "postrun"))
        return any(a.exists() and a.stat().st_size and not b.exists()
                   for a, b in zip(taken, given))
