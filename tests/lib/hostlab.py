# SPDX-License-Identifier: GPL-2.0-only
"""Like guestlab.py without a guest: runs the steps here, on images of the embedded controller."""
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(TOP / "scripts/lib"), str(TOP / "scripts/guest.d")]
import guestlab     # noqa: E402
import namespaces   # noqa: E402
from shared.formats import Format      # noqa: E402

SLEEPERS = 4        # steps in the place of one: of a short job fio sleeps the most

# What has to lie beside an image; written here by another hand than the engine's.
FORMAT_FILE = "nvmepi image format 1\nblocks {blocks}\n{fields}"


def make_image(path, row):
    """An empty image, for a row as Format.row() has it."""
    size, *words = row.split()
    fmt = Format(*map(int, words))
    blocks = namespaces.read_number(size) // fmt.lbs
    namespaces.make_image(path, blocks * fmt.block)
    fields = "".join(f"{name} {value}\n" for name, value in fmt._asdict().items())
    path.with_name(f"{path.name}.format").write_text(
        FORMAT_FILE.format(blocks=blocks, fields=fields), encoding="ascii")


class Lab(guestlab.Lab):
    """A folder with images, which every boot uses as they are."""

    def __init__(self, folder, rows):
        super().__init__(folder, rows)
        for nsid, row in enumerate(self.rows.read_text(encoding="ascii").splitlines(), 1):
            make_image(self.image(nsid), row)

    def device(self, nsid):
        """The image itself; fio takes a colon for the end of a name."""
        return str(self.image(nsid)).replace(":", "\\:")

    def command(self, run, kernel, parallel, timeout, qemu):
        """What runs all steps of a folder; timeout(1) exits as scripts/guest does."""
        workers = parallel * SLEEPERS
        return ["timeout", f"{timeout}", "sh", "-c", guestlab.RUNNER, "-", str(run), f"{workers}"]
