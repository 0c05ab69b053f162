# SPDX-License-Identifier: GPL-2.0-only
"""Converts what fio and the engine measured in a run to columns of points.csv."""
import json

from shared import fiojob
from shared import textlines

COLUMNS = """host target target_kind id repeat order base base_kind
data_size ms guard pi_type placement transfer sts pract prchk pi_verify mode
rw rwmixread bs iodepth numjobs runtime_s
iops read_iops write_iops bw_bytes
lat_mean_ns lat_p50_ns lat_p90_ns lat_p99_ns lat_p999_ns
usr_cpu sys_cpu cpu_ns_per_io
generate_ns_per_block check_ns_per_block generate_ns_per_io check_ns_per_io
blocks_generated blocks_checked ios pi_errors io_errors exit_status
round boot blocks_read blocks_escaped blocks_not_checked""".split()
LATER = COLUMNS[-5:]    # older results folders do not have these

LEAST_RUNTIME = 0.9     # fraction of the requested runtime; a shorter run was cut short
ENDS_EARLY = "number_ios", "io_size", "io_limit", "exitall", "exit_what", "exitall_on_error"
# Columns of blocks that were read, and their names in the engine's report.
READ_BLOCKS = {"blocks_read": "read", "blocks_escaped": "escaped",
               "blocks_not_checked": "not_checked"}

PERCENTILES = {"lat_p50_ns": "50.000000", "lat_p90_ns": "90.000000", "lat_p99_ns": "99.000000",
               "lat_p999_ns": "99.900000"}
# Times in a report: the names of its count of blocks and of the I/Os that it is spent for.
SPENT = {"generate": ("generated", "write"), "check": ("checked", "read")}
EILSEQ = 84
TOTAL = "total"         # the host of rows for all hosts together


def latency(job):
    """
    Returns the columns of completion latency. A mix uses fio's own sum of both directions
    ('mixed'). Without that (for all hosts together) percentiles are not known.
    """
    ways = [job[way] for way in ("read", "write") if job[way]["total_ios"]]
    if len(ways) > 1 and "mixed" in job:
        ways = [job["mixed"]]
    if not ways:
        return {}
    found = {"lat_mean_ns": round(weighted_mean(ways), 1)}
    if len(ways) == 1:
        values = ways[0]["clat_ns"].get("percentile", {})
        found |= {name: values[key] for name, key in PERCENTILES.items() if key in values}
    return found


def is_short(job, seconds):
    """
    Returns whether a job, an entry of fio's JSON, ended without error but long before @seconds.
    """
    if job.get("error"):
        return False
    return max(job[way]["runtime"] for way in ("read", "write")) < LEAST_RUNTIME * seconds * 1000


def fio_failed(row):
    """
    Returns whether fio ended with an error in a run, a row of points.csv, that no column counts: a
    mismatch of fio's own verify, which the engine's report does not have.
    """
    return bool(row["exit_status"]) and not row["pi_errors"] and not row["io_errors"]


def time_of_run(plan):
    """
    Returns the seconds of each run of a plan.json; 0 if a line that was added to all fio jobs can
    end them earlier.
    """
    lines = (plan.get("asked") or {}).get("fio") or ()
    seconds = (plan.get("sizes") or {}).get("runtime")
    early = any(str(line).partition("=")[0].strip() in ENDS_EARLY for line in lines)
    return seconds if isinstance(seconds, (int, float)) and not early else 0


def of_job(job, engine_found=True):
    """
    Returns columns of one entry of fio's JSON, which stands for all jobs of a group. @engine_found: the
    engine told of mismatches; all others are those of fio's own verify (see fio_failed()).
    """
    read, write = job["read"], job["write"]
    ios = read["total_ios"] + write["total_ios"]
    cpu = (job["usr_cpu"] + job["sys_cpu"]) / 100 * job["job_runtime"] * 1e6
    failed = fiojob.errors(job)
    lost = int(job.get("error", 0) not in (0, EILSEQ))
    return {
        "runtime_s": max(read["runtime"], write["runtime"]) / 1000,
        "iops": round(read["iops"] + write["iops"], 1),
        "read_iops": round(read["iops"], 1), "write_iops": round(write["iops"], 1),
        "bw_bytes": read["bw_bytes"] + write["bw_bytes"],
        "usr_cpu": round(job["usr_cpu"], 2), "sys_cpu": round(job["sys_cpu"], 2),
        "cpu_ns_per_io": round(cpu / ios, 1) if ios else "",
        "ios": ios, "pi_errors": (failed - lost) * engine_found, "io_errors": lost,
    } | latency(job)


