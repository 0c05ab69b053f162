# SPDX-License-Identifier: GPL-2.0-only
"""
Makes the targets that the command line or the plan.json of a sweep names. Nothing is changed yet.
"""
from pathlib import Path

from sweeps import drive
from sweeps import hosts
from shared import system
from sweeps import targets


def local_target(asked, word, tag, drives, dry):
    """
    Returns the target that @word of the command line names; @asked is that of plan.json. @drives
    has the identity that each device had when the sweep began; None if it begins now. For a dry run
    (@dry) the device need not exist.
    """
    if word == "embedded":
        return targets.Images(Path(asked["out"]), False, tag)
    if drives is None and targets.names_folder(word):
        return targets.Images(targets.image_folder(word), True, tag)
    if drives is not None and word not in drives:
        if not Path(word).is_absolute() or word.startswith("/dev/ng"):
            raise targets.Refused(f"the results folder does not say which drive {word} is: an "
                                  "older program wrote it; sweep again")
        return targets.Images(targets.image_folder(word), True, tag)
    if dry and not Path(word).exists():
        return absent_device(asked, word, tag)
    kind = targets.Device if asked["keep_format"] else targets.FormattedDevice
    return known_device(kind, word, tag, drives[word], asked["destroy"]) if drives is not None \
        else new_device(kind, word, tag, asked["destroy"])


def absent_device(asked, word, tag):
    """Returns the target of a dry run for a drive that does not exist here."""
    if asked["keep_format"]:
        raise targets.Refused(f"{word} does not exist, so its format is unknown: leave out "
                              "--keep-format "
                              "for a dry run")
    return targets.AbsentDevice(word, tag)


def new_device(kind, word, tag, allowed):
    """Returns the namespace at a path, if it may be overwritten and is not in use."""
    space = drive.Namespace.at(word, system.HERE)
    drive.refuse_other_serial(space.path, space.identity.serial, allowed)
    space.refuse_if_in_use()
    device = kind(space, tag)
    device.refuse_early()
    return device


def known_device(kind, word, tag, words, allowed):
    """
    Returns the namespace with a stored identity; it is searched under all names when it is opened.
    """
    name = str(words.get("name", word)) if isinstance(words, dict) else word
    known = targets.identity_of({key: value for key, value in dict(words).items() if key != "name"})
    drive.refuse_other_serial(name, known.serial, allowed)
    return kind(drive.Namespace(known, None, name, system.HERE), tag, name)


def open_targets(asked, drives=None, dry=False):
    """
    Returns all targets. If there are several, a tag in the ids of their points tells them apart.
    """
    words = asked["targets"]
    tags = [f"{Path(word).name}-" if len(words) > 1 else "" for word in words]
    if len(set(tags)) < len(tags):
        raise targets.Refused(f"two targets have the same name, or one is given twice: "
                              f"{', '.join(words)}")
    chosen = [local_target(asked, word, tag, drives, dry) for word, tag in zip(words, tags)]
    targets.refuse_twins([target for target in chosen if isinstance(target, targets.Device)])
    return chosen


def drives_of(words, chosen):
    """Returns {word: identity of its device} for plan.json, because names of devices change."""
    return {word: {"name": target.name, **target.can_identity()._asdict()}
            for word, target in zip(words, chosen) if isinstance(target, targets.Device)}


def targets_of(asked, drives=None, dry=False):
    """Returns targets of any kind, without touching them."""
    if asked["hosts"]:
        hosts.read_hosts(asked["hosts"])        # refuses the file before anything is made
        return [hosts.target(asked)]
    if asked["targets"] == ["guest"]:
        return [targets.Namespaces([])]
    return open_targets(asked, drives, dry)
