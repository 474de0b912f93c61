"""A whole file in; the same file torn, changed and poisoned out: what somebody may hand to an artist.

As a program: `python tests/formats/hostile.py --flips 5000` tries that many flips of every format and says what came.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import originals
import originals_others as others
import paper_alias_free as alias_free
import torch

HERE = Path(__file__).parent
GETATTR = b"\x80\x02cbuiltins\ngetattr\ncos\nsystem\nX\x08\x00\x00\x00__call__\x86R"
CANARY = "canary"  # made in the working folder by whatever is run


class Reduced:
    """Pickled as a call of a function with arguments."""

    def __init__(self, function: Any, *args: Any, state: Any = None) -> None:
        self.call = (function, args) if state is None else (function, args, state)

    def __reduce__(self) -> Any:
        return self.call


def calls() -> dict[str, Any]:
    """Objects that make the canary when they are unpickled by Python's own unpickler; by name."""
    import importlib
    import runpy
    import timeit

    touch, code = f"touch {CANARY}", f"open({CANARY!r}, 'w')"
    inner = pickle.dumps(Reduced(os.system, touch))
    stream = io.BytesIO()
    torch.save(Reduced(os.system, touch), stream, _use_new_zipfile_serialization=False)
    system = Reduced(getattr, Reduced(importlib.import_module, "os"), "system")
    return {
        "os.system": Reduced(os.system, touch),
        "eval": Reduced(eval, code),
        "exec": Reduced(exec, code),
        "Popen": Reduced(subprocess.Popen, ["touch", CANARY]),
        "open": Reduced(open, CANARY, "w"),
        "chain of getattr": Reduced(_called, system, touch),
        "loads in loads": Reduced(pickle.loads, inner),
        "torch in torch": Reduced(torch.storage._load_from_bytes, stream.getvalue()),
        "runpy": Reduced(runpy._run_code, code, {}),  # type: ignore[attr-defined]
        "timeit": Reduced(timeit.timeit, code, "pass", timeit.default_timer, 1),
        "map": Reduced(list, Reduced(map, exec, [code])),
        "a state": Reduced(Reduced, print, state={"__class__": os.system, "x": Reduced(os.system, touch)}),
        "an array of objects": np.array([Reduced(os.system, touch)], dtype=object),
    }


def _called(function: Any, *args: Any) -> Any:
    return function(*args)


def by_hand() -> dict[str, bytes]:
    """Pickles that no class writes: old steps, persistent ids, extensions, bombs."""
    touch = f"touch {CANARY}".encode()
    text = b"X" + struct.pack("<I", len(touch)) + touch
    deep = b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b"."
    laughs = b"\x80\x02K\x01q\x00" + b"h\x00\x86q\x00" * 60  # a pair of a pair of a pair
    return {
        "INST": b"\x80\x02(" + text + b"iposix\nsystem\n.",
        "OBJ": b"\x80\x02(cposix\nsystem\n" + text + b"o.",
        "NEWOBJ": b"\x80\x02cposix\nsystem\n" + text + b"\x85\x81.",
        "STACK_GLOBAL": b"\x80\x04\x8c\x05posix\x8c\x06system\x93" + text + b"\x85R.",
        "BINPERSID": b"\x80\x02(X\x07\x00\x00\x00storagecposix\nsystem\n" + text + b"X\x03\x00\x00\x00cpuK\x01tQ.",
        "PERSID": b"\x80\x02Pstorage os.system touch canary\n.",
        "EXT1": b"\x80\x02\x82\x01.",
        "REDUCE of a REDUCE": b"\x80\x02cbuiltins\ngetattr\ncos\nsystem\nX\x08\x00\x00\x00__call__\x86R"
        + text
        + b"\x85R.",
        "BUILD": b"\x80\x02cbuiltins\nobject\n)\x81}X\x0c\x00\x00\x00__setstate__cposix\nsystem\nsb" + text + b"b.",
        "deep": deep,
        "laughs": laughs + b".",
        "long number": b"\x80\x02\x8b\xff\xff\xff\x7f" + b"\x01" * 64 + b".",
        "long text": b"\x80\x02X\xff\xff\xff\xff" + b"a" * 64 + b".",
        "long bytes": b"\x80\x04\x8e" + struct.pack("<Q", 10 << 30) + b"a" * 64 + b".",
        "memo": b"\x80\x02K\x01r\xff\xff\xff\xff.",
        "no end": b"\x80\x02" + b"K\x01" * 100_000,
    }


