"""A pickle of NVIDIA's StyleGAN2-ADA or StyleGAN3 repositories in; the averaged generator in it out.

Networks lie in it as NVIDIA's persistent objects: a table with the source of the class (never run, never looked at),
its name, and its state, in which modules nest. Files that keep the same names in a state_dict are the same to us.
"""

from __future__ import annotations

from typing import Any

from installation.formats import alias_free, styles
from installation.formats.opened import Converted, Opened, said_plainly, table_of
from installation.networks.modules import PERSISTENT, is_module, said_of, state_of
from installation.networks.pickles import Record

WHICH = ("G_ema", "G")  # the averaged generator, or the one of the last step
LINEAR = ("lrelu", "linear")  # the activations that our layers have


def recognise(opened: Opened) -> str | None:
    """NVIDIA's generators, and files that persist any other network of theirs or of their forks."""
    module = _module(opened.found)
    tensors = state_of(module) if module is not None else opened.tensors
    if styles.is_stylegan2(tensors):
        return "a StyleGAN2 of NVIDIA's PyTorch code"
    if alias_free.is_stylegan3(tensors):
        return "a StyleGAN3 of NVIDIA's PyTorch code"
    if module is not None and module.name == PERSISTENT:
        return f"a pickle of NVIDIA's kind with a {class_of(module)}"
    return None


def convert(opened: Opened) -> Converted:
    """Raises WeightsError for variants and forks that do not play here, by their name."""
    module = _module(opened.found)
    tensors: dict[str, Any] = dict(state_of(module) if module is not None else opened.tensors)
    gain = _within(module, "mapping.fc0").get("bias_gain", styles.LR_MULT)
    gain = float(gain) if isinstance(gain, int | float) else styles.LR_MULT
    if alias_free.is_stylegan3(tensors):
        layers = {name: _within(module, f"synthesis.{name}") for name in _blocks(module)}
        return alias_free.finish(opened, tensors, _keywords(module), layers, gain)
    if not styles.is_stylegan2(tensors):
        raise opened.refuse(f"a {class_of(module)}", "of NVIDIA's pickles StyleGAN2 and StyleGAN3 play here")
    _refuse_activations(opened, module)
    return styles.finish(opened, tensors, _clamp(opened, module), gain)


def class_of(module: Any) -> str:
    """The name of a persisted network's class, as its file states it."""
    if isinstance(module, Record) and module.name == PERSISTENT:
        name = table_of(module.args[0] if module.args else None).get("class_name", "network")
        return name[:60] if isinstance(name, str) and name.isprintable() else "network"
    return module.name[:60] if isinstance(module, Record) else "network"


def _module(found: Any) -> Record | None:
    """The generator among what was saved."""
    if is_module(found):
        return found if isinstance(found, Record) else None
    table = table_of(found)
    return next((table[name] for name in WHICH if is_module(table.get(name))), None)


def _within(module: Any, path: str) -> dict[Any, Any]:
    """What a file says of the module at a path such as "mapping.fc0"; {} where there is none."""
    for part in path.split("."):
        inner = said_of(module).get("_modules")
        module = inner.get(part) if isinstance(inner, dict) else None
    return said_of(module)


def _keywords(module: Any) -> dict[Any, Any]:
    """What the synthesis network was made with: flattened or nested in the generator's keywords, or its own."""
    whole = table_of(said_of(module).get("_init_kwargs"))
    own = table_of(_within(module, "synthesis").get("_init_kwargs"))
    return whole | table_of(whole.get("synthesis_kwargs")) | own


def _blocks(module: Any) -> list[str]:
    inner = _within(module, "synthesis").get("_modules")
    return [name for name in inner if isinstance(name, str)] if isinstance(inner, dict) else []


def _layers(module: Any) -> list[dict[Any, Any]]:
    return [_within(module, f"synthesis.{b}.{n}") for b in _blocks(module) for n in ("conv0", "conv1", "torgb")]


def _clamp(opened: Opened, module: Any) -> float | None:
    """At what all layers clamp."""
    found = {
        said["conv_clamp"]
        for said in _layers(module)
        if isinstance(said.get("conv_clamp"), int | float | None) and "conv_clamp" in said
    }
    if len(found) > 1:
        raise opened.refuse("layers that clamp at different values", "one for all plays here")
    value = next(iter(found), None)
    return None if value is None else float(value)


def _refuse_activations(opened: Opened, module: Any) -> None:
    mapping = _within(module, "mapping").get("_modules")
    layers = [*_layers(module), *(said_of(one) for one in (mapping.values() if isinstance(mapping, dict) else ()))]
    for said in layers:
        if said.get("activation", "lrelu") not in LINEAR:
            raise opened.refuse(
                f"a StyleGAN2 with activation {said_plainly(said['activation'])}", "only lrelu plays here"
            )
