#!/usr/bin/python3
"""Writes model/weights/testdata/*.pth with the PyTorch that is installed.

The files in the repository were made by PyTorch 1.13.
"""

import argparse
import pathlib
import sys
import warnings
from collections import OrderedDict

import numpy
import torch

import formula
import hostile

OUT = pathlib.Path(__file__).resolve().parents[2] / "model/weights/testdata"


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 2, 2)
        self.bn = torch.nn.BatchNorm2d(2)

    def forward(self, x):
        return self.bn(self.conv(x))

    def fill(self):
        for k, (name, t) in enumerate(self.state_dict().items()):
            t.copy_(formula.tensor(k, tuple(t.shape), t.dtype))
        return self


def checkpoint():
    """What a training script keeps: torch.compile inside DataParallel, the
    optimizer, figures and settings beside it."""
    net = Net().fill()
    state = net.state_dict()
    wrapped = OrderedDict(("module._orig_mod." + name, t) for name, t in state.items())
    wrapped._metadata = state._metadata
    net(torch.ones(1, 3, 4, 4)).sum().backward()
    optimizer = torch.optim.Adam(net.parameters())
    optimizer.step()
    net.fill()  # the state dict shares its tensors
    return {
        "epoch": 3,
        "model": wrapped,
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1, device=torch.device("cpu"), dtype=torch.float32),
        "best": numpy.float64(0.5),
    }


def main():
    warnings.simplefilter("ignore")
    torch.manual_seed(1)
    OUT.mkdir(exist_ok=True)
    legacy = {"_use_new_zipfile_serialization": False}
    files = {
        "types.pth": hostile.saved(OrderedDict(formula.every_type())),
        "types-legacy.pth": hostile.saved(formula.every_type(), **legacy),
        "views.pth": hostile.saved(formula.views()),
        "views-legacy.pth": hostile.saved(formula.views(), **legacy),
        "protocol4.pth": hostile.saved(OrderedDict(formula.every_type()), pickle_protocol=4),
        "parameters.pth": hostile.saved(dict(Net().fill().named_parameters())),
        "checkpoint.pth": hostile.saved(checkpoint()),
        "checkpoint-legacy.pth": hostile.saved(checkpoint(), **legacy),
        "nan.pth": hostile.saved({"fc.bias": torch.ones(2), "fc.weight": torch.tensor([[1, 2, 3], [4, 5, float("nan")]])}),
        "wide.pth": hostile.saved({"fc.weight": torch.tensor([1e300], dtype=torch.float64)}),
        "expanded.pth": hostile.saved({"a": torch.zeros(1).expand(1000, 1000)}),
    }
    for name, (content, _) in hostile.files("touch /tmp/gputrain-hostile").items():
        if name.startswith(("system", "model")):
            files[name] = content
    for name, content in files.items():
        (OUT / name).write_bytes(content)
        print(f"{len(content):6d} {name}")


if __name__ == "__main__":
    sys.exit(main())
