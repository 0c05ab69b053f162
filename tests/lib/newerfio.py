# SPDX-License-Identifier: GPL-2.0-only
"""A newer fio beside the installed one, as scripts/install-deps --peer-fio brings it, and the engine for it."""
import os
import shutil
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
TREE = TOP / "build/deps/fio-peer"
PROGRAM = TREE / "fio"
LEFT_OUT = {TOP / "build" / name for name in ("deps", "guest", "logs", "san", "tests", "peer", "results")}


def build_engine(folder):
    """The engine, built in a new folder: all but engines/fio.c is the same, and not compiled again."""
    shutil.copytree(TOP / "build", folder, symlinks=True,
                    ignore=lambda path, names: {n for n in names if Path(path, n) in LEFT_OUT or n == "fio.o"})
    for words in (["./configure", f"--with-fio={TREE}", f"--build-dir={folder}"],
                  ["make", "-s", f"B={folder}", "-o", f"{folder}/config.mk", f"{folder}/nvmepi.so"]):
        subprocess.run(words, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                       check=True, env={k: v for k, v in os.environ.items() if k != "FIO"})
    return folder / "nvmepi.so"
