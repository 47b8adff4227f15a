#!/usr/bin/python3
"""Writes the data beside it: what PyTorch makes of small vision transformers.

    /usr/bin/python3 make.py

Made with PyTorch 1.13.0 and torchvision 0.14.1 (Debian 12: python3-torch,
python3-torchvision), in float64 on the CPU.

trajectory.safetensors  ten steps of SGD of torchvision's VisionTransformer of
                        images 32x32, patches of 4, 48 channels, 2 blocks of 3
                        heads, MLPs of 96: losses, the logits and gradients of
                        the first step, the logits in evaluation after the last
keys.txt.gz             for each network a line "# NAME PARAMETERS", then a line
                        "TENSOR DIMENSIONS" for each tensor: torchvision's from
                        its state dicts; those of timm 0.9's VisionTransformer
                        written down from its structure, without timm

Weights, images and labels come from the integer hash below, which the Go test
has too, so that the file holds results only.
"""

import gzip
import json
import os
import struct

import numpy as np
import torch
import torchvision
from torchvision.models.vision_transformer import VisionTransformer

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH, CLASSES, STEPS = 4, 10, 10


def fnv(text):
    """FNV-1a of 32 bits."""
    h = 0x811C9DC5
    for byte in text.encode():
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    return h


def mix(a):
    """Scrambles uint32."""
    a = a ^ (a >> np.uint32(16))
    a = a * np.uint32(0x21F0AAAD)
    a = a ^ (a >> np.uint32(15))
    a = a * np.uint32(0x735A2D97)
    return a ^ (a >> np.uint32(15))


def uniform(name, shape):
    """Multiples of 2^-23 in [-1, 1), which float32 holds exactly."""
    n = int(np.prod(shape))
    h = mix(np.arange(n, dtype=np.uint32) + np.uint32(fnv(name)))
    return ((h >> np.uint32(8)).astype(np.float64) / 2**23 - 1).reshape(shape)


def initial(name, shape):
    u = uniform(name, shape)
    if "ln" in name and name.endswith("weight"):
        return 1 + 0.25 * u
    if name.endswith("bias"):
        return 0.125 * u
    if len(shape) == 3:  # class token and positions
        return 0.5 * u
    return 0.25 * u


def batch(step):
    x = 2 * uniform("images %d" % (step % 3), (BATCH, 3, 32, 32))
    labels = (uniform("labels %d" % (step % 3), (BATCH,)) + 1) / 2 * CLASSES
    return torch.from_numpy(x), torch.from_numpy(labels.astype(np.int64))


def trajectory():
    torch.set_num_threads(1)
    net = VisionTransformer(
        image_size=32, patch_size=4, num_layers=2, num_heads=3, hidden_dim=48, mlp_dim=96, num_classes=CLASSES
    ).double()
    with torch.no_grad():
        for name, p in net.named_parameters():
            p.copy_(torch.from_numpy(initial(name, tuple(p.shape))))
    opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4, nesterov=True)
    out, losses = {}, []
    for step in range(STEPS):
        x, labels = batch(step)
        logits = net(x)
        loss = torch.nn.functional.cross_entropy(logits, labels)
        opt.zero_grad()
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            out["logits"] = logits.detach().numpy()
            for name, p in net.named_parameters():
                out["gradient." + name] = p.grad.numpy().copy()
        opt.step()
    net.eval()
    with torch.no_grad():
        out["evaluation"] = net(batch(0)[0]).numpy()
    out["losses"] = np.array(losses)
    print("losses", losses)
    return out


def write(path, tensors):
    """Writes float32 tensors as safetensors."""
    header, data = {}, b""
    for name, t in tensors.items():
        raw = np.ascontiguousarray(t, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def timm(dim):
    """The state dict of timm 0.9's VisionTransformer of 12 blocks."""
    yield "cls_token", (1, 1, dim)
    yield "pos_embed", (1, 197, dim)
    yield "patch_embed.proj.weight", (dim, 3, 16, 16)
    yield "patch_embed.proj.bias", (dim,)
    for i in range(12):
        for name, out, of in (
            ("norm1", dim, ()),
            ("attn.qkv", 3 * dim, (dim,)),
            ("attn.proj", dim, (dim,)),
            ("norm2", dim, ()),
            ("mlp.fc1", 4 * dim, (dim,)),
            ("mlp.fc2", dim, (4 * dim,)),
        ):
            yield "blocks.%d.%s.weight" % (i, name), (out, *of)
            yield "blocks.%d.%s.bias" % (i, name), (out,)
    yield "norm.weight", (dim,)
    yield "norm.bias", (dim,)
    yield "head.weight", (1000, dim)
    yield "head.bias", (1000,)


def keys():
    """The lines of keys.txt.gz."""
    networks = []
    for name in "vit_b_16", "vit_b_32":
        net = getattr(torchvision.models, name)()
        networks.append((name, [(k, tuple(v.shape)) for k, v in net.state_dict().items()]))
    for name, dim in ("tiny", 192), ("small", 384), ("base", 768):
        for training in "vit", "deit":
            networks.append(("%s_%s_patch16_224" % (training, name), list(timm(dim))))
    for name, entries in networks:
        yield "# %s %d" % (name, sum(int(np.prod(shape)) for _, shape in entries))
        for key, shape in entries:
            yield " ".join([key, *map(str, shape)])


if __name__ == "__main__":
    write(os.path.join(HERE, "trajectory.safetensors"), trajectory())
    with open(os.path.join(HERE, "keys.txt.gz"), "wb") as f:
        with gzip.GzipFile("", "wb", 9, f, mtime=0) as z:
            z.write("".join(line + "\n" for line in keys()).encode())
