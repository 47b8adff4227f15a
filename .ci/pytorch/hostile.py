"""Files that gputrain must refuse: exit 2, one line, nothing run."""

import io
import os
import pickle
import warnings
import zipfile
from collections import OrderedDict

import torch

import formula


class Runs:
    """Asks whoever unpickles it to run a command."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def saved(obj, **how):
    b = io.BytesIO()
    torch.save(obj, b, **how)
    return b.getvalue()


def repacked(content, change, compression=zipfile.ZIP_STORED):
    """The archive with each record put through change(name, content)."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def claiming(legacy, numel):
    """A file of 4 elements that says it has numel."""
    content = saved({"w": torch.zeros(4)}, _use_new_zipfile_serialization=not legacy)
    many = b"\x8a\x05" + numel.to_bytes(5, "little")

    def change(b):
        for end in (b"tq", b"Ntq", b"\x85q"):  # of the storage's id, in either form, and of the size
            b = b.replace(b"K\x04" + end, many + end)
        return b

    if legacy:
        return change(content)
    return repacked(content, lambda name, b: change(b) if name.endswith("data.pkl") else b)


def files(command):
    """The hostile files by name, as {name: (content, part of the message)}."""
    good = saved(OrderedDict(formula.every_type()))
    runs = {"weight": torch.zeros(2), "note": Runs(command)}
    numel = 10 << 28  # 10 GiB of float32
    bomb = repacked(good, lambda name, b: bytes(64 << 20) if name.endswith("data/0") else b, zipfile.ZIP_DEFLATED)
    big = io.BytesIO(repacked(good, lambda name, b: b"big" if name.endswith("byteorder") else b))
    with zipfile.ZipFile(big, "a") as z:
        if "archive/byteorder" not in z.namelist():  # PyTorch before 2.1
            z.writestr("archive/byteorder", "big")
    twice = io.BytesIO(good)
    with warnings.catch_warnings(), zipfile.ZipFile(twice, "a") as z:
        warnings.simplefilter("ignore")  # zipfile has doubts
        z.writestr("archive/data/0", b"again")
    return {
        "system.pth": (saved(runs), "posix.system"),
        "system-legacy.pth": (saved(runs, _use_new_zipfile_serialization=False), "posix.system"),
        "system-protocol4.pth": (saved(runs, pickle_protocol=4), "posix.system"),
        "system-plain.pth": (pickle.dumps(runs, protocol=2), "none of PyTorch"),
        "model.pth": (saved(torch.nn.Linear(2, 2)), "torch.nn.modules.linear.Linear"),
        "truncated.pth": (good[: len(good) * 2 // 3], "cut short"),
        "claim.pth": (claiming(False, numel), "larger than the 16 bytes"),
        "claim-legacy.pth": (claiming(True, numel), "is larger than"),
        "bomb.pth": (bomb, "may grow"),
        "big-endian.pth": (big.getvalue(), 'byte order "big"'),
        "twice.pth": (twice.getvalue(), "appears twice"),
    }
