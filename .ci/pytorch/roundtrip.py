#!/usr/bin/python3
"""Weights from PyTorch to gputrain and back: roundtrip.py GPUTRAIN.

torch.save -> import -> export -> torch.load(weights_only=True), bit for bit,
for each form in which training scripts save weights.
"""

import math
import tempfile
from collections import OrderedDict
from pathlib import Path

import torch
import torchvision

import formula
import program

LEGACY = {"_use_new_zipfile_serialization": False}


def random_bits(shape, dtype):
    """Random finite numbers of all magnitudes, negative zero and subnormals
    among them."""
    bits = torch.randint(-(2**15), 2**15, shape, dtype=torch.int16)
    if dtype == torch.float32:
        bits = torch.randint(-(2**31), 2**31, shape, dtype=torch.int32)
    t = bits.view(dtype)
    t[~torch.isfinite(t)] = 0
    flat = t.view(-1)
    flat[:3] = torch.tensor([-0.0, torch.finfo(dtype).tiny / 2, -torch.finfo(dtype).max], dtype=dtype)
    return t


def random_state(dtype):
    return OrderedDict([
        ("conv.weight", random_bits((16, 3, 5, 5), dtype)),
        ("bn.running_var", random_bits((16,), dtype)),
        ("bn.num_batches_tracked", torch.tensor(2**40 + 1)),
        ("fc.weight", random_bits((10, 64), dtype)),
    ])


def cases():
    """Yields name, what is saved, the state dict that it stands for, and how it
    is saved."""
    state = random_state(torch.float32)
    yield "zip", state, state, {}
    yield "legacy", state, state, LEGACY
    yield "dict", dict(state), state, {}
    yield "protocol 4", state, state, {"pickle_protocol": 4}
    for dtype in (torch.float16, torch.bfloat16):
        for how in ({}, LEGACY):
            small = random_state(dtype)
            yield f"{dtype} {'legacy' if how else 'zip'}", small, small, how
    every = formula.every_type()
    yield "every type", every, every, {}
    yield "every type, legacy", every, every, LEGACY
    views = formula.views()
    yield "views", views, views, {}
    yield "views, legacy", views, views, LEGACY
    parameters = {name: torch.nn.Parameter(t) for name, t in state.items() if t.is_floating_point()}
    yield "parameters", parameters, parameters, {}
    for prefix in ("module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."):
        yield prefix, OrderedDict((prefix + name, t) for name, t in state.items()), state, {}
    for key in ("state_dict", "model", "model_state_dict", "model_ema"):
        yield f"under {key}", {"epoch": 3, key: state, "optimizer": {"state": {}}}, state, {}

    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Flatten(), torch.nn.Linear(8, 4))
    yield "data parallel", torch.nn.DataParallel(net).state_dict(), net.state_dict(), {}
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.ones(2, 3, 3, 3)).sum().backward()
    optimizer.step()
    yield "checkpoint", {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "lr": 1e-3}, net.state_dict(), {}


def every_form(gputrain, folder):
    for i, (name, saved, state, how) in enumerate(cases()):
        source, native, back = folder / f"{i}.pth", folder / f"{i}.safetensors", folder / f"{i}-back.pth"
        torch.save(saved, source, **how)
        said = gputrain("import", source, "-o", native)
        assert said["tensors"] == len(state), f"{name}: {said}"
        assert said["format"] == ("legacy pth" if how == LEGACY else "pth"), f"{name}: {said}"
        gputrain("export", native, "-o", back)
        want = program.in_float32(state)
        program.same(program.read_safetensors(native)[0], want, name)
        program.same(torch.load(back, weights_only=True), want, name)
    print(f"{i + 1} forms of state dicts: bit-equal after the round trip")


