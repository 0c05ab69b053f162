# SPDX-License-Identifier: GPL-2.0-only
"""The cases of the matrix, the pairs of values that they cover, and their fio jobs."""
import itertools
from typing import NamedTuple

from shared import formats
import guestlab
import images
import pairs

IO_BLOCKS = 4                   # blocks of an I/O
IOS = 48                        # of a job; more than the largest depth
REGION = IO_BLOCKS * IOS        # blocks that a mode has to itself
READS_OF = {"read": "write", "randread": "randwrite"}


class Case(NamedTuple):
    """One job on one format."""

    fmt: formats.Format
    pract: int
    buffer: str
    depth: int
    workload: str
    thread: int

    def values(self):
        """Its value of every parameter, by name."""
        own = self._asdict()
        own.update(own.pop("fmt")._asdict())
        return own

    def pairs(self):
        """The pairs of values that it covers."""
        return pairs.of_values(self.values())

    @property
    def host_block(self):
        """Bytes of fio's buffer a block: all that crosses, or data alone."""
        whole = self.buffer == "extended" and not (self.pract and self.fmt.strips)
        return self.fmt.block if whole else self.fmt.lbs

    @property
    def verifies(self):
        """Can fio's verify= look at its buffers?"""
        return self.host_block == self.fmt.lbs

    @property
    def region(self):
        """What has a region of the namespace to itself: reads go where writes went."""
        return self.pract, self.buffer, self.depth, READS_OF.get(self.workload, self.workload)

    def job_name(self):
        return (f"{self.workload}-pract{self.pract}-{self.buffer}-depth{self.depth}-"
                f"{'thread' if self.thread else 'process'}")

    def name(self):
        return f"{self.fmt.name()}: {self.job_name()}"


def all_modes(fmt):
    """(pract, buffer, depth, workload) that a format can be used with."""
    buffers = ("data", "extended") if fmt.mset else ("data",)
    return itertools.product((0, 1), buffers, (1, 32), ("write", "randwrite", "read", "randread"))


def everything(fmts):
    """Every one of the formats in every mode; threads and processes by turns."""
    cases = []
    for i, fmt in enumerate(fmts):
        for j, mode in enumerate(all_modes(fmt)):
            cases.append(Case(fmt, *mode, thread=(i + j + j // 4) % 2))
    return cases


def pairwise(fmts):
    """Cases that cover every pair of values of two parameters, chosen greedily."""
    return pairs.choose([Case(fmt, *mode, thread) for fmt in fmts for mode in all_modes(fmt) for thread in (0, 1)],
                        Case.pairs)


def possible_pairs(fmts):
    """All pairs of values that some case has."""
    return set().union(*(case.pairs() for case in everything_twice(fmts)))


def everything_twice(fmts):
    """Every case as a thread and as a process."""
    for case in everything(fmts):
        yield case
        yield case._replace(thread=1 - case.thread)


class Namespace:
    """The cases on one format, and where each of them works."""

    def __init__(self, nsid, fmt, cases):
        self.nsid, self.fmt, self.cases = nsid, fmt, list(cases)
        self.add_writers()
        self.regions = list(dict.fromkeys(case.region for case in self.cases))
        self.seed = 0x10001 * (nsid + 1) % 2**fmt.ref_bits if fmt.pi != 1 else 0
        self.storage = 0x123456789ABCDEF % 2**fmt.sts

    def add_writers(self):
        """Reads need a case that wrote what they read."""
        written = {case.region for case in self.cases if case.workload not in READS_OF}
        for case in list(self.cases):
            if case.region not in written:
                written.add(case.region)
                self.cases.append(case._replace(workload=READS_OF[case.workload]))

    def row(self):
        """For scripts/guest; the last region stays unwritten."""
        return self.fmt.row((len(self.regions) + 1) * REGION * self.fmt.lbs)

    def tags(self, region):
        """Every region has an application tag, every format a reference tag of its own."""
        return images.Tags(0x1000 + 0x101 * self.regions.index(region), self.seed, self.storage)

    def first_block(self, region):
        return self.regions.index(region) * REGION

    # --- jobs ---

    def section(self, case, stonewall):
        """The lines of a case."""
        block = case.host_block
        tags = self.tags(case.region)
        lines = [f"rw={case.workload}", f"bs={IO_BLOCKS * block}", f"size={REGION * block}",
                 f"offset={self.first_block(case.region) * block}", f"apptag={tags.app}",
                 f"pi_act={case.pract}", f"pi_buffer={case.buffer}", f"iodepth={case.depth}"]
        lines += ["thread=1"] if case.thread else []
        lines += ["verify=crc32c"] if case.verifies else []
        lines += [f"pi_ref={tags.ref}"] if tags.ref else []
        lines += [f"pi_storage_tag={tags.storage}"] if tags.storage else []
        return case.job_name(), lines + (["stonewall"] if stonewall else [])

    def job(self, device):
        """All writers at once, then all readers at once."""
        order = sorted(self.cases, key=lambda case: case.workload in READS_OF)
        readers = [case.workload in READS_OF for case in order]
        sections = [self.section(case, reads and not before)
                    for case, reads, before in zip(order, readers, [False, *readers])]
        common = guestlab.engine_lines(f"filename={device}", *self.fmt.options())
        return guestlab.fiojob.job_file(common, sections)

    def steps(self, device):
        """One fio for all cases, and one for each kind of job that has to be refused."""
        yield guestlab.Step(self.step_name(), job=self.job(device))
        for case in self.refused():
            name, lines = self.section(case, False)
            yield guestlab.Step(self.refusal_name(case), job=guestlab.fiojob.job_file(
                guestlab.engine_lines(f"filename={device}", "verify=crc32c"),
                [(name, lines)]))

    def step_name(self):
        return f"ns{self.nsid}"

    def refusal_name(self, case):
        return f"ns{self.nsid}-refused-pract{case.pract}"

    def refused(self):
        """With verify= such cases are refused; one for each PRACT."""
        return {case.pract: case for case in self.cases if not case.verifies}.values()

    # --- judgement ---

    def judge(self, case, result):
        """Complaints about a case's fio job: every I/O was made, none failed."""
        job = result.jobs.get(case.job_name())
        if not job:
            return ["fio reported nothing: " + (result.engine_lines() or [result.log[-200:]])[-1]]
        reads = IOS if case.workload in READS_OF or case.verifies else 0
        writes = 0 if case.workload in READS_OF else IOS
        done = job["read"]["total_ios"], job["write"]["total_ios"]
        lines = [line for line in result.engine_lines() if f" {case.job_name()}:" in line]
        complaints = lines[:1]
        if guestlab.fiojob.errors(job):
            complaints.append(f"{guestlab.fiojob.errors(job)} errors, error {job['error']}")
        if done != (reads, writes):
            complaints.append(f"{done} reads and writes instead of {(reads, writes)}")
        return complaints

    def judge_region(self, region, image):
        """Complaints about the image of a region: written by its mode alone, byte for byte."""
        return images.check(self.fmt, image, self.first_block(region), REGION, self.tags(region))

    def judge_rest(self, image):
        """Complaints about what no case should have written."""
        first = len(self.regions) * REGION
        return [] if images.untouched(self.fmt, image, first, REGION) else \
            [f"blocks from LBA {first} on were written"]

    @staticmethod
    def judge_refusal(result):
        """Complaints about a job that had to be refused."""
        lines = result.engine_lines()
        good = result.status and len(lines) == 1 and "verify=" in lines[0] and \
            "pi_buffer=data" in lines[0]
        return [] if good else [f"not refused in one line: status {result.status}, {lines}"]
