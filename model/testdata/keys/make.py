#!/usr/bin/python3
"""Write torchvision.txt.gz: the names and shapes of torchvision's state dicts.

    python3 make.py

For each network a line "# NAME PARAMETERS", then a line "TENSOR DIMENSIONS" for
each tensor in the order of state_dict(); a scalar has no dimensions. It was run
with torchvision 0.14.1.
"""

import gzip

import torchvision

NETWORKS = [
    "vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn",
    "resnet18", "resnet34", "resnet50", "mobilenet_v2",
]

lines = []
for name in NETWORKS:
    net = getattr(torchvision.models, name)(weights=None)
    lines.append(f"# {name} {sum(p.numel() for p in net.parameters())}")
    for key, tensor in net.state_dict().items():
        lines.append(" ".join([key, *map(str, tensor.shape)]))

with open("torchvision.txt.gz", "wb") as f:
    with gzip.GzipFile("", "wb", 9, f, mtime=0) as z:
        z.write("\n".join(lines + [""]).encode())
