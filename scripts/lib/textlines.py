# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a text file that say something."""
import re
from pathlib import Path


def read(path, refused, comment="#.*"):
    """(line number, text) of each, without comments; refused(line) is raised where it can't be."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise refused(f"{path}: {getattr(error, 'strerror', 'not a text file')}") from None
    stripped = ((number, re.sub(comment, "", line).strip()) for number, line in enumerate(lines, 1))
    return [(number, text) for number, text in stripped if text]
