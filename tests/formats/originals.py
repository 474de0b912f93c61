"""Random weights in; files in the exact layout of the programs that artists train with out.

Classes are stand-ins that are pickled under the original modules' names; what those programs would run when they open
such a file (module_src and the like) is text here as there.
"""

from __future__ import annotations

import contextlib
import pickle
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Tensors = dict[str, Tensor]


def stylegan2(
    size: int = 16,
    z: int = 12,
    w: int = 16,
    layers: int = 3,
    channels: int = 3,
    classes: int = 0,
    start: tuple[int, int] = (4, 4),
    noise: bool = True,
    seed: int = 0,
) -> Tensors:
    """A StyleGAN2 generator's state under NVIDIA's names, whose pictures have contrast."""
    source = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source)

    t: Tensors = {"mapping.w_avg": normal(w) * 0.2}
    if classes:
        t |= {"mapping.embed.weight": normal(w, classes), "mapping.embed.bias": normal(w) * 0.3}
    for i in range(layers):
        inputs = w if i else z + (w if classes else 0)
        t |= {f"mapping.fc{i}.weight": normal(w, inputs) * 100, f"mapping.fc{i}.bias": normal(w) * 20}
    width = {r: max(6, 40 // r) * 2 for r in (4, 8, 16, 32, 64)}
    t["synthesis.b4.const"] = normal(width[4], *start)
    blocks = [r for r in (4, 8, 16, 32, 64) if r <= size]
    for r in blocks:
        for conv in ("conv1",) if r == 4 else ("conv0", "conv1"):
            stem, inputs = f"synthesis.b{r}.{conv}", width[r // 2] if conv == "conv0" else width[r]
            t |= _affine(stem, w, inputs, normal)
            t |= {f"{stem}.weight": normal(width[r], inputs, 3, 3), f"{stem}.bias": normal(width[r]) * 0.2}
            if noise:
                t[f"{stem}.noise_const"] = normal(*(r * side // 4 for side in start))
                t[f"{stem}.noise_strength"] = normal() * 0.2
        stem = f"synthesis.b{r}.torgb"
        t |= _affine(stem, w, width[r], normal)
        t |= {f"{stem}.weight": normal(channels, width[r], 1, 1) * 0.25, f"{stem}.bias": normal(channels) * 0.1}
    return t


def _affine(stem: str, w: int, inputs: int, normal: Any) -> Tensors:
    return {f"{stem}.affine.weight": normal(inputs, w), f"{stem}.affine.bias": 1 + normal(inputs) * 0.2}


@contextlib.contextmanager
def modules(**contents: dict[str, Any]) -> Iterator[None]:
    """Modules of these names (dots as __) for as long as something is pickled under their names."""
    added = []
    for name, members in contents.items():
        parts = name.split("__")
        for i in range(1, len(parts) + 1):
            dotted = ".".join(parts[:i])
            if dotted not in sys.modules:
                sys.modules[dotted] = types.ModuleType(dotted)
                added.append(dotted)
        for key, value in members.items():
            value.__module__, value.__qualname__, value.__name__ = ".".join(parts), key, key
            setattr(sys.modules[".".join(parts)], key, value)
    yield
    for dotted in added:
        del sys.modules[dotted]


def _reconstruct_persistent_obj(meta: Any) -> Any:
    raise AssertionError("nobody may call this")


class EasyDict(dict[str, Any]):
    """dnnlib's: a dict with attributes."""


class Module(nn.Module):
    """A persistent module: pickled as a call of NVIDIA's function with a table of what it was."""

    def __init__(self, class_name: str, **state: Any) -> None:
        super().__init__()
        self.__dict__["said_name"] = class_name
        self.__dict__.update(state)

    def __reduce__(self) -> Any:
        state = {key: value for key, value in self.__dict__.items() if key != "said_name"}
        source = "raise AssertionError('this was run')  # the source of the class, as the original keeps it\n"
        meta = dict(type="class", version=6, module_src=source, class_name=self.said_name, state=state)
        return _reconstruct_persistent_obj, (EasyDict(meta) if self.said_name == "Easy" else meta,), None, None, None


BUFFERS = {"w_avg", "noise_const", "resample_filter", "freqs", "phases", "transform", "magnitude_ema"}


def tree(tensors: Tensors, clamp: float | None = None, lr: float = 0.01, **state: Any) -> Module:
    """NVIDIA's Generator of these tensors, modules in modules. layers: the state of those with names of their own."""
    layers: dict[str, dict[str, Any]] = state.pop("layers", {})
    top = Module("Generator", **state)
    for name, value in tensors.items():
        at, (*path, last) = top, name.split(".")
        for part in path:
            if part not in at._modules:
                said = layers.get(part) or _state_of(part, clamp, lr)
                at.add_module(part, Module(_class_of(part), **said))
            at = at._modules[part]  # type: ignore[assignment]
        if last in BUFFERS or last.endswith("_filter"):
            at.register_buffer(last, value)
        else:
            at.register_parameter(last, nn.Parameter(value, requires_grad=False))
    return top


def _class_of(part: str) -> str:
    known = {"mapping": "MappingNetwork", "synthesis": "SynthesisNetwork", "torgb": "ToRGBLayer"}
    if part in known:
        return known[part]
    starts = {"fc": "FullyConnectedLayer", "conv": "SynthesisLayer", "b": "SynthesisBlock"}
    return next((name for start, name in starts.items() if part.startswith(start)), "FullyConnectedLayer")


def _state_of(part: str, clamp: float | None, lr: float) -> dict[str, Any]:
    if part.startswith("fc"):
        return {"activation": "lrelu", "bias_gain": lr, "weight_gain": np.float64(lr)}
    if part.startswith("conv"):
        return {"activation": "lrelu", "conv_clamp": clamp, "up": 2 if part == "conv0" else 1, "use_noise": True}
    return {"conv_clamp": clamp} if part == "torgb" else {"activation": "linear", "bias_gain": 1}


def with_filters(tensors: Tensors, taps: tuple[float, ...] = (1, 3, 3, 1)) -> Tensors:
    """The resampling filters that NVIDIA's files keep in every block."""
    kernel = torch.outer(torch.tensor(taps), torch.tensor(taps))
    blocks = {name.rpartition(".const")[0] or name.rpartition(".conv1.weight")[0] for name in tensors}
    stems = [f"{block}{part}" for block in sorted(blocks - {""}) for part in ("", ".conv1")]
    return {f"{stem}.resample_filter": kernel / kernel.sum() for stem in stems} | tensors


def nvidia(path: Path, tensors: Tensors, protocol: int = 4, nested: bool = True, **how: Any) -> Path:
    """A network-snapshot.pkl of StyleGAN2-ADA (its kwargs nested) or of the StyleGAN3 repository (flattened)."""
    clamp, lr = how.pop("clamp", None), how.pop("lr", 0.01)
    synthesis = {"channel_base": 32768, "channel_max": 512, "num_fp16_res": 4, "conv_clamp": clamp}
    mapping = {"num_layers": 3}
    kwargs = {"synthesis_kwargs": synthesis} if nested else synthesis
    words = EasyDict(z_dim=12, c_dim=0, w_dim=16, mapping_kwargs=EasyDict(mapping), **kwargs)
    network = tree(with_filters(tensors), clamp, lr, _init_args=(), _init_kwargs=words, **how)
    critic = Module("Discriminator", _init_args=(), _init_kwargs=EasyDict())
    whole = {"G": critic, "D": critic, "G_ema": network, "training_set_kwargs": EasyDict(), "augment_pipe": None}
    names = {"_reconstruct_persistent_obj": _reconstruct_persistent_obj}
    with modules(torch_utils__persistence=names, dnnlib__util={"EasyDict": EasyDict}), path.open("wb") as file:
        pickle.dump(whole, file, protocol)
    return path


class Network:
    """dnnlib.tflib.network.Network, of which a pickle keeps a table."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def __getstate__(self) -> dict[str, Any]:
        return self.state


def nvidia3(path: Path, tensors: Tensors, bands: dict[str, Any], protocol: int = 4, **how: Any) -> Path:
    """A network-snapshot.pkl of StyleGAN3: what the synthesis is made with lies flat among the generator's keywords."""
    words = EasyDict(z_dim=12, w_dim=16, mapping_kwargs=EasyDict(num_layers=2), **bands)
    network = tree(tensors, _init_args=(), _init_kwargs=words, **how)
    names = {"_reconstruct_persistent_obj": _reconstruct_persistent_obj}
    with modules(torch_utils__persistence=names, dnnlib__util={"EasyDict": EasyDict}), path.open("wb") as file:
        pickle.dump({"G": None, "D": None, "G_ema": network, "training_set_kwargs": EasyDict()}, file, protocol)
    return path


def nvidia_tf(path: Path, tensors: Tensors, protocol: int = 4, name: str = "G_main", **static: Any) -> Path:
    """A .pkl of the TensorFlow repositories: (G, D, Gs)."""
    top: list[tuple[str, Any]] = [("lod", np.float32(0))]
    inner: dict[str, list[tuple[str, Any]]] = {"mapping": [], "synthesis": []}
    for key, value in tensors.items():
        said, array = _in_tensorflow(key, value.numpy())
        part, _, rest = said.partition("/")
        inner.get(part, top).append((rest if part in inner else said, array))
    parts = EasyDict({part: _network(f"G_{part}", variables) for part, variables in inner.items()})
    generator, critic = _network(name, top, parts, **static), _network("D_stylegan2", [])
    names = {"dnnlib__tflib__network": {"Network": Network}, "dnnlib__util": {"EasyDict": EasyDict}}
    with modules(**names), path.open("wb") as file:
        pickle.dump((generator, critic, generator), file, protocol)
    return path


def _network(name: str, variables: list[Any], components: Any = None, **static: Any) -> Network:
    state = {"version": 4, "name": name, "static_kwargs": EasyDict(static), "components": components or EasyDict()}
    code = "raise AssertionError('this was run')"
    return Network(state | {"build_module_src": code, "build_func_name": name, "variables": variables})


def _in_tensorflow(name: str, value: np.ndarray) -> tuple[str, Any]:
    first, *rest = name.split(".")
    if name == "mapping.w_avg":
        return "dlatent_avg", value
    if first == "mapping":
        layer = "LabelEmbed" if rest[0] == "embed" else f"Dense{rest[0][2:]}"
        return f"mapping/{layer}/{rest[1]}", value.T
    size = int(rest[0][1:])
    if rest[1] == "const":
        return "synthesis/4x4/Const/const", value[None]
    if rest[2] == "noise_const":
        number = 2 * (size.bit_length() - 3) - (rest[1] == "conv0")
        return f"synthesis/noise{number}", value[None, None]
    layer = {"torgb": "ToRGB", "conv0": "Conv0_up", "conv1": "Conv" if size == 4 else "Conv1"}[rest[1]]
    what = ".".join(rest[2:])
    if what == "weight":
        value = (value[:, :, ::-1, ::-1] if layer == "Conv0_up" else value).transpose(2, 3, 1, 0)
    elif what == "affine.weight":
        what, value = "mod_weight", value.T
    elif what == "affine.bias":
        what, value = "mod_bias", value - 1
    return f"synthesis/{size}x{size}/{layer}/{what}", np.float32(value) if value.ndim == 0 else value


def rosinality(path: Path, tensors: Tensors, trained: bool = True, old: bool = False) -> Path:
    """A checkpoint as its train.py saves it, or (trained=False) as convert_weight.py does."""
    table = {said: value for key, value in tensors.items() for said, value in _in_rosinality(key, value)}
    if not trained:
        whole = {"g_ema": table, "latent_avg": tensors["mapping.w_avg"]}
    else:
        whole = {"g": {}, "d": {}, "g_ema": table, "g_optim": {"state": {}, "param_groups": []}, "ada_aug_p": 0.1}
    torch.save(whole, path, _use_new_zipfile_serialization=not old)
    return path


def _in_rosinality(name: str, value: Tensor) -> Iterator[tuple[str, Tensor]]:
    first, *rest = name.split(".")
    if name == "mapping.w_avg":
        return
    if first == "mapping":
        yield f"style.{int(rest[0][2:]) + 1}.{rest[1]}", value
        return
    size = int(rest[0][1:])
    if rest[1] == "const":
        yield "input.input", value[None]
        return
    step = size.bit_length() - 4  # 8 px: 0
    number = 2 * step + (rest[1] == "conv1")
    if rest[2] == "noise_const":
        yield f"noises.noise_{number + 1}", value[None, None]
        return
    torgb = rest[1] == "torgb"
    stem = ("to_rgb1" if torgb else "conv1") if size == 4 else f"to_rgbs.{step}" if torgb else f"convs.{number}"
    what = ".".join(rest[2:])
    if what == "weight":
        yield f"{stem}.conv.weight", value[None]
        if rest[1] == "conv0" or (torgb and size > 4):
            kernel = torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0])] * 2) / 16
            yield f"{stem}.{'upsample' if torgb else 'conv.blur'}.kernel", kernel
    elif what.startswith("affine"):
        yield f"{stem}.conv.modulation.{rest[3]}", value
    elif what == "noise_strength":
        yield f"{stem}.noise.weight", value[None]
    else:
        yield f"{stem}.bias" if torgb else f"{stem}.activate.bias", value.reshape(1, -1, 1, 1) if torgb else value


def dcgan(path: Path, z: int = 10, channels: tuple[int, ...] = (16, 12, 8, 3), old: bool = False) -> Path:
    """A state_dict of the well-known example's stack."""
    torch.manual_seed(4)
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(zip((z, *channels), channels, strict=False)):
        layers.append(nn.ConvTranspose2d(before, after, 4, 2 if i else 1, 1 if i else 0, bias=False))
        if i + 1 < len(channels):
            layers += [nn.BatchNorm2d(after), nn.ReLU()]
    net = nn.Module()
    net.main = nn.Sequential(*layers, nn.Tanh())
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.2)
            nn.init.normal_(module.bias, 0.0, 0.2)
            nn.init.uniform_(module.running_var, 0.01, 0.05)
    torch.save(net.state_dict(), path, _use_new_zipfile_serialization=not old)
    return path
