"""Weights from strangers: found in every wrapper; whatever a file is, it is never run, and one line says what it is."""

from __future__ import annotations

import argparse
import collections
import fractions
import io
import os
import pickle
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from installation.networks import dexined, esrgan, reading, teed
from installation.networks.nima import read_keras
from installation.networks.pickles import MOST_STEPS
from installation.weight_files import WeightsError

TABLE = {"a.weight": torch.arange(12.0).reshape(3, 4), "a.bias": torch.tensor([1, 2], dtype=torch.int64)}


class Mark:
    """A pickle of this makes a file when it is run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


def is_table(found: dict) -> bool:
    return found.keys() == TABLE.keys() and all(
        torch.equal(found[k], v) and found[k].dtype == v.dtype for k, v in TABLE.items()
    )


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    "kind", [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool]
)
def test_every_tensor_that_torch_saves_is_read_as_torch_reads_it(tmp_path: Path, old: bool, kind: torch.dtype) -> None:
    whole = (torch.arange(24).reshape(2, 3, 4) % 3).to(kind)
    saved = {"x": whole, "turned": whole.mT, "part": whole[1:, ::2], "none": whole[:0], "one": whole[0, 0, 1]}
    saved["parameter"] = torch.nn.Parameter(whole, requires_grad=False)
    torch.save(collections.OrderedDict(saved), tmp_path / "x.pth", _use_new_zipfile_serialization=not old)
    read = reading.read_tensors(tmp_path / "x.pth", "anything")
    assert read.keys() == saved.keys()
    for name, value in saved.items():
        assert torch.equal(read[name], value) and read[name].dtype == kind, name


WRAPS: list[Callable[[dict], dict]] = [
    *(lambda table, key=key: {key: table, "epoch": 3, "optimizer": {"state": [1.0]}} for key in reading.WRAPPERS),
    *(lambda table, p=prefix: {p + k: v for k, v in table.items()} for prefix in reading.PREFIXES),
    lambda table: {"state_dict": {f"module.{k}": v for k, v in table.items()}, "args": None},
    lambda table: {"params": {k: v * 0 for k, v in table.items()}, "params_ema": table},
    lambda table: {"model": {"state_dict": {f"netG.module.{k}": v for k, v in table.items()}}},
]


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("old", [False, True])
def test_weights_are_found_in_every_wrapper(tmp_path: Path, wrap: Callable[[dict], dict], old: bool) -> None:
    torch.save(wrap(TABLE), tmp_path / "x.pth", _use_new_zipfile_serialization=not old)
    assert is_table(reading.read_tensors(tmp_path / "x.pth", "anything"))


def test_a_file_is_what_it_holds_and_not_what_it_is_called(tmp_path: Path) -> None:
    save_file(TABLE, tmp_path / "x.pth")
    torch.save(TABLE, tmp_path / "x.safetensors")
    assert is_table(reading.read_tensors(tmp_path / "x.pth", "anything"))
    assert is_table(reading.read_tensors(tmp_path / "x.safetensors", "anything"))


def test_layers_that_are_only_numbered_keep_what_stands_before_them() -> None:
    table = {"module.model.0.weight": torch.zeros(1), "module.model.1.sub.0.weight": torch.zeros(1)}
    assert list(reading.strip(table)) == ["model.0.weight", "model.1.sub.0.weight"]


@pytest.mark.parametrize(("net", "model"), [(dexined.DexiNed, "dexined"), (teed.TEED, "teed")])
def test_an_edge_net_is_found_in_a_training_checkpoint(tmp_path: Path, net: type, model: str) -> None:
    torch.manual_seed(0)
    saved = net().state_dict()
    torch.save({"epoch": 9, "state_dict": {f"module.{k}": v for k, v in saved.items()}}, tmp_path / "x.pth")
    read = dexined.read_checkpoint(net(), str(tmp_path / "x.pth"), model).state_dict()
    assert all(torch.equal(read[name], value) for name, value in saved.items())
    torch.save(saved | {"block_cat.more": torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"block_cat\.more, which it does not have; choose"):
        dexined.read_checkpoint(net(), str(tmp_path / "x.pth"), model)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (
            ["layers.0.residual_group.blocks.0.attn.relative_position_bias_table", "conv_first.weight"],
            "those of SwinIR",
        ),
        (["before_RG.1.weight", "conv_first.weight"], "those of DAT"),
        (["conv_first.weight", "body.999999999.rdb1.conv1.weight"], "choose another file"),
        (["body.0.weight", "body.99999999999.weight"], "choose another file"),
        (["conv_first.weight", "body.x.y"], "choose another file"),
        (["model.0.weight", "model.1.sub.x.weight"], "choose another file"),
        (["nothing"], "no layers called body.0"),
    ],
)
def test_an_upscaler_of_another_kind_is_called_by_its_name(tmp_path: Path, names: list[str], says: str) -> None:
    torch.save({"params": {name: torch.zeros(64, 3, 3, 3) for name in names}}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match="expected weights of an RRDBNet") as found:
        esrgan.read_network(tmp_path / "x.pth")
    assert says in str(found.value) and is_one_line(found.value)


def is_one_line(error: BaseException) -> bool:
    return "\n" not in str(error) and len(str(error)) < 800 and "weights_only" not in str(error)


def in_zip(**entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr("x/" + name.replace("__", "/").replace("_pkl", ".pkl"), content)
    return file.getvalue()


def tensor_pickle(shape: bytes, count: bytes = b"K\x0c") -> bytes:
    """The data.pkl of one tensor of a shape, over a storage of so many numbers."""
    storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu" + count + b"tQ"
    return b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0" + shape + b"\x89NtRs."


NUMBERS = bytes(48)  # twelve of four bytes
BIG = b"\x8a\x06" + (10**13).to_bytes(6, "little")
FOREIGN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "found an empty file; fetch it again"),
    "page": (b"  <!DOCTYPE html><html><body>404</body></html>", "found a web page; .* fetch the file itself"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "pointer; .*git lfs pull"),
    "json": (b'{"error": "no such model"}', "found a text"),
    "torn zip": (in_zip(data_pkl=b"x" * 500)[:300], "whose end is missing; fetch it again, to its end"),
    "zip": (in_zip(readme=b"x"), "found a zip file"),
    "program": (in_zip(data_pkl=b"x", constants_pkl=b"x"), "found a TorchScript program; .*state_dict"),
    "pickle": (pickle.dumps({"a": 1}), "found no table of tensors in it"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "found an HDF5 file"),
    "onnx": (b"\x08\x07\x12\x07pytorch" + bytes(100), "found an ONNX file"),
    "ncnn": (b"7767517\n3 3\n", "found a file of ncnn"),
    "noise": (bytes(range(255, 128, -1)) * 4, "found something else"),
    "safetensors of terabytes": (
        struct.pack("<Q", 64)
        + b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}'.ljust(64) + bytes(4),
        "safetensors file that is torn",
    ),
    "header of terabytes": (struct.pack("<Q", 10**12) + b"{" + bytes(50), "found something else"),
    "tensor of terabytes": (in_zip(data_pkl=tensor_pickle(BIG + b"\x85K\x01\x85"), data__0=NUMBERS), "it claims"),
    "tensor out of one number": (in_zip(data_pkl=tensor_pickle(BIG + b"\x85K\0\x85"), data__0=NUMBERS), "it claims"),
    "tensor beyond": (in_zip(data_pkl=tensor_pickle(b"K\x10\x85K\x01\x85"), data__0=NUMBERS), "reaches beyond"),
    "storage that lies": (in_zip(data_pkl=tensor_pickle(b"K\x0c\x85K\x01\x85"), data__0=bytes(4)), "reaches beyond"),
    "backwards": (in_zip(data_pkl=tensor_pickle(b"K\x02\x85J" + b"\xff" * 4 + b"\x85"), data__0=NUMBERS), "beyond"),
    "memo of gigabytes": (in_zip(data_pkl=b"\x80\x02]r\xff\xff\xff\x7f."), "found no table of tensors"),
    "text of terabytes": (in_zip(data_pkl=b"\x80\x04\x8d" + struct.pack("<Q", 10**13) + b"x."), "that is torn"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_kind_is_refused_in_one_line_that_says_what_to_do(tmp_path: Path, name: str) -> None:
    content, says = FOREIGN[name]
    (tmp_path / "x.pth").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(WeightsError, match=says) as found:
        reading.read_tensors(tmp_path / "x.pth", "weights of a net")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "expected weights of a net" in str(found.value) and is_one_line(found.value) and peak < 50_000_000


def test_a_zip_that_unpacks_to_more_than_it_is_is_left_packed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}.")
        archive.writestr("x/data/0", bytes(50_000_000))
    with pytest.raises(WeightsError, match="it unpacks to 50000004 bytes out of"):
        reading.read_tensors(tmp_path / "x.pth", "anything")


@pytest.mark.parametrize("old", [False, True])
def test_what_a_file_would_run_is_never_run(tmp_path: Path, old: bool) -> None:
    mark = tmp_path / "mark"
    for saved in (Mark(mark), {"state_dict": Mark(mark)}, {"a": TABLE["a.weight"], "b": Mark(mark)}):
        torch.save(saved, tmp_path / "x.pth", _use_new_zipfile_serialization=not old)
        try:
            assert list(reading.read_tensors(tmp_path / "x.pth", "anything")) == ["a"]
        except WeightsError as error:
            assert is_one_line(error)
    (tmp_path / "x.pth").write_bytes(pickle.dumps(Mark(mark)))
    with pytest.raises(WeightsError, match=r"found a posix\.mkdir; choose"):
        reading.read_tensors(tmp_path / "x.pth", "anything")
    assert not mark.exists()
    torch.save(torch.nn.Linear(2, 2), tmp_path / "x.pth", _use_new_zipfile_serialization=not old)
    assert list(reading.read_tensors(tmp_path / "x.pth", "anything")) == ["weight", "bias"]


@pytest.mark.parametrize("kind", ["zip", "old", "safetensors", "keras"])
def test_a_file_with_bytes_changed_or_missing_is_read_or_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    path, chance, mark = tmp_path / "x.pth", random.Random(7), tmp_path / "mark"
    if kind == "safetensors":
        save_file(TABLE, path)
    elif kind == "keras":
        import h5py

        with h5py.File(path, "w") as file:
            file["conv1/kernel:0"] = np.zeros((3, 3, 3, 4), "f4")
    else:
        saved = {"params": TABLE, "more": Mark(mark)}
        torch.save(saved, path, _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    for n in range(300):
        torn = bytearray(whole if n % 3 else whole[: chance.randrange(len(whole))])
        for _ in range(n % 5 if torn else 0):
            torn[chance.randrange(len(torn))] = chance.randrange(256)
        path.write_bytes(torn)
        try:
            read_keras(path) if kind == "keras" else reading.read_tensors(path, "anything")
        except WeightsError as error:
            assert is_one_line(error)
    assert not mark.exists()


def net() -> torch.nn.Module:
    """A network with modules in modules, a tied weight and buffers of which one is not kept."""
    torch.manual_seed(0)
    made = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Sequential(torch.nn.BatchNorm2d(4), torch.nn.ReLU()))
    made.register_buffer("fleeting", torch.ones(2), persistent=False)
    made.register_parameter("tied", made[0].weight)
    return made


class Persistent:
    """A network as NVIDIA's programs pickle one: with the source of its class, which is not needed to read it."""

    def __init__(self, made: torch.nn.Module) -> None:
        self.made = made

    def __reduce__(self) -> tuple:
        state = {"_init_kwargs": {"z_dim": 512}} | self.made.__dict__
        meta = {"type": "class", "version": 6, "module_src": "import os", "class_name": "Generator", "state": state}
        return _reconstruct_persistent_obj, (meta,)


