"""Runs gputrain, and looks at what it says and writes."""

import json
import struct
import subprocess
import sys

import torch

FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
SAFETENSORS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64, "I64": torch.int64,
               "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool}


class Program:
    def __init__(self, path):
        self.path = path

    def __call__(self, *args):
        """Runs a command that must succeed, and returns its JSON document."""
        done = self.run(*args, "--json")
        if done.returncode != 0:
            raise AssertionError(f"gputrain {args}: exit {done.returncode}: {done.stderr}{done.stdout}")
        return json.loads(done.stdout)

    def refuses(self, want, *args):
        """Runs a command that must exit with 2 and one line that contains want."""
        done = self.run(*args)
        lines = done.stderr.splitlines()
        if done.returncode != 2 or done.stdout or len(lines) != 1 or want not in lines[0]:
            raise AssertionError(f"gputrain {args}: exit {done.returncode}, want 2 and one line with {want!r}: {done.stderr}{done.stdout}")

    def run(self, *args):
        return subprocess.run([self.path, *map(str, args)], capture_output=True, text=True, timeout=60)


def numpy_bytes(t):
    """The bytes of a tensor, row-major."""
    t = t.detach().contiguous()
    if t.dtype == torch.bfloat16:
        t = t.view(torch.int16)
    return t.numpy().tobytes()


def same(got, want, what):
    """Fails unless two state dicts have the same names, types, shapes and bits."""
    if set(got) != set(want):
        raise AssertionError(f"{what}: names {sorted(got)}, want {sorted(want)}")
    for name, w in want.items():
        g = got[name]
        if g.dtype != w.dtype or g.shape != w.shape:
            raise AssertionError(f"{what}: {name} is {g.dtype} {tuple(g.shape)}, want {w.dtype} {tuple(w.shape)}")
        if numpy_bytes(g) != numpy_bytes(w):
            raise AssertionError(f"{what}: the bits of {name} differ")


def in_float32(state):
    """What import makes of the tensors of a state dict."""
    return {name: t.detach().float() if t.dtype in FLOATS else t.detach() for name, t in state.items()}


def read_safetensors(path):
    """Reads a safetensors file by the description of the format."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = bytearray(data[begin:end])
        dtype = SAFETENSORS[entry["dtype"]]
        flat = torch.frombuffer(raw, dtype=dtype) if raw else torch.empty(0, dtype=dtype)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors, metadata


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    names = {dtype: name for name, dtype in SAFETENSORS.items()}
    for name, t in tensors.items():
        raw = numpy_bytes(t)
        header[name] = {"dtype": names[t.dtype], "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def main(check):
    """Runs check(program) with the program named on the command line."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} GPUTRAIN")
    try:
        check(Program(sys.argv[1]))
    except AssertionError as e:
        sys.exit(f"{sys.argv[0]}: {e}")
