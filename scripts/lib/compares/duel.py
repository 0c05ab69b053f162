# SPDX-License-Identifier: GPL-2.0-only
"""Benchmarks of two contestants as ratios: they take turns, and their medians are compared."""
import json
import statistics

from shared import fiojob


def measure(job, folder, name, fio="fio"):
    """Returns (IOPS, user CPU ns per I/O) of one fio job, which is given as its lines."""
    status, jobs, messages = fiojob.run(fiojob.job_file([], [(name, job)]), folder, name, fio=fio)
    if status:
        raise RuntimeError(f"{name}: fio failed: {messages.strip()}")
    side = max(jobs[0]["read"], jobs[0]["write"], key=lambda s: s["total_ios"])
    return side["iops"], jobs[0]["usr_cpu"] / 100 * side["runtime"] * 1e6 / side["total_ios"]


def spread(values):
    """Returns the range of the values in per cent of their median."""
    return 100 * (max(values) - min(values)) / statistics.median(values)


def take_turns(contestants, repeats, run):
    """
    Returns {contestant: results of all its repeats}; run(contestant) returns (IOPS, user ns per
    I/O). Which contestant comes first alternates between repeats (A B, B A).
    """
    runs = {c: [] for c in contestants}
    order = list(contestants)
    for _ in range(repeats):
        for contestant in order:
            runs[contestant].append(run(contestant))
        order.reverse()
    return runs


def medians(runs):
    """Returns the median of IOPS and the median of user ns per I/O."""
    return [statistics.median(values) for values in zip(*runs)]


def ratios(turns):
    """
    Returns (IOPS, user CPU) of the first contestant, which is ours, divided by those of the second.
    """
    (iops, user), (peer_iops, peer_user) = (medians(runs) for runs in turns.values())
    return iops / peer_iops, user / max(peer_user, 1e-9)


def compare(name, rounds):
    """
    Returns one case as a dict. @rounds are results of take_turns(), each under its own conditions,
    which both contestants share and which repeats do not average out. The ratios are the medians
    over the rounds, with their range; for a single round, with the spread of the repeats in per
    cent. For our engine iops above 1 and user below 1 are good.
    """
    ours, peer = rounds[0]
    iops = {c: [r[0] for turns in rounds for r in turns[c]] for c in (ours, peer)}
    of_rounds = {key: values for key, values in zip(("iops_ratio", "user_ratio"),
                                                    zip(*map(ratios, rounds)))}
    result = {"case": name, "iops": round(statistics.median(iops[ours])), "peer": peer,
              "peer_iops": round(statistics.median(iops[peer]))}
    result |= {key: round(statistics.median(values), 3) for key, values in of_rounds.items()}
    if len(rounds) == 1:
        return result | {"iops_spread_percent": round(max(map(spread, iops.values())), 1)}
    for key, values in of_rounds.items():
        result |= {f"{key}_min": round(min(values), 3), f"{key}_max": round(max(values), 3)}
    return result | {"rounds": len(rounds)}


def line(result, as_json=False):
    """Returns a case as a line of name=value, or as JSON."""
    return json.dumps(result) if as_json else " ".join(f"{k}={v}" for k, v in result.items())
