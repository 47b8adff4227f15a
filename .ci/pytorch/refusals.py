#!/usr/bin/python3
"""Hostile and broken files: refusals.py GPUTRAIN.

Each is refused by import, inspect and export with exit code 2 and one line that
says why, and runs nothing.
"""

import tempfile
from pathlib import Path

import torch

import hostile
import program


def check(gputrain):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        trace = folder / "was-run"
        files = hostile.files(f"touch {trace}")
        nan = torch.ones(2, 3)
        nan[1, 2] = float("nan")
        files["nan.pth"] = (hostile.saved({"fc.bias": torch.ones(2), "fc.weight": nan}), 'tensor "fc.weight": element [1 2] is NaN')
        for name, (content, want) in files.items():
            path, out = folder / name, folder / "out.safetensors"
            path.write_bytes(content)
            gputrain.refuses(want, "import", path, "-o", out)
            gputrain.refuses(want, "export", path, "-o", out)
            if name != "nan.pth":
                gputrain.refuses(want, "inspect", path)
            assert not out.exists(), f"{name}: something was written"
            assert not trace.exists(), f"{name}: the command was run"

        # They are hostile indeed: who trusts them runs the command.
        torch.load(folder / "system.pth")
        assert trace.exists(), "PyTorch itself ran nothing"
        print(f"{len(files)} hostile and broken files: refused, nothing run")


if __name__ == "__main__":
    program.main(check)