def _reconstruct_persistent_obj(meta: dict) -> None:
    raise AssertionError("it was run")


WHOLE: list[Callable] = [lambda m: m, lambda m: {"model": m}, lambda m: {"G": None, "G_ema": Persistent(m)}]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("wrap", WHOLE)
def test_a_whole_network_is_read_as_its_state_dict(tmp_path: Path, protocol: int, wrap: Callable) -> None:
    made = net()
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(wrap(made), protocol))
    read, wanted = reading.read_tensors(tmp_path / "x.pkl", "anything"), made.state_dict()
    assert list(read) == list(wanted) and all(torch.equal(read[name], value) for name, value in wanted.items())


def test_what_lies_beside_the_tensors_of_a_network_is_kept(tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"G_ema": Persistent(net())}))
    found = reading.read_table(tmp_path / "x.pkl", "anything")["G_ema"]
    assert (found.name, found.args[0]["class_name"]) == ("_reconstruct_persistent_obj", "Generator")
    assert found.args[0]["module_src"] == "import os" and found.args[0]["state"]["_init_kwargs"] == {"z_dim": 512}


ARRAYS = [
    *(np.arange(24).astype(kind).reshape(2, 3, 4) for kind in ("f4", "f2", "f8", "i8", "u1", ">f4", "<u2")),
    *(np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.float32(0.5), np.zeros((0, 3)), np.array(["a", "bc"])),
]


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_numpy_are_read_as_numpy_reads_them(tmp_path: Path, protocol: int) -> None:
    saved = {"arrays": ARRAYS, "again": ARRAYS[0], "bytes": b"\xff\0", "set": {1}, "huge": 2**70, "no": [None, -1.5]}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(saved, protocol))
    found = reading.read_table(tmp_path / "x.pkl", "anything")
    for value, wanted in zip(found["arrays"], ARRAYS, strict=True):
        assert np.array_equal(value, wanted) and np.asarray(value).dtype.kind == wanted.dtype.kind
    assert found["again"] is found["arrays"][0] and found["set"] == [1]
    assert (found["bytes"], found["huge"], found["no"]) == (b"\xff\0", 2**70, [None, -1.5])


