#!/usr/bin/python3
"""Write NETWORK.json.gz: training steps of torchvision's networks in float64.

    python3 make.py [NETWORK...]

Weights and images are no data of these files. Element i of the tensor called
NAME comes from

    unit(NAME, i) = (mix(fnv1a(NAME) + mix(i)) >> 8)·2⁻²³ − 1

in uint32, mix being that of `mix` below, and is one float32 product and sum of
it, as `fill` says. It was run with PyTorch 1.13 and torchvision 0.14.
"""

import gzip
import json
import math
import sys

import numpy as np
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock

CLASSES = 10
SEED = 7  # of the network, for dropout
SAMPLES = 32  # elements of each gradient


def mix(a):
    a = np.asarray(a, np.uint32)
    a = a ^ (a >> np.uint32(16))
    a = a * np.uint32(0x21F0AAAD)
    a = a ^ (a >> np.uint32(15))
    a = a * np.uint32(0x735A2D97)
    return a ^ (a >> np.uint32(15))


def fnv1a(name, bits=32):
    offset, prime = {32: (0x811C9DC5, 0x01000193), 64: (0xCBF29CE484222325, 0x100000001B3)}[bits]
    for byte in name.encode():
        offset = ((offset ^ byte) * prime) % (1 << bits)
    return offset


def hashed(name, n):
    return mix(np.uint32(fnv1a(name)) + mix(np.arange(n, dtype=np.uint32)))


def unit(name, n):
    return (hashed(name, n) >> np.uint32(8)).astype(np.float32) * np.float32(2**-23) - np.float32(1)


def fill(name, shape):
    """The initial value of a tensor of the state dict.

    Batch normalisation gives values of mean 1 and deviation 1/2. Around mean 0
    half of the values would stand near the kink of ReLU, and float32 and float64
    would differ in which are cut off; dozens of layers with batch normalisation
    make up to a tenth of a gradient's maximum of that, in PyTorch too.
    """
    u = unit(name, math.prod(shape))
    if name.endswith("running_mean"):
        v = np.float32(0.1) * u
    elif name.endswith("running_var"):
        v = np.float32(1) + np.float32(0.5) * u
    elif name.endswith("bias"):
        v = np.float32(1) + np.float32(0.1) * u
    elif len(shape) == 1:
        v = np.float32(0.5) + np.float32(0.1) * u
    else:
        v = np.float32(math.sqrt(6 / math.prod(shape[1:]))) * u
    return v.reshape(shape)


class Dropout(nn.Module):
    """gputrain's dropout: of which elements follows from seed, name and step."""

    def __init__(self, name, p):
        super().__init__()
        self.name, self.p, self.step = name, p, 0

    def forward(self, x):
        if not self.training:
            return x
        m64 = (1 << 64) - 1

        def splitmix(z):
            z = (z + 0x9E3779B97F4A7C15) & m64
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & m64
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & m64
            return z ^ (z >> 31)

        seed = splitmix(splitmix((fnv1a(self.name, 64) + SEED) & m64) + self.step)
        i = np.arange(x.numel(), dtype=np.uint32)
        h = mix(mix(i + np.uint32(seed & 0xFFFFFFFF)) ^ np.uint32(seed >> 32))
        keep = h >= np.uint32(int(self.p * 2**32))
        scale = float(np.float32(1 / (1 - self.p)))
        return x * torch.from_numpy(keep.reshape(x.shape) * scale).to(x.dtype)


def vgg(name):
    """VGG for CIFAR: one linear layer on what the convolutions leave."""
    net = getattr(torchvision.models, name)(weights=None)
    net.avgpool = nn.AdaptiveAvgPool2d(1)
    net.classifier = nn.Linear(512, CLASSES)
    return net


def resnet(name, stem):
    net = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES)
    if stem == "cifar":
        net.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        net.maxpool = nn.Identity()
    return net


