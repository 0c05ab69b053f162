# SPDX-License-Identifier: GPL-2.0-only
"""Benchmarks as ratios: contestants take turns, medians are compared."""
import json
import statistics

import fiojob


def measure(job, folder, name, fio="fio"):
    """(IOPS, user CPU ns an I/O) of one fio job, given as its lines."""
    status, jobs, messages = fiojob.run(fiojob.job_file([], [(name, job)]), folder, name, fio=fio)
    if status:
        raise RuntimeError(f"{name}: fio failed: {messages.strip()}")
    side = max(jobs[0]["read"], jobs[0]["write"], key=lambda s: s["total_ios"])
    return side["iops"], jobs[0]["usr_cpu"] / 100 * side["runtime"] * 1e6 / side["total_ios"]


def spread(values):
    """How far apart the values lie, in per cent of their median."""
    return 100 * (max(values) - min(values)) / statistics.median(values)


def compare(name, contestants, repeats, run):
    """
    run(contestant) gives (IOPS, user ns an I/O); the first of contestants is ours.
    Returns the case as a dict: for each other its ratios, iops above 1 and user
    below 1 being good for ours, and the spread of the repeats in per cent.
    """
    runs = {c: [] for c in contestants}
    for _ in range(repeats):
        for contestant in contestants:
            runs[contestant].append(run(contestant))
    iops = {c: [r[0] for r in runs[c]] for c in contestants}
    user = {c: [r[1] for r in runs[c]] for c in contestants}
    ours, *others = contestants
    result = {"case": name, "iops": round(statistics.median(iops[ours]))}
    for other in others:
        result |= {
            "peer": other,
            "peer_iops": round(statistics.median(iops[other])),
            "iops_ratio": round(statistics.median(iops[ours]) / statistics.median(iops[other]), 3),
            "user_ratio": round(statistics.median(user[ours])
                                / max(statistics.median(user[other]), 1e-9), 3),
            "iops_spread_percent": round(max(spread(iops[ours]), spread(iops[other])), 1),
        }
    return result


def line(result, as_json=False):
    """A case as a line of name=value, or of JSON."""
    return json.dumps(result) if as_json else " ".join(f"{k}={v}" for k, v in result.items())