def read_report(path):
    """
    Returns (blocks, nanoseconds, other columns) of the engine's pi_report of a run; the first two
    are dicts by direction. Returns None if there is no report or it is damaged.
    """
    try:
        jobs = json.loads(textlines.plain(path, ValueError).decode("utf-8"))["jobs"]
        blocks = {way: sum(one["blocks"][done] for one in jobs)
                  for way, (done, _) in SPENT.items()}
        spent = {way: sum(one["time_ns"][way] for one in jobs) for way in SPENT}
        errors = sum(one["mismatches"]["total"] - one["mismatches"]["injected"] for one in jobs)
        # Older engines do not report all of these; those columns stay empty.
        told = {column: sum(one["blocks"][name] for one in jobs)
                for column, name in READ_BLOCKS.items() if all(name in one["blocks"] for one in jobs)}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return blocks, spent, {"pi_errors": errors} | told


def of_report(path, point, job):
    """
    Returns columns of the engine's pi_report of a run, {} if there is none. The report includes the
    I/Os of the warm-up, so the time per I/O is computed from the time per block and from the share
    of I/Os, in fio's entry @job, for which it is spent.
    """
    found = read_report(path)
    if not found:
        return {}
    blocks, spent, columns = found
    ios = sum(job[side]["total_ios"] for side in ("read", "write"))
    for way, (done, side) in SPENT.items():
        columns[f"blocks_{done}"] = blocks[way]
        if blocks[way]:
            each = spent[way] / blocks[way]
            blocks_an_io = point["bs"] / point["data_size"] * job[side]["total_ios"] / max(ios, 1)
            columns[f"{way}_ns_per_block"] = round(each, 2)
            columns[f"{way}_ns_per_io"] = round(each * blocks_an_io, 1)
    return columns


# --- several hosts ---

def jobs_of_run(jobs, name, record):
    """
    Returns [(host, fio's entry)] of a run: one, or one for each host and one for all hosts
    together.
    """
    if "hosts" not in record:
        return [(record["host"], job) for job in jobs if job["jobname"] == name]
    found = []
    for job in jobs:
        host = record["hosts"].get(f"{job.get('hostname')}:{job.get('port')}")
        if job["jobname"] == name and host:
            found.append((host, job))
    # A total of only some of the hosts cannot be compared with one of all hosts.
    if len(found) < 2 or record.get("lost"):
        return found
    return found + [(TOTAL, total([job for _, job in found]))]


def total(parts):
    """
    Returns the entry for all hosts: rates and counts are sums, mean latencies are weighted.
    Percentiles cannot be computed from those of the parts.
    """
    job = {"job_runtime": sum(part["job_runtime"] for part in parts),
           "total_err": sum(part.get("total_err", 0) for part in parts),
           "error": next((part["error"] for part in parts if part["error"]), 0)}
    for name in ("usr_cpu", "sys_cpu"):
        job[name] = sum(part[name] * part["job_runtime"] for part in parts) / \
            max(job["job_runtime"], 1)
    for way in ("read", "write"):
        sides = [part[way] for part in parts]
        job[way] = {key: sum(side[key] for side in sides)
                    for key in ("iops", "bw_bytes", "total_ios")}
        job[way]["runtime"] = max(side["runtime"] for side in sides)
        job[way]["clat_ns"] = {"mean": weighted_mean(sides)}
    return job


def weighted_mean(sides):
    """Returns the mean latency of several entries together."""
    count = sum(side["total_ios"] for side in sides)
    return sum(side["clat_ns"]["mean"] * side["total_ios"] for side in sides) / max(count, 1)