PYTHON_2 = {  # how Python 2 writes array([1.0], 'f4') under "a": its texts are bytes
    0: b"(dp0\nS'a'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\n"
    b"tp6\nRp7\n(I1\n(I1\ntp8\ncnumpy\ndtype\np9\n(S'f4'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'<'\np13\nNNNI-1\nI-1\n"
    b"I0\ntp14\nbI00\nS'\\x00\\x00\\x80?'\np15\ntp16\nbs.",
    2: b"\x80\x02}q\0U\x01aq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\0\x85U\x01b\x87R"
    b"(K\x01K\x01\x85cnumpy\ndtype\nU\x02f4K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"
    b"U\x04\0\0\x80?tbs.",
}


@pytest.mark.parametrize("protocol", PYTHON_2)
def test_arrays_that_python_2_wrote_are_read(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "x.pkl").write_bytes(PYTHON_2[protocol])
    found = reading.read_table(tmp_path / "x.pkl", "anything")["a"]
    assert found.dtype == np.float32 and found.tolist() == [1.0]


def test_an_object_keeps_its_name_its_arguments_and_its_state(tmp_path: Path) -> None:
    saved = {"args": argparse.Namespace(size=256), "one": fractions.Fraction(1, 3), "kind": collections.Counter("aab")}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(saved))
    found = reading.read_table(tmp_path / "x.pkl", "anything")
    assert (found["args"].module, found["args"].name, found["args"].state) == ("argparse", "Namespace", {"size": 256})
    assert found["one"].args in (("1/3",), (1, 3)) and found["kind"] == {"a": 2, "b": 1}


