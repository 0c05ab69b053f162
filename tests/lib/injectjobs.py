# SPDX-License-Identifier: GPL-2.0-only
"""
Jobs that damage blocks with pi_inject=, and jobs that read them, for tests/guest/check-inject.
Each part of the test is a function that yields jobs; each part has blocks of its own.
"""
import sys
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/lib"), str(TOP / "scripts/lib")]
import guestlab     # noqa: E402
import images       # noqa: E402
import labs         # noqa: E402
from shared.formats import Format      # noqa: E402

EVERY = 16                      # one block in so many is damaged, for each field
REGION, IOS = 512, 16           # blocks and I/Os that a job works on, at least
APP, STORAGE = 0x1234, 0xFEDCBA9876543210
TUPLE = ["guard", "app", "storage", "ref"]      # in the order in which a device checks
CHECKS = {"guard": "GUARD", "app": "APPTAG", "storage": "STTAG", "ref": "REFTAG"}
UNCHECKED = ["pi_chk=none", "pi_verify=none"]
BY_HOST = ["pi_chk=none", "pi_verify=all"]
GO_ON = "continue_on_error=verify"


class Shape(NamedTuple):
    """Parameters of the jobs on a namespace. Block sizes are in bytes; 0 means random sizes."""

    bs: int
    depth: int
    write: str = "write"
    thread: int = 0
    how: str = "bit"
    keep: int = 0               # 1: pi_inject_file= is used, and a second fio reads it


class Target(NamedTuple):
    """A namespace: its format, and the jobs on it."""

    fmt: Format
    shape: Shape
    embedded: bool = False

    @property
    def whole(self):
        """True if all parts run here. The guest is slow: some run on one namespace only."""
        return self.embedded or self.shape.keep

    @property
    def io_blocks(self):
        """Returns the number of blocks of an I/O; with random sizes, of the largest."""
        return (self.shape.bs or 131072) // self.fmt.lbs

    @property
    def region(self):
        """Blocks that belong to one part of the test."""
        return max(REGION, IOS * self.io_blocks)

    def row(self):
        """Returns the namespace as a row of the table that the lab reads."""
        return self.fmt.row((len(PARTS) + 1) * self.region * self.fmt.lbs)

    def base(self, part):
        """Returns the first LBA of a part; not 0 in QEMU, which accepts a wrong guard in LBA 0."""
        return (list(PARTS).index(part) + (not self.embedded)) * self.region

    @property
    def tags(self):
        """Returns the tags that every block should have."""
        seed = 0 if self.fmt.pi == 1 else 0x10203 % 2**self.fmt.ref_bits
        return images.Tags(APP, seed, STORAGE % 2**self.fmt.sts)

    def fields(self):
        """Returns the fields in which a check can detect damage."""
        absent = {"storage": not self.fmt.sts, "ref": self.fmt.pi == 3 or not self.fmt.ref_bits,
                  "md": self.fmt.strips}
        return [field for field in [*TUPLE, "data", "md"] if not absent.get(field)]

    def covered(self):
        """Returns those that the device checks; the guard covers metadata before the tuple."""
        return [field for field in self.fields() if not (field == "md" and self.fmt.pil)]

    def shown(self, field):
        """Returns the fields that a full check reports as wrong if @field is damaged."""
        if field == "data":
            return {"guard"}
        return {"md", "guard"} if field == "md" and not self.fmt.pil else {field}

    def checks(self):
        """Returns the option that makes the device check everything that it can."""
        return "pi_chk=" + ",".join(CHECKS[f] for f in self.fields() if f in CHECKS)

    def inject(self, fields, seed=1):
        """Returns the option that damages these fields."""
        how = "" if self.shape.how == "bit" else ":all"
        return "pi_inject=" + ",".join(f"{f}{how}/{EVERY}@{seed}" for f in fields)

    def name(self, nsid):
        """Returns a name of the namespace and its jobs, for messages."""
        size = f"bs={self.shape.bs}" if self.shape.bs else "random bs"
        return f"ns{nsid} {self.fmt.name()}, {size}, depth {self.shape.depth}, {self.shape.how}"


# --- jobs: a part works on blocks of its own; one after another ---

class Job(NamedTuple):
    """A section of a job file."""

    name: str
    options: list


def media(t):
    """Writes damaged blocks to media without checks; every later read must find the damage."""
    yield Job("damage", [f"rw={t.shape.write}", t.inject(t.fields()), *UNCHECKED])
    yield Job("host", ["rw=read", GO_ON, *BY_HOST])
    yield Job("both", ["rw=read", GO_ON, t.checks(), "pi_verify=all"])
    yield Job("device", ["rw=read", GO_ON, t.checks(), "pi_verify=none"])


def reject(t):
    """The device rejects damaged writes; the engine repeats them, so all data of fio is written."""
    yield Job("rejected", [f"rw={t.shape.write}", t.inject(t.covered(), 7), t.checks(),
                           "pi_verify=all", "verify=crc32c"])


def read(t):
    """Damages blocks after they were read; media is not damaged."""
    yield Job("sound", ["rw=write", *UNCHECKED])
    yield Job("read", ["rw=read", t.inject(t.fields(), 9), GO_ON, t.checks(), "pi_verify=all"])


def again(t):
    """Overwritten blocks are no longer damaged."""
    yield Job("spoil", [f"rw={t.shape.write}", t.inject(t.fields(), 11), *UNCHECKED])
    yield Job("restore", ["rw=write", t.checks()])
    yield Job("restored", ["rw=read", t.checks(), "pi_verify=all"])