def poisoned(folder: Path) -> None:
    """Every call in every place: alone, in a module's state, in place of a tensor, in torch's two kinds of file."""
    tensors = originals.stylegan2(size=8, layers=2)
    for name, evil in calls().items():
        stem = name.replace(" ", "-")
        for protocol in (2, 3, 4, 5):
            (folder / f"{stem}-{protocol}.pkl").write_bytes(pickle.dumps(evil, protocol))
        originals.nvidia(folder / f"{stem}-state.pkl", tensors, training=evil)
        originals.nvidia_tf(folder / f"{stem}-tf.pkl", tensors, mapping_nonlinearity=evil)
        for old in (True, False):
            table = {"g_ema": {"style.1.weight": evil, "input.input": torch.ones(1, 4, 4, 4)}}
            torch.save(table, folder / f"{stem}-{'old' if old else 'zip'}.pt", _use_new_zipfile_serialization=not old)
    for name, raw in by_hand().items():
        (folder / f"{name.replace(' ', '-')}.pkl").write_bytes(raw)
        with zipfile.ZipFile(folder / f"{name.replace(' ', '-')}.pt", "w") as archive:
            archive.writestr("archive/data.pkl", raw)
            archive.writestr("archive/version", "3\n")


class Wide:
    """A tensor of a shape that its numbers do not fill."""

    def __init__(self, shape: tuple[int, ...], steps: tuple[int, ...]) -> None:
        self.shape, self.steps = shape, steps

    def __reduce__(self) -> Any:
        storage = torch.zeros(16)._typed_storage()
        return torch._utils._rebuild_tensor_v2, (storage, 0, self.shape, self.steps, False, {})