def doubled(inner: bytes, times: int) -> bytes:
    """A pickle of a pair of the same pair of the same pair ...: 2 ** times things in a few bytes."""
    return b"\x80\x04" + inner + b"\x940" + b"".join(b"h%c" % i * 2 + b"\x86\x940" for i in range(times))


def text(letters: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(letters)) + letters


CALLED = b"cx\ny\n"
BOMBS = {
    "tuples that double": doubled(b"K\x01", 100) + b"h\x64.",
    "a key that doubles": doubled(b"K\x01", 100) + b"}h\x64K\x01s.",
    "records that double": doubled(CALLED + b")R", 100) + b"}" + CALLED + b"h\x64RK\x01s.",
    "lists in lists": b"\x80\x04" + b"]" * 50_000 + b"a" * 49_999 + b".",
    "records in records": b"\x80\x04" + CALLED * 25_000 + b")" + b"\x85R" * 25_000 + b".",
    "a list of itself": b"\x80\x04]\x94h\0a.",
    "a number of megabytes": b"\x80\x04\x8b" + struct.pack("<i", 20_000_000) + bytes(20_000_000) + b".",
    "a number of minus one": b"\x80\x04\x8b" + struct.pack("<i", -1) + b".",
    "steps without end": b"\x80\x04" + b"N0" * (MOST_STEPS // 2) + b".",
    "arguments copied": b"\x80\x04(" + b"N" * 100_000 + b"t\x940" + CALLED
    + b"\x940" + b"h\1h\0}\x920" * 10_000 + b"N.",
    "tables copied": b"\x80\x04(" + b"N" * 100_000 + b"l\x85\x940ccollections\nOrderedDict\n\x940"
    + b"h\1h\0R0" * 10_000 + b"N.",
    "texts encoded": b"\x80\x04" + text(b"a" * 10**6) + b"X\6\0\0\0latin1\x86\x940c_codecs\nencode\n\x940"
    + b"h\1h\0R\x94" * 50_000 + b".",
    "equal keys": b"\x80\x04" + (text(b"a" * 10**7) + b"\x940") * 2 + b"}" + b"h\0Nsh\1Ns" * 10_000 + b".",
    "a code outside": b"\x80\x04\x82\x01.",
    "an array of objects": pickle.dumps(np.array([{}, []], dtype=object)),
    "an array of terabytes": pickle.dumps(np.zeros(3, "f4"), 2).replace(b"K\x03\x85", b"\x8a\6\0\0\0\0\0\x7f\x85"),
    "storage called by a tree": doubled(b"K\x01", 100) + b"(X\7\0\0\0storagectorch\nFloatStorage\nh\x64X\0\0\0\0K\1tQ.",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_pickle_asks_for_no_more_than_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.pkl").write_bytes(BOMBS[name])
    tracemalloc.start()
    with pytest.raises(WeightsError) as found:
        reading.read_tensors(tmp_path / "x.pkl", "weights of a net")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert is_one_line(found.value) and peak < 300_000_000
    assert name != "steps without end" or "goes on and on" in str(found.value)


def test_a_network_of_networks_without_end_is_refused(tmp_path: Path) -> None:
    """Each module holds the one before twice; and one holds itself."""
    inner = CALLED + b")R}" + text(b"_modules") + b"}sb\x940"
    for i in range(100):
        inner += CALLED + b")R}" + text(b"_modules") + b"}(" + text(b"a") + b"h%c" % i + text(b"b") + b"h%cusb\x940" % i
    itself = CALLED + b")R\x94}" + text(b"_modules") + b"}" + text(b"a") + b"h\0ssb."
    for content in (b"\x80\x04" + inner + b"h\x64.", b"\x80\x04" + itself):
        (tmp_path / "x.pkl").write_bytes(content)
        with pytest.raises(WeightsError, match="nest without end") as found:
            reading.read_tensors(tmp_path / "x.pkl", "weights of a net")
        assert is_one_line(found.value)
