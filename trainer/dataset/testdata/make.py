#!/usr/bin/env python3
"""Makes the files beside it, with what reads and writes such files elsewhere.

    python3 make.py        needs numpy, Pillow and torchvision

cifar-10-python.tar.gz and cifar-100-python.tar.gz are pickled by Python, each
batch by another protocol; cifar-10-binary.tar.gz and cifar-100-binary.tar.gz hold
the same images as records. pillow.json holds what Pillow and torchvision make of
one small image; *.jpg are images of the kinds that a folder may hold, and
jpeg.json what Pillow makes of them.
"""

import base64
import io
import json
import pickle
import tarfile

import numpy as np
from PIL import Image
from torchvision.transforms import functional as F
from torchvision.transforms import functional_pil as P
from torchvision.transforms import InterpolationMode


def add(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), 1000000000
    tar.addfile(info, io.BytesIO(data))


def archive(name, files):
    with tarfile.open(name, "w:gz", compresslevel=9) as tar:
        for entry, data in files:
            add(tar, entry, data)


def images(first, n):
    """n images of few different bytes, so that they compress."""
    i = np.arange(first, first + n)[:, None]
    p = np.arange(3072)[None, :]
    return ((37 * i + p // 96 + 100 * (p % 32 == i % 32)) % 256).astype(np.uint8)


def records(data, *labels):
    return b"".join(bytes([l[i] for l in labels]) + data[i].tobytes() for i in range(len(data)))


def cifar10():
    py, binary = [], []
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    for k, file in enumerate(["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"]):
        data = images(3 * k, 3)
        labels = [(7 * k + i) % 10 for i in range(3)]
        batch = {b"batch_label": b"batch", b"labels": labels, b"data": data, b"filenames": [b"a.png", b"b.png", b"c.png"]}
        if k == 3:  # keys of text, and columns first
            batch = {"labels": labels, "data": np.asfortranarray(data)}
        py.append((f"cifar-10-batches-py/{file}", pickle.dumps(batch, protocol=min(k + 1, 5))))
        binary.append((f"cifar-10-batches-bin/{file}.bin", records(data, labels)))
    py.append(("cifar-10-batches-py/batches.meta", pickle.dumps({b"label_names": [n.encode() for n in names]}, protocol=2)))
    binary.append(("cifar-10-batches-bin/batches.meta.txt", ("\n".join(names) + "\n").encode()))
    archive("cifar-10-python.tar.gz", py)
    archive("cifar-10-binary.tar.gz", binary)


def cifar100():
    py, binary = [], []
    coarse_names, fine_names = [f"coarse_{i}" for i in range(20)], [f"fine_{i}" for i in range(100)]
    for file, first, protocol in [("train", 50, 2), ("test", 60, 4)]:
        data = images(first, 5)
        fine = [(first + 21 * i) % 100 for i in range(5)]
        coarse = [f // 5 for f in fine]
        py.append((f"cifar-100-python/{file}", pickle.dumps({b"data": data, b"fine_labels": fine, b"coarse_labels": coarse}, protocol=protocol)))
        binary.append((f"cifar-100-binary/{file}.bin", records(data, coarse, fine)))
    py.append(("cifar-100-python/meta", pickle.dumps({"fine_label_names": fine_names, "coarse_label_names": coarse_names}, protocol=3)))
    binary.append(("cifar-100-binary/fine_label_names.txt", ("\n".join(fine_names) + "\n").encode()))
    binary.append(("cifar-100-binary/coarse_label_names.txt", ("\n".join(coarse_names) + "\n").encode()))
    archive("cifar-100-python.tar.gz", py)
    archive("cifar-100-binary.tar.gz", binary)


def planar(m):
    a = np.asarray(m)
    a = a[None] if a.ndim == 2 else a.transpose(2, 0, 1)
    return {"c": a.shape[0], "h": a.shape[1], "w": a.shape[2], "pix": base64.b64encode(a.tobytes()).decode()}


def pillow():
    rng = np.random.default_rng(1)
    w, h = 15, 11
    a = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
    a[:4] = a[:4, :, :1]  # some gray
    a[4:7] = (np.arange(w)[None, :, None] * 11 + np.array([0, 40, 90])).astype(np.uint8)
    m = Image.fromarray(a, "RGB")
    cases = []

    def case(op, values, got):
        cases.append({"op": op, "values": values, **planar(got)})

    for size in [(15, 11), (20, 22), (12, 9), (8, 8), (5, 13), (1, 1), (15, 4), (7, 11)]:  # width, height
        case("resize", list(size), m.resize(size, Image.BILINEAR))
    for box, size in [((3, 2, 12, 9), (8, 8)), ((0, 0, 5, 11), (10, 10)), ((12, 7, 15, 8), (4, 4))]:
        case("crop and resize", list(box) + list(size), m.crop(box).resize(size, Image.BILINEAR))
    for edge, size in [(8, 7), (11, 11), (9, 8), (14, 13)]:
        t = F.resize(m, edge, InterpolationMode.BILINEAR)
        case("edge and centre", [edge, size], F.center_crop(t, [size, size]))
    for f in [0, 0.3, 0.77, 1, 1.2, 1.9]:
        case("brightness", [f], P.adjust_brightness(m, f))
        case("contrast", [f], P.adjust_contrast(m, f))
        case("saturation", [f], P.adjust_saturation(m, f))
    for f in [-0.5, -0.3, -0.01, 0, 0.1, 0.25, 0.5]:
        case("hue", [f], P.adjust_hue(m, f))
    for degrees in [0, 7.5, -15, 33, 90, 180, -120]:
        case("rotate", [degrees], P.rotate(m, degrees))
    json.dump({"image": planar(m), "cases": cases}, open("pillow.json", "w"), indent=0)


def jpeg():
    y, x = np.mgrid[0:24, 0:32]
    rgb = np.stack([x * 8, y * 10, (x + y) * 4], axis=2).clip(0, 255).astype(np.uint8)
    m = Image.fromarray(rgb, "RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    made = {}
    m.save("rgb444.jpg", quality=95, subsampling=0)
    m.save("exif.jpg", quality=95, subsampling=0, exif=exif)
    m.save("progressive.jpg", quality=95, subsampling=0, progressive=True)
    m.convert("L").save("gray.jpg", quality=95)
    m.convert("CMYK").save("cmyk.jpg", quality=95)
    for name in ["rgb444.jpg", "exif.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg"]:
        made[name] = planar(Image.open(name).convert("RGB"))
    json.dump(made, open("jpeg.json", "w"), indent=0)


cifar10()
cifar100()
pillow()
jpeg()
