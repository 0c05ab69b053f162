# SPDX-License-Identifier: GPL-2.0-only
"""Manners of the programs that read results: errors in one line, exit statuses."""
import os
import sys

from readings import Unusable


def run(name, main, read_arguments):
    """The exit status of main(read_arguments()), 2 with a line of what can't be used."""
    try:
        status = main(read_arguments())
        sys.stdout.flush()
        return status
    except Unusable as error:
        print(f"{name}: {error}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)    # Python flushes once more
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""     # a full disk names no file
        print(f"{name}: {where}{error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
    return 2
