# SPDX-License-Identifier: GPL-2.0-only
"""
Runs scripts/sweep and similar programs as processes on a model of a rack (tests/lib/rack.py). Each
is a thread, and one runs at a time: at every access to the rack another one may continue, drives
may be inserted or removed, and a process may be interrupted or killed. A stub replaces fio: its
I/O goes to the device to which a name leads when it starts.
"""
import contextlib
import io
import json
import shutil
import signal
import sys
import threading
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from unittest import mock

TOP = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(TOP / "tests/lib"), str(TOP / "scripts/lib")]
from shared import system          # noqa: E402

LOCAL = threading.local()


class Here:
    """The machine of the process that asks."""

    def __getattr__(self, name):
        return getattr(LOCAL.process.machine, name)


system.HERE = Here()
from shared import command      # noqa: E402
from sweeps import devicefacts  # noqa: E402
from sweeps import drive        # noqa: E402
from shared import environment  # noqa: E402
from shared import fiojob       # noqa: E402
from shared import interrupts   # noqa: E402
import rack         # noqa: E402
from shared import results      # noqa: E402
from sweeps import sweeprun     # noqa: E402
from sweeps import targets      # noqa: E402,F401


def load(name):
    """A program as a module."""
    loader = SourceFileLoader(name, str(TOP / "scripts" / name))
    module = module_from_spec(spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


SWEEP, REGRESS = load("sweep"), load("regress")


class Killed(BaseException):
    """SIGKILL: nothing that a process does after it has any effect."""


class ProcessMachine(rack.Machine):
    """The rack as a process sees it; the kernel closes what it leaves open."""

    def __init__(self, world, who, voice):
        super().__init__(world, who, voice)
        self.opened = []

    def open(self, path):
        self.opened.append(super().open(path))
        return self.opened[-1]

    def open_exclusive(self, path):
        self.opened.append(super().open_exclusive(path))
        return self.opened[-1]


class Process(threading.Thread):
    """One program; @job is its results folder and what was named for it."""

    def __init__(self, world, job, words, voice="2.16", program=None, destroy=()):
        super().__init__(daemon=True)
        self.world, self.job, self.words, self.destroy = world, job, list(words), list(destroy)
        self.program = program or self.sweep
        self.name = f"{job.name}.{len(job.processes)}"
        self.machine = ProcessMachine(world, self.name, voice)
        self.turn = threading.Semaphore(0)
        self.killed = self.told = self.ended = False
        self.shields, self.held, self.used = [], [], []
        self.status, self.out, self.err = None, io.StringIO(), io.StringIO()
        job.processes.append(self)
        world.processes.append(self)

    def sweep(self):
        return command.run("sweep", SWEEP.main, SWEEP.read_arguments)

    def run(self):
        LOCAL.process = self
        self.turn.acquire()
        try:
            sys.argv = ["sweep", *self.words]
            self.status = self.program()
        except Killed:
            pass
        except SystemExit as end:
            self.status = end.code
        except BaseException as error:      # pylint: disable=broad-except
            self.world.wrong.append(f"{self.name}: {error!r}")
        finally:
            self.world.over(self)


class Job:
    """A results folder; the namespaces that its command line named, those that it changed."""

    def __init__(self, name, folder, paths, keep=False):
        self.name, self.folder, self.paths, self.keep = name, folder, paths, keep
        self.named, self.touched, self.formatted, self.processes = [], [], [], []

    def begin(self, world):
        """Until it touches something, what is at its paths is what was named."""
        if not self.touched and len(self.processes) == 1:
            for path in self.paths:
                node = world.node(path.removeprefix("/dev/"))
                if node and node.space not in self.named:
                    self.named.append(node.space)


class World(rack.Rack):
    """The rack, the processes on it, and who of them goes on; @event happens now and then."""

    def __init__(self, drives, event=None, pick=None):
        self.processes, self.event, self.pick = [], event, pick
        self.everything = list(drives)
        self.done = threading.Semaphore(0)
        super().__init__(drives)
        self.tick, self.police = self.one_tick, self.judge

    # --- processes ---

    def one_tick(self, _who):
        process = LOCAL.process
        if process.killed:
            raise Killed
        if self.event:
            self.event(self, process)
        for job in {one.job for one in self.processes}:
            job.begin(self)
        if not process.killed:
            self.hand_on(process)
        if process.killed:
            raise Killed
        if process.told and not process.shields:
            process.told = False
            process.shields.append("it is not told twice")
            raise KeyboardInterrupt

    def hand_on(self, process):
        others = [one for one in self.processes if not one.ended and one is not process]
        if others and self.pick:
            chosen = self.pick([process, *others])
            if chosen is not process:
                chosen.turn.release()
                process.turn.acquire()

    def over(self, process):
        """A process has ended: the kernel closes its files and locks."""
        process.ended = True
        for descriptor in process.machine.opened:
            process.machine.close(descriptor)
        for descriptor in process.held:
            with contextlib.suppress(OSError):
                results.os.close(descriptor)
        self.claims = {key: who for key, who in self.claims.items() if who != process.name}
        try:
            if not process.killed:
                self.judge_end(process)
        except Exception as error:      # pylint: disable=broad-except
            self.wrong.append(f"{process.name}: can't be judged: {error!r}")
        others = [one for one in self.processes if not one.ended]
        (others[0].turn if others else self.done).release()

    def run(self, *processes):
        """Until all of them have ended."""
        for process in processes:
            process.start()
        processes[0].turn.release()
        if not self.done.acquire(timeout=20):
            raise RuntimeError("processes wait for each other")
        return processes[0]

    # --- what may not be ---

    def drive_of(self, space):
        return next(one for one in self.everything if space in one.everything() or
                    any(node.space is space and node.drive is one for node in self.nodes))

    def judge(self, who, space, what):
        process = next(one for one in self.processes if one.name == who)
        job, unit = process.job, self.drive_of(space)
        wrong = []
        if unit.serial not in process.destroy:
            wrong.append("its drive was not named")
        if space not in job.named:
            wrong.append("it was not named")
        if space not in job.touched:
            job.touched.append(space)
        if what == "formats" and space not in job.formatted:
            job.formatted.append(space)
        if len(job.touched) > len(job.paths):
            wrong.append("more than were named")
        if job.keep and what == "formats":
            wrong.append("it was to keep its format")
        if space.mounted:
            wrong.append("it is mounted")
        if unit.foreign and space.shared:
            wrong.append("another host uses it")
        if space not in process.used:
            process.used.append(space)
        if any(space in other.used for other in self.processes
               if other is not process and not other.ended):
            wrong.append("another process uses it")
        self.wrong += [f"{who} {what} {unit.serial}/{space.nsid}: {text}" for text in wrong]

    def judge_end(self, process):
        """What is not as it was is told of."""
        self.settle()
        said = process.err.getvalue()
        for space in process.job.formatted:
            if any(space in job.formatted for job in {one.job for one in self.processes}
                   if job is not process.job):
                continue                # it may be the other's turn to put it back
            unit = self.drive_of(space) if space.alive else None
            if unit and (space.now != space.first or space.pending) and unit.serial not in said \
                    and f"{unit.serial}/{space.nsid}" not in self.claims:
                self.wrong.append(f"{process.name} leaves {unit.serial}/{space.nsid} as "
                                  f"{space.now} and says '{said}'")
        if "Traceback" in said or "unexpected" in said or process.status not in (0, 1, 2):
            self.wrong.append(f"{process.name}: {process.status}: {said}")
        if process.status == 1:
            self.wrong.append(f"{process.name}: exit status 1, and there were no PI errors")


# --- stand-ins ---

class Fio:
    """fio of a process: it opens names, refuses what the engine refuses, and does I/O."""

    def __init__(self, folder, name, files, words=(), cpu=None, style="json", program="fio"):
        self.place = folder.path / "tmp" / name
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        self.process, self.returncode, self.said, self.found = self, 0, "", []
        common, *sections = files["job.fio"].split("\n[")
        for section in sections:
            title, _, text = section.partition("]\n")
            lines = dict(line.partition("=")[::2] for line in [*common.splitlines(), *text.splitlines()])
            if not self.io(title, lines):
                self.returncode = 1

    def io(self, title, lines):
        """Of a section; False where the engine refuses it."""
        LOCAL.process.machine.step()
        world = LOCAL.process.world
        node = world.node(lines["filename"].removeprefix("/dev/"))
        if not node or node.space.mounted or node.space.exclusive or node.space.pending:
            self.said = f"nvmepi: {lines['filename']}: {'is busy' if node else 'no such device'}"
            return False
        lbaf, mset, pi, pil = node.space.now
        ds, ms, *_ = node.space.formats[lbaf]
        if lines["ioengine"] == "io_uring":
            if set(node.space.integrity.values()) != {"1"} or not lines["filename"].startswith("/dev/nvme"):
                world.wrong.append(f"{title}: {lines['filename']}: {node.space.integrity}")
        elif (1 << ds, ms, mset if ms else 0, pi, pil if pi else 0) != tuple(
                int(lines[f"ns_{key}"]) for key in ("lbs", "ms", "mset", "pi", "pil")):
            self.said = f"nvmepi: {lines['filename']} is formatted otherwise"
            return False
        world.police(LOCAL.process.name, node.space, "does I/O on")
        side = {"total_ios": 1, "io_bytes": 1 << 40, "runtime": 10 ** 9}
        self.found.append({"jobname": title, "error": 0, "job_runtime": 10 ** 9, "read": side,
                           "write": side, "trim": side})
        return True

    def ended(self):
        return True

    def seconds(self):
        return 0

    def kill(self):
        pass

    def jobs(self):
        return self.found

    def complaint(self):
        return self.said

    def keep(self, folder, name):
        folder.raw(name, "json").write_text(json.dumps({"jobs": self.found}), encoding="utf-8")
        shutil.rmtree(self.place)


class Streams(io.TextIOBase):
    """Standard output or error of the process that writes."""

    def __init__(self, name, other):
        self.name, self.other = name, other

    def write(self, text):
        process = getattr(LOCAL, "process", None)
        return (getattr(process, self.name) if process else self.other).write(text)

    def flush(self):
        if not getattr(LOCAL, "process", None):
            self.other.flush()


@contextlib.contextmanager
def handled_by(handler):
    """Signals of a process: it is told later, or never, as the handler is."""
    process = LOCAL.process
    process.shields.append(handler)
    try:
        yield
    finally:
        process.shields.pop()
        if process.told and not process.shields:
            process.told = False
            if callable(handler):
                handler(2, None)


def interrupt(_number, _frame):
    LOCAL.process.shields.append("it is not told twice")
    raise KeyboardInterrupt


def hold(path, real=results.hold):
    LOCAL.process.held.append(real(path))
    return LOCAL.process.held[-1]


def append(self, *records, sync=False, real=results.Folder.append):
    """A process may be killed as it writes."""
    process = LOCAL.process
    process.machine.step()
    kill_here = getattr(process, "kill_in_append", None)
    if kill_here and kill_here():
        with open(self.state, "ab") as file:
            file.write(b'{"formatted": "/dev/n')
        process.killed = True
        raise Killed
    real(self, *records, sync=sync)


def write_whole(path, text, real=results.write_whole):
    LOCAL.process.machine.step()
    real(path, text)


@contextlib.contextmanager
def heard():
    """
    SIGINT as programs have it once they listen: a shell starts what runs in the background with
    SIGINT ignored, and interrupts.deferred() would take that for its own doing.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def stand_ins():
    """All of them in their places."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(heard())
        for place, name, what in (
                (sweeprun, "Fio", Fio), (sweeprun, "POLL", 0), (interrupts, "listen", lambda: None),
                (interrupts, "handled_by", handled_by), (interrupts, "interrupt", interrupt),
                (results, "hold", hold), (results, "write_whole", write_whole),
                (results.Folder, "append", append), (results.Folder, "rows", lambda self: iter(())),
                (environment, "machine", lambda: {"host": "rack", "kernel": "", "fio": "",
                                                  "engine": ""}),
                (environment, "knows_report", lambda: True),
                (devicefacts, "facts", lambda path: {}),
                (fiojob, "ENGINE", Path(__file__)),
                (drive, "PAUSE", 1),
                (sys, "stdout", Streams("out", sys.stdout)),
                (sys, "stderr", Streams("err", sys.stderr))):
            stack.enter_context(mock.patch.object(place, name, what))
        yield


def regress(words, destroy):
    """scripts/regress on a device, as far as it handles that, as a program of a process."""
    class Case(REGRESS.Case):
        """A job, by the stub of fio."""

        def run(self, folder, stop):
            self.target.check()
            LOCAL.process.machine.step()
            node = LOCAL.process.world.node(self.device.removeprefix("/dev/"))
            if node and not node.space.mounted and not node.space.exclusive:
                LOCAL.process.world.police(LOCAL.process.name, node.space, "does I/O on")
            return []

    def main(_):
        args = mock.Mock(target=words[0], destroy=destroy, device=True, only="")
        with REGRESS.device_of(args) as place:
            for job in range(3):
                Case(job, place.can.now().fmt, place.filename(None), place).run(None, None)
        return 0
    return lambda: command.run("regress", main, lambda: None)
