# SPDX-License-Identifier: GPL-2.0-only
"""Refuses lines of --fio that would do harm in a sweep, or nothing."""
import re

from shared import quoting
from shared.command import Refusal

# Options by which fio or the engine uses other files than the sweep's targets. Files with relative
# paths would be removed together with the folder in which fio runs.
OTHER_FILES = (
    "filename", "filename_format", "directory", "opendir", "read_iolog", "replay_redirect",
    "merge_blktrace_file", "write_iolog", "write_bw_log", "write_lat_log", "write_iops_log",
    "write_hist_log", "ns_fault_log", "pi_log", "pi_dump", "pi_inject_file")
MEMORY = "mem", "iomem"         # these use a file if their value has a name behind a colon
# Options that a sweep sets itself, and the key of --set that chooses the value; '' if none does.
# Those in the section of a run take precedence, so such a line would be without effect.
SET_BY = {
    **dict.fromkeys(("rw", "readwrite", "rwmixread", "rwmixwrite"), "rw"),
    **dict.fromkeys(("bs", "blocksize", "bsrange", "blocksize_range", "bssplit"), "bs"),
    "iodepth": "iodepth", "numjobs": "jobs", "runtime": "runtime", "timeout": "runtime",
    "ramp_time": "ramp", "size": "size",
    "ns_lbs": "data_size", "ns_ms": "ms", "ns_mset": "transfer", "ns_pi": "type",
    "ns_pil": "placement", "ns_pif": "guard", "ns_sts": "sts",
    **dict.fromkeys(("pi_act", "pi_chk", "pi_verify"), "mode"),
    **dict.fromkeys(("ioengine", "thread", "pi_buffer", "pi_report", "continue_on_error",
                     "verify_state_save", "group_reporting", "stonewall", "wait_for_previous",
                     "time_based", "cpus_allowed"), ""),
}
COMMANDS = "exec_prerun", "exec_postrun"        # a sweep with overlap sets these itself


class Refused(Refusal):
    """The reason why a line of --fio cannot be used."""


def option_of(text):
    """Returns the name of the option in a line of a job."""
    return text.partition("=")[0].strip()


def refuse(text):
    """Refuses what is no line of a job, uses other files, or is set by the sweep itself."""
    quoting.fio_line(text)
    option, value = option_of(text), text.partition("=")[2]
    if not option:
        raise Refused("--fio= is empty: give a line of a fio job")
    if option == "unified_rw_reporting":
        raise Refused(f"--fio={text}: fio would not report reads and writes "
                      "apart, which a sweep needs: leave it out")
    if option in OTHER_FILES or re.match(r"\[|include\b", option) or \
            option in MEMORY and ":" in value:
        raise Refused(f"--fio={text}: fio would use files other than the "
                      "targets of the sweep: name them as TARGET, or leave it out")
    if SET_BY.get(option):
        raise Refused(f"--fio={text}: the sweep itself sets {option}: choose it by "
                      f"--set={SET_BY[option]}=")
    if option in SET_BY:
        raise Refused(f"--fio={text}: the sweep itself sets {option}: leave it out")


def refuse_commands(lines, overlap):
    """Refuses commands around a run if runs overlap: the sweep has commands of its own there."""
    for text in lines:
        if overlap > 1 and option_of(text) in COMMANDS:
            raise Refused(f"--fio={text}: the sweep itself sets {option_of(text)} where fios "
                          "overlap: give --set=overlap=1")