def trim(t):
    """Trimmed blocks are no longer damaged; not on QEMU, which may leave blocks unchanged."""
    if t.embedded:
        yield Job("soil", ["rw=write", t.inject(t.fields(), 13), *UNCHECKED])
        yield Job("trim", ["rw=trim"])
        yield Job("trimmed", ["rw=read", t.checks(), "pi_verify=all"])


def both(t):
    """Damages blocks after they were read from media that are damaged already."""
    if t.whole:
        yield Job("worse", ["rw=write", t.inject(t.fields(), 15), *UNCHECKED])
        yield Job("worst", ["rw=read", t.inject(t.fields(), 17), GO_ON, *BY_HOST])


def mixed(t):
    """Random writes damage and repair blocks; on QEMU overlapping writes may be torn."""
    if t.whole:
        yield Job("fill", ["rw=write", *UNCHECKED])
        yield Job("mixed", ["rw=randrw", "norandommap", "serialize_overlap=1", GO_ON, *BY_HOST,
                            f"io_size={4 * t.region * t.fmt.lbs}", t.inject(t.fields(), 23)])
        yield Job("settled", ["rw=read", GO_ON, *BY_HOST])


def gone(t):
    """Another fio, without pi_inject_file=, overwrites these damaged blocks."""
    if t.shape.keep:
        yield Job("doomed", ["rw=write", t.inject(t.fields(), 25), *UNCHECKED])


def compared(t):
    """Returns the fields that Compare compares."""
    return [field for field in t.fields() if field in ("data", "md")]


def compare(t):
    """Compare compares data and metadata, not tuples."""
    if t.embedded:
        yield Job("compare", ["rw=write", t.inject(compared(t), 27), *UNCHECKED, "verify=pattern",
                              "verify_pattern=0x5a", "verify_mode=compare", GO_ON])


def pract(t):
    """The tuple that the controller generates covers the damaged metadata."""
    if not t.fmt.strips:
        yield Job("pract", ["rw=write", "pi_act=1", t.inject(["md"], 19)])
        yield Job("practised", ["rw=read", GO_ON, t.checks(), "pi_verify=all"])
        yield Job("stripped", ["rw=read", GO_ON, t.checks(), "pi_verify=all", "pi_act=1"])


def expect(t):
    """pi_expect= says the opposite of what the device does, so the job must fail."""
    damage = ["rw=write", t.inject(["guard"], 21)]
    if t.whole:
        yield Job("wanted-rejected", [*damage, *UNCHECKED, "pi_expect=reject", GO_ON])
        yield Job("wanted-accepted", [*damage, t.checks(), "pi_expect=accept", GO_ON])
        yield Job("any-accepted", [*damage, *UNCHECKED, "pi_expect=any"])
        yield Job("any-rejected", [*damage, t.checks(), "pi_expect=any"])
        yield Job("stopped", [*damage, *UNCHECKED, "pi_expect=reject"])


PARTS = {part.__name__: part for part in (media, reject, read, again, trim, both, mixed, gone,
                                          compare, pract, expect)}


def job_file(device, target, step, jobs, book=None):
    """Returns a job file; each job starts when the one before has ended."""
    fmt, shape = target.fmt, target.shape
    size = [f"bs={shape.bs}"] if shape.bs else [f"bsrange={fmt.lbs}-131072"]
    common = guestlab.engine_lines(
        f"filename={device}", *size, f"iodepth={shape.depth}", f"thread={shape.thread}",
        f"size={target.region * fmt.lbs}", "stonewall", "pi_buffer=data", f"apptag={APP}",
        f"pi_log={step}.jsonl", "pi_log_rate=0", f"pi_report={step}.report", *fmt.options())
    common += [f"pi_ref={target.tags.ref}"] if target.tags.ref else []
    common += [f"pi_storage_tag={target.tags.storage}"] if fmt.sts else []
    common += [f"pi_inject_file={book}"] if book else []
    sections = [(job.name, [f"offset={target.base(part) * fmt.lbs}", *job.options])
                for part in jobs for job in jobs[part](target)]
    return guestlab.fiojob.job_file(common, sections)


def look(_):
    """Reads all blocks and expects the damage."""
    yield Job("look", ["rw=read", GO_ON, *BY_HOST])


def look_again(_):
    """The same through a second path to the namespace."""
    yield Job("look-again", ["rw=read", GO_ON, *BY_HOST])


def rewrite(_):
    """Writes without damage."""
    yield Job("rewrite", ["rw=write"])


# Later fios: on the blocks of which part, what they do, and whether they get pi_inject_file=.
LATER = {"knows": ("media", look, True), "forgot": ("media", look, False),
         "rewrote": ("gone", rewrite, False), "misses": ("gone", look, True)}


def run_fio(name):
    """The command that runs a job file."""
    return f"fio --output-format=json --output={name}.json {name}.fio"


def steps(lab, nsid, target, where):
    """One fio does it all; where the book of faults is a file, others follow."""
    book = f"{lab.folder if where == labs.EMBEDDED else '/dev/shm'}/ns{nsid}.book"
    name, device = f"ns{nsid}", lab.device(nsid)
    text = job_file(device, target, name, PARTS, book if target.shape.keep else None)
    command = run_fio(name)
    for which, (part, jobs, knows) in LATER.items() if target.shape.keep else ():
        more = job_file(device, target, f"{name}-{which}", {part: jobs}, book if knows else None)
        command += f"; cat >{name}-{which}.fio <<'END'\n{more}END\n{run_fio(f'{name}-{which}')}"
    return guestlab.Step(name, command=command, job=text)