def bombs(folder: Path) -> None:
    """Small files that speak of 10 GB."""
    names = ("style.1.weight", "input.input")
    for name, shape, steps in (("wide", (50_000, 50_000), (50_000, 1)), ("still", (50_000, 50_000), (0, 0))):
        torch.save({"g_ema": dict.fromkeys(names, Wide(shape, steps))}, folder / f"{name}.pt")
        (folder / f"{name}.pkl").write_bytes(pickle.dumps({"G_ema": dict.fromkeys(names, Wide(shape, steps))}))
    originals.nested_tf(folder / "nested.pkl")
    one = torch.zeros(100_000, dtype=torch.float64)
    shared = {f"main.{i}.weight": one for i in range(20_000)}
    torch.save(originals.stylegan2(size=8) | shared, folder / "shared.pt")
    with zipfile.ZipFile(folder / "zip.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
        with archive.open("archive/data/0", "w") as file:
            for _ in range(400):
                file.write(bytes(1 << 20))
    header = json.dumps(
        {"x": {"dtype": "F32", "shape": [50_000, 50_000], "data_offsets": [0, 10_000_000_000]}}
    ).encode()
    (folder / "shape.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    (folder / "header.safetensors").write_bytes(struct.pack("<Q", 10 << 30) + b"{" + bytes(64))
    (folder / "deep.json").write_text("{" + '"a":' + "[" * 100_000)
    array = pickle.dumps({"G_ema": np.zeros(16, np.float32)}, 2)
    (folder / "array.pkl").write_bytes(array.replace(b"K\x10\x85", b"J\xff\xff\xff\x7f\x85"))


def torn(path: Path, folder: Path) -> None:
    """A file's beginning, at every second percent."""
    whole = path.read_bytes()
    for percent in range(0, 100, 2):
        (folder / f"{path.stem}-{percent:02d}{path.suffix}").write_bytes(whole[: len(whole) * percent // 100])


def flipped(path: Path, folder: Path, count: int, seed: int = 0) -> None:
    """One to eight bytes of a file changed, half of the times where its structure is told: at its ends."""
    whole, chance = path.read_bytes(), random.Random(seed)
    for number in range(count):
        raw = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 8))):
            near = chance.randrange(min(2000, len(raw)))
            at = chance.choice((near, len(raw) - 1 - near, chance.randrange(len(raw)), chance.randrange(len(raw))))
            raw[at] = chance.randrange(256)
        (folder / f"{path.stem}-{number:05d}{path.suffix}").write_bytes(raw)


def whole_files(folder: Path) -> list[Path]:
    """One small file of every format, as its own program writes it."""
    tensors, bands = originals.stylegan2(size=8, layers=2), alias_free.Bands(channel_max=8)
    makers: list[tuple[str, Callable[[Path], Any]]] = [
        ("nvidia.pkl", lambda path: originals.nvidia(path, tensors)),
        ("nvidia2.pkl", lambda path: originals.nvidia(path, tensors, protocol=2)),
        ("nvidia3.pkl", lambda path: originals.nvidia3(path, alias_free.tensors_of(bands), vars(bands))),
        ("tensorflow.pkl", lambda path: originals.nvidia_tf(path, tensors)),
        ("rosinality.pt", lambda path: originals.rosinality(path, tensors)),
        ("before.pt", lambda path: originals.rosinality(path, tensors, old=True)),
        ("dcgan.pth", lambda path: originals.dcgan(path)),
        ("fastgan.pth", lambda path: others.fastgan(path, others.fastgan_net(z=4))),
        ("lightweight.pt", lambda path: others.lightweight(path)),
    ]
    folder.mkdir(exist_ok=True)
    for name, make in makers:
        make(folder / name)
    return sorted(folder.iterdir())


def attempts(folders: list[Path], home: Path) -> tuple[dict[str, dict[str, str]], int]:
    """What became of each folder's files, and bytes that memory grew by, in a process. Raises where that died."""
    environment = os.environ | {"PYTHONPATH": f"{HERE.parent.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    line = [sys.executable, str(HERE / "attempts.py"), *map(str, folders)]
    answer = subprocess.run(line, cwd=home, env=environment, capture_output=True, text=True)
    said = [json.loads(line) for line in answer.stdout.splitlines()]
    assert answer.returncode == 0, f"died of {said[-1]}: {answer.stderr[-2000:]}"
    ends: dict[str, dict[str, str]] = {folder.name: {} for folder in folders}
    for one in said:
        if "file" in one:
            ends[one["folder"]][one["file"]] = one["end"]
    return ends, said[-1]["grown"]


def _try_many(flips: int, seed: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as home:
        good, bad = Path(home) / "good", Path(home) / "bad"
        for path in whole_files(good):
            bad.mkdir()
            flipped(path, bad, flips, seed)
            found, grown = attempts([good, bad], Path(home))
            ends = found["bad"]
            read = sum(end == "read" for end in ends.values())
            wide = [end for end in ends.values() if "\n" in end]
            canary = (Path(home) / CANARY).exists()
            said = f"{len(ends)} tried, {read} read, {len(wide)} of several lines, {grown >> 20} MB more, {canary=}"
            yield f"{path.name}: {said}"
            for file in bad.iterdir():
                file.unlink()
            bad.rmdir()


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--flips", type=int, default=5000)
    words.add_argument("--seed", type=int, default=1)
    options = words.parse_args()
    for said in _try_many(options.flips, options.seed):
        print(said, flush=True)