class CIFARResNet(nn.Module):
    """ResNet-8, 20, 32, … of torchvision's blocks."""

    def __init__(self, blocks):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        channels = 16
        for stage, width in enumerate([16, 32, 64], 1):
            layer = []
            for i in range(blocks):
                stride = 2 if stage > 1 and i == 0 else 1
                down = None
                if stride != 1:
                    down = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))
                layer.append(BasicBlock(channels, width, stride, down))
                channels = width
            setattr(self, f"layer{stage}", nn.Sequential(*layer))
        self.fc = nn.Linear(64, CLASSES)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


def mobilenet():
    """MobileNetV2 for CIFAR: no stride in features.0 and features.2."""
    setting = [[1, 16, 1, 1], [6, 24, 2, 1], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]]
    net = torchvision.models.mobilenet_v2(weights=None, num_classes=CLASSES, inverted_residual_setting=setting)
    net.features[0][0].stride = (1, 1)
    net.classifier[0] = Dropout("classifier.0", 0.2)
    return net


# network: stem, size of images, batch, steps, learning rate, network of PyTorch
RUNS = {
    "vgg11": ("cifar", 32, 4, 10, 0.00002, lambda: vgg("vgg11")),
    "vgg19_bn": ("cifar", 32, 8, 3, 0.0005, lambda: vgg("vgg19_bn")),
    "resnet18": ("cifar", 16, 8, 10, 0.0005, lambda: resnet("resnet18", "cifar")),
    "resnet50": ("imagenet", 64, 4, 5, 0.00005, lambda: resnet("resnet50", "imagenet")),
    "resnet32": ("", 16, 8, 10, 0.0005, lambda: CIFARResNet(5)),
    "mobilenet_v2": ("cifar", 16, 8, 10, 0.005, mobilenet),
}


def sample(name, values):
    n = values.size
    at = np.arange(n) if n <= SAMPLES else hashed(name, SAMPLES) % np.uint32(n)
    return [float(f"{v:.6g}") for v in values.reshape(-1)[at]]


def run(name):
    stem, size, batch, steps, lr, make = RUNS[name]
    net = make().double()
    state = net.state_dict()
    for key, tensor in state.items():
        if tensor.is_floating_point():
            tensor.copy_(torch.from_numpy(fill(key, tuple(tensor.shape))).double())

    def images(k):
        x = unit(f"images.{k}", batch * 3 * size * size).reshape(batch, 3, size, size)
        labels = hashed(f"labels.{k}", batch) % np.uint32(CLASSES)
        return torch.from_numpy(x).double(), torch.from_numpy(labels.astype(np.int64))

    def evaluate():
        net.eval()
        with torch.no_grad():
            logits = net(images(2)[0])
        net.train()
        return [float(f"{v:.8g}") for v in logits.reshape(-1)]

    out = {"network": name, "stem": stem, "size": size, "batch": batch, "lr": lr, "seed": SEED}
    out["logits_before"] = evaluate()
    out["losses"], out["gradients"] = [], {}
    for step in range(steps):
        for module in net.modules():
            if isinstance(module, Dropout):
                module.step = step
        x, labels = images(step % 2)
        net.zero_grad()
        loss = nn.functional.cross_entropy(net(x), labels)
        loss.backward()
        out["losses"].append(float(f"{loss.item():.9g}"))
        with torch.no_grad():
            for key, p in net.named_parameters():
                if step == 0:
                    g = p.grad.numpy()
                    out["gradients"][key] = {"max": float(f"{np.abs(g).max():.6g}"), "at": sample(key, g)}
                p -= lr * p.grad
    out["logits_after"] = evaluate()
    with open(f"{name}.json.gz", "wb") as f:
        with gzip.GzipFile("", "wb", 9, f, mtime=0) as z:
            z.write(json.dumps(out, separators=(",", ":")).encode())
    print(name, out["losses"], flush=True)


for name in sys.argv[1:] or RUNS:
    run(name)
