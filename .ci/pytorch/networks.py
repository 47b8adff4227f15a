#!/usr/bin/env python3
"""The way of a network: torchvision -> gputrain -> torchvision.

For each network a torchvision model of random weights is saved as .pth,
imported, evaluated on images in float32, retrained for a few steps with an
approximate multiplier, exported and loaded back into torchvision.

  networks.py GPUTRAIN [NETWORK:SIZE:IMAGES ...]

Checked: the logits of the imported and of the retrained network are those of
PyTorch, max|difference| <= 1e-4 * max|logit|; the exported weights load with
weights_only=True and strict=True; retraining has changed them.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image

CLASSES = 10
MULTIPLIER = "trunc:8u,cols=6"
BOUND = 1e-4


def gputrain(program, *args):
    """Runs the program and returns what it prints on stdout."""
    done = subprocess.run([program, *map(str, args)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"gputrain {' '.join(map(str, args))}: exit {done.returncode}\n{done.stderr}{done.stdout}")
    return done.stdout


def pictures(folder, size, count, seed):
    """Writes smooth random PNGs, count for testing and 16 for training."""
    rng = np.random.default_rng(seed)
    for split, n in (("train", 16), ("test", count)):
        for i in range(n):
            coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            where = folder / split / f"class{i % CLASSES}"
            where.mkdir(parents=True, exist_ok=True)
            coarse.resize((size, size), Image.BICUBIC).save(where / f"{i:04d}.png")


def batch(folder):
    """Returns the test images in the order of gputrain: of each class one in turn."""
    images = []
    for path in sorted((folder / "test").glob("*/*.png"), key=lambda p: p.name):
        images.append(np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1))
    x = torch.from_numpy(np.stack(images).astype(np.float32) / np.float32(255))
    return (x - 0.5) / 0.5


def logits(model, x):
    with torch.no_grad():
        return torch.cat([model.eval()(part) for part in x.split(10)]).numpy()


def compare(name, what, got, want):
    gap, top = float(np.abs(got - want).max()), float(np.abs(want).max())
    print(f"{name}: {what}: max|logit| {top:.4g}, max|difference| {gap:.3g} ({gap / top:.1e} of it)", flush=True)
    if not (got.shape == want.shape and gap <= BOUND * top):
        sys.exit(f"{name}: {what}: logits differ by more than {BOUND} of the greatest")


def trip(program, name, size, count, folder):
    torch.manual_seed(1)
    options = {"num_classes": CLASSES}
    if name.startswith("vit"):
        options["image_size"] = size
    model = getattr(torchvision.models, name)(**options)
    data = folder / "images"
    pictures(data, size, count, 2)
    x = batch(data)
    model.train()  # running statistics that are not 0 and 1
    with torch.no_grad():
        for part in x[:20].split(10):
            model(part)
    torch.save(model.state_dict(), folder / "torchvision.pth")

    network = ["--model", name, "--classes", CLASSES]
    stem = ["--set", "model.stem=imagenet"] if name.startswith(("vgg", "resnet", "mobilenet")) else []
    common = [*network, *stem, "--data", "folder", "--path", data, "--set", "data.normalize=half", "--backend", "cpu", "--quiet"]
    gputrain(program, "import", folder / "torchvision.pth", "-o", folder / "imported.safetensors")

    def evaluated(checkpoint):
        out = folder / "logits.pth"
        out.unlink(missing_ok=True)
        gputrain(program, "eval", checkpoint, *common, "--multiplier", "float", "--batch", 10, "--logits", out)
        return torch.load(out, weights_only=True)["logits"].numpy()

    compare(name, "imported", evaluated(folder / "imported.safetensors"), logits(model, x))

    run = folder / "run"
    start = time.time()
    gputrain(program, "retrain", *common, "--init", folder / "imported.safetensors", "--multiplier", MULTIPLIER,
             "--gradient", "lut2d", "--hws", 4, "--epochs", 1, "--batch", 4, "--lr", 1e-3,
             "--set", "train.calibrate=false", "--out", run)
    losses = [json.loads(line)["loss"] for line in open(run / "metrics.jsonl") if '"split":"train"' in line]
    print(f"{name}: retrained with {MULTIPLIER}, loss {losses[-1]:.4f}, {time.time() - start:.1f} s", flush=True)
    gputrain(program, "export", run / "last.safetensors", "-o", folder / "retrained.pth")

    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(torch.load(folder / "retrained.pth", weights_only=True), strict=True)
    same = [k for k, v in model.state_dict().items() if v.is_floating_point() and torch.equal(v, before[k])]
    if same:
        sys.exit(f"{name}: retraining has left {same} as they were")
    compare(name, "retrained", evaluated(run / "last.safetensors"), logits(model, x))


def main():
    program = str(Path(sys.argv[1]).resolve())
    for spec in sys.argv[2:] or ["resnet18:64:20"]:
        name, size, count = spec.split(":")
        with tempfile.TemporaryDirectory() as folder:
            trip(program, name, int(size), int(count), Path(folder))


main()
