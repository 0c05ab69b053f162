# SPDX-License-Identifier: GPL-2.0-only
"""The files of the source tree, and copies of it in which a rule is broken on purpose."""
import shutil
import subprocess
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def list_files(root):
    """The files of the tree, without those that git ignores; all, where it isn't git's."""
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=False,
                          capture_output=True, text=True)
    if done.returncode:
        return [path.relative_to(root) for path in root.rglob("*") if path.is_file()
                and path.relative_to(root).parts[0] not in ("build", ".git")]
    return [Path(name) for name in done.stdout.splitlines() if (root / name).is_file()]


def copy_tree(target):
    for name in list_files(TOP):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TOP / name, target / name)


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


def append(root, name, text):
    with open(root / name, "a", encoding="utf-8") as file:
        file.write(text)


def unseen(rule, damages):
    """Which damages to a copy of the tree the rule, a function of it, says nothing new of."""
    wrong = []
    for number, damage in enumerate(damages, 1):
        with tempfile.TemporaryDirectory() as folder:
            copy_tree(Path(folder))
            before = set(rule(Path(folder)))
            damage(Path(folder))
            if not set(rule(Path(folder))) - before:
                wrong.append(f"damage {number} is not seen")
    return wrong
