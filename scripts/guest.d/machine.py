# SPDX-License-Identifier: GPL-2.0-only
"""
The virtual machine: QEMU's command line, and the files that host and guest exchange.

The guest mounts one folder of the run, 'share', for reading and writing. The host writes there
  config   for init: modules=, namespaces=, and shares(), which calls share for each --share
  run      the script that init executes at its end
  command  for run: environment, folder and command
and the guest writes there
  started  the command is about to start
  stdout, stderr, status   of the command
  error    why the command has no status
"""
import itertools
import os
import shutil
import subprocess
from pathlib import Path

from shared import quoting

PARTS = Path(__file__).resolve().parent
COUNTER = PARTS.parent.parent / "build" / "count.so"
PASSED_ON = "PATH", "HOME", "LANG", "TERM"


def folder(tag, path, options=""):
    """Returns QEMU options for a folder of the host that the guest can mount by its tag."""
    return ["-fsdev", f"local,id={tag},path={quoting.qemu(path)},security_model=none,"
                      f"multidevs=remap{options}",
            "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]


def zones(row):
    if not row.zone_size:
        return ""
    return (f",zoned=on,zoned.zone_size={row.zone_size},zoned.zone_capacity={row.zone_capacity or row.zone_size},"
            f"zoned.max_open={row.max_open},zoned.max_active={row.max_active}")


def handles(rows):
    """
    Returns the placement handles of each namespace, lists of numbers; none has any unless some row asks
    for them. Then each has its own, one at least, as QEMU shares them only between equal formats.
    """
    if not any(row.ruhs for row in rows):
        return [[] for _ in rows]
    numbers = itertools.count()
    return [list(itertools.islice(numbers, max(row.ruhs, 1))) for row in rows]


def controller(owned):
    """Returns QEMU's options for the controller; placement handles are those of a subsystem."""
    number = sum(map(len, owned))
    if not number:
        return ["-device", "nvme,id=nvme0,serial=nvmepi"]
    return ["-device", f"nvme-subsys,id=subsys0,nqn=nvmepi,fdp=on,fdp.nruh={number}",
            "-device", "nvme,id=nvme0,serial=nvmepi,subsys=subsys0"]


def namespace(nsid, row, image, own):
    placed = f",fdp.ruhs={';'.join(map(str, own))}" if own else ""
    return ["-drive", f"file={quoting.qemu(image)},if=none,id=image{nsid},format=raw,"
                      "cache=unsafe,discard=unmap",
            "-device", f"nvme-ns,bus=nvme0,drive=image{nsid},nsid={nsid},"
                       f"logical_block_size={row.lbs},physical_block_size={row.lbs},"
                       f"ms={row.ms},mset={row.mset},pi={row.pi},pil={row.pil},pif={row.pif}{zones(row)}{placed}"]


def command_line(options, kernel, run, images):
    """
    Returns QEMU's command line for the folders of a kernel and of a run. The kernel kills QEMU when
    this program dies.
    """
    owned = handles(options.namespaces)
    accel = "tcg,thread=multi" if options.accel == "tcg" else options.accel
    words = ["setpriv", "--pdeathsig", "KILL", "--", options.qemu,
             "-M", "pc", "-accel", accel, "-cpu", "max", "-smp", options.cpus, "-m", options.memory,
             "-nodefaults", "-no-user-config", "-nographic", "-no-reboot",
             "-serial", f"file:{quoting.qemu(run / 'serial.log')}",
             "-kernel", f"{kernel}/vmlinux", "-initrd", f"{kernel}/initramfs",
             "-append", "console=ttyS0 quiet panic=-1 oops=panic"]
    words += folder("root", "/", ",readonly=on") + folder("run", run / "share")
    if options.count:
        words += ["-plugin", f"file={quoting.qemu(COUNTER)},out={quoting.qemu(options.count)}"]
    for number, path in enumerate(options.share):
        words += folder(f"share{number}", path)
    if images:
        words += controller(owned)
    for nsid, (row, image, own) in enumerate(zip(options.namespaces, images, owned), 1):
        words += namespace(nsid, row, image, own)
    return words


def write_lines(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def fill_share(options, kernel, share):
    """Writes the files that the guest reads, and creates empty ones that it writes."""
    share.mkdir()
    write_lines(share / "config", [
        f"modules={quoting.sh(f'{kernel}/lib/modules')}",
        f"namespaces={len(options.namespaces)}",
        "shares() {",
        *(f"share share{n} {quoting.sh(str(path))}" for n, path in enumerate(options.share)),
        ":", "}"])
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    write_lines(share / "command", [
        "echo $$ >/run/command.pid",
        *(f"export {name}={quoting.sh(value)}"
          for name, value in (environment | options.env).items()),
        f"cd {quoting.sh(os.getcwd())} || exit 125",
        f"exec {quoting.sh(*options.command)}"])
    shutil.copy(PARTS / "run", share)
    for name in ("stdout", "stderr"):
        (share / name).touch()


def start(words, log):
    """Starts QEMU without the terminal's signals; its messages go to @log."""
    with open(log, "wb") as file:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                start_new_session=True)


def stop(process):
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
