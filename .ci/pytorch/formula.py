"""Tensors whose elements are known from a formula.

Element i, in row-major order, of tensor number k is

    n = (7·i + 13·k) mod 32,   floats: (n − 16)/8,   signed: n − 16,
    unsigned: n,   bool: n odd

which every type holds exactly. model/weights/pth_test.go has it in Go.
"""

import math

import torch


def tensor(k, shape, dtype):
    n = (7 * torch.arange(math.prod(shape), dtype=torch.int64) + 13 * k) % 32
    if dtype.is_floating_point:
        v = (n - 16).to(torch.float64) / 8
    elif dtype == torch.bool:
        v = n % 2
    elif dtype == torch.uint8:
        v = n
    else:
        v = n - 16
    return v.to(dtype).reshape(shape)


# Name, shape and type of one tensor of each type, in order.
EVERY_TYPE = [
    ("conv.weight", (2, 3, 2, 2), torch.float32),
    ("conv.bias", (2,), torch.float32),
    ("double", (3,), torch.float64),
    ("half", (5, 3), torch.float16),
    ("brain", (4,), torch.bfloat16),
    ("bn.num_batches_tracked", (), torch.int64),
    ("int", (2, 2), torch.int32),
    ("short", (3,), torch.int16),
    ("char", (7,), torch.int8),
    ("byte", (9,), torch.uint8),
    ("bool", (6,), torch.bool),
    ("empty", (0, 3), torch.float32),
]


def every_type():
    return {name: tensor(k, shape, dtype) for k, (name, shape, dtype) in enumerate(EVERY_TYPE)}


def views():
    """Views of one storage, and tensors that are not contiguous."""
    base = tensor(0, (24,), torch.float32)
    image = tensor(1, (2, 3, 2, 2), torch.float16)
    return {
        "base": base,
        "tail": base[4:16].view(3, 4),
        "turned": base.view(4, 6).t(),
        "column": base.view(4, 6)[:, 2:3],
        "scalar": base[5],
        "channels_last": image.contiguous(memory_format=torch.channels_last),
    }
