# SPDX-License-Identifier: GPL-2.0-only
"""Benchmarks as ratios: two contestants take turns, medians are compared."""
import json
import statistics

from shared import fiojob


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


def take_turns(contestants, repeats, run):
    """
    run(contestant) gives (IOPS, user ns an I/O); a dict: for each contestant those of all
    repeats. Who comes first changes from one repeat to the next (A B, B A).
    """
    runs = {c: [] for c in contestants}
    order = list(contestants)
    for _ in range(repeats):
        for contestant in order:
            runs[contestant].append(run(contestant))
        order.reverse()
    return runs


def medians(runs):
    """(IOPS, user ns an I/O), each for itself."""
    return [statistics.median(values) for values in zip(*runs)]


def ratios(turns):
    """(IOPS, user CPU) of the first contestant, which is ours, to the second's."""
    (iops, user), (peer_iops, peer_user) = (medians(runs) for runs in turns.values())
    return iops / peer_iops, user / max(peer_user, 1e-9)


def compare(name, rounds):
    """
    The case as a dict. rounds: of take_turns(), each under conditions of its own, which
    both contestants share and no repeat evens out. The ratios are the medians of those of
    the rounds, and come with the range of these; of a single round, with the repeats'
    spread in per cent. iops above 1 and user below 1 are good for ours.
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
    """A case as a line of name=value, or of JSON."""
    return json.dumps(result) if as_json else " ".join(f"{k}={v}" for k, v in result.items())