def quantizers(gputrain, folder):
    """State of quantizers, recipe and digest travel beside the names that a
    module knows."""
    net = torch.nn.Sequential(OrderedDict([("conv1", torch.nn.Conv2d(3, 8, 3)), ("bn1", torch.nn.BatchNorm2d(8))]))
    ranges = {"conv1.weight_quantizer.range": torch.tensor([[-0.1], [0.3], [1.0]]),
              "conv1.input_quantizer.range": torch.tensor([[-0.0], [math.pi], [1.0]])}
    moments = {"optimizer.exp_avg.conv1.weight": torch.zeros_like(net.conv1.weight)}
    kept = {"recipe": "model: {name: lenet5}\n", "tables": '{"rm8":{"sha256":"0123"}}'}
    native = folder / "run.safetensors"
    program.write_safetensors(native, {**net.state_dict(), **ranges, **moments}, {**kept, "gputrain": "1", "progress": "{}"})

    for back in (folder / "run.pth", folder / "run-back.safetensors"):
        said = gputrain("export", native, "-o", back)
        assert any("optimizer.*" in note for note in said["notes"]), said
        if back.suffix == ".pth":
            state = torch.load(back, weights_only=True)
            metadata = state._metadata["gputrain"]
        else:
            state, metadata = program.read_safetensors(back)
        assert set(metadata) == {*kept, "quantizers"} and kept.items() <= metadata.items(), metadata
        fresh = torch.nn.Sequential(OrderedDict([("conv1", torch.nn.Conv2d(3, 8, 3)), ("bn1", torch.nn.BatchNorm2d(8))]))
        fresh.load_state_dict(state, strict=True)
        program.same(fresh.state_dict(), net.state_dict(), "loaded")
        again = folder / f"again{back.suffix}.safetensors"
        gputrain("import", back, "-o", again)
        tensors, metadata = program.read_safetensors(again)
        program.same(tensors, {**net.state_dict(), **ranges}, "imported again")
        assert metadata == kept, metadata
    print("state of quantizers and metadata: beside the state dict, and back")


def torchvision_models(gputrain, folder):
    """Whole networks, held against gputrain's own of that name."""
    for name in ("resnet18", "mobilenet_v2"):
        net = getattr(torchvision.models, name)()
        source, native, back = folder / f"{name}.pth", folder / f"{name}.safetensors", folder / f"{name}-back.pth"
        torch.save(torch.nn.DataParallel(net).state_dict(), source)
        gputrain("import", source, "-o", native, "--model", name, "--classes", 1000, "--input", "3x224x224")
        gputrain("export", native, "-o", back)
        fresh = getattr(torchvision.models, name)()
        fresh.load_state_dict(torch.load(back, weights_only=True), strict=True)
        program.same(fresh.state_dict(), net.state_dict(), name)

    state = net.state_dict()
    first, last = next(iter(state)), list(state)[-1]
    network = ("--model", name, "--classes", 1000, "--input", "3x224x224")
    less = OrderedDict(state)
    del less[first]
    torch.save(less, folder / "less.pth")
    gputrain.refuses(f'Missing key(s) in state_dict: "{first}".', "import", folder / "less.pth", "-o", folder / "x.safetensors", *network)
    more = OrderedDict(state, head=torch.zeros(1))
    torch.save(more, folder / "more.pth")
    gputrain.refuses('Unexpected key(s) in state_dict: "head".', "import", folder / "more.pth", "-o", folder / "x.safetensors", *network)
    gputrain.refuses(f"{last} is [1000], want [10]", "import", source, "-o", folder / "x.safetensors", "--quiet", *network[:2], "--classes", 10, *network[4:])
    said = gputrain("import", folder / "more.pth", "-o", folder / "lenient.safetensors", "--no-strict", *network)
    assert said["unexpected"] == ["head"] and said["missing"] == [], said
    program.same(program.read_safetensors(folder / "lenient.safetensors")[0], state, "without strict")
    print("torchvision's resnet18 and mobilenet_v2: load with strict=True after the round trip")


def check(gputrain):
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        for part in (every_form, quantizers, torchvision_models):
            part(gputrain, Path(folder))


if __name__ == "__main__":
    program.main(check)
