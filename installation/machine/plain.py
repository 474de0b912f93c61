"""A show's model in, what a picture takes when it is painted the plain way out: the yardstick of `bench live`."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from installation import plugins
from installation.settings import Part

STYLES = ("stylegan2", "stylegan3")  # whose rooms have a reference.py
FROM_Z = ("autoencoder", "biggan", "dcgan", "fastgan", "lightweight")  # kinds whose network is its own textbook form
WARM_UP, WARM_UP_S = 5, 10.0  # pictures, but none begun after so long
WAIT_S = 300.0


@contextmanager
def plainly(generator: Part, threads: int) -> Iterator[Callable[[], float] | None]:
    """A call that lets a fresh process paint one picture the plain way and says how many milliseconds that took."""
    if generator.name not in (*STYLES, *FROM_Z):
        yield None
        return
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    model = generator.settings.get("model", "bloom")
    child = context.Process(target=paint_plainly, args=(theirs, generator.name, model, threads), daemon=True)
    passive = os.environ.pop("OMP_WAIT_POLICY", None)  # which the show sets for its own good
    child.start()
    if passive:
        os.environ["OMP_WAIT_POLICY"] = passive
    theirs.close()  # so that a child that ends is noticed

    def paint() -> float:
        ours.send(True)
        if not ours.poll(WAIT_S):
            raise RuntimeError("the plain generator did not answer")
        return float(ours.recv())

    try:
        yield paint
    finally:
        ours.send(False)
        child.join(WAIT_S)


def paint_plainly(pipe: Any, kind: str, model: str, threads: int) -> None:
    """In a process of its own: the network as a textbook has it, float32, eager, nothing prepared for the picture."""
    import torch

    torch.set_num_threads(threads)
    settle = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    paint = (_from_z if kind in FROM_Z else _from_w)(kind, model, "cuda" if torch.cuda.is_available() else "cpu")
    with torch.inference_mode():
        until_s = time.perf_counter() + WARM_UP_S
        for _ in range(WARM_UP):
            if time.perf_counter() < until_s:
                paint()
        while pipe.recv():
            settle()
            began = time.perf_counter()
            paint()
            settle()
            pipe.send((time.perf_counter() - began) * 1000)


def _from_w(kind: str, model: str, device: str) -> Callable[[], Any]:
    from installation import weights

    reference = importlib.import_module(f"installation.generators.{kind}.reference")
    net, _ = plugins.load("generators", kind).read_model(*weights.open_model(model))
    net = net.to(device)
    ws = net.broadcast(net.mapping.w_avg[None])
    return lambda: reference.synthesize(net.synthesis, ws)


def _from_z(kind: str, model: str, device: str) -> Callable[[], Any]:
    module = plugins.load("generators", kind)
    generator = module.create(module.Settings(model=model), device="cpu")
    generator.net.to(device)
    point = generator.point({name: knob.default for name, knob in generator.knobs.items()}, 0.0).to(device)
    return lambda: generator.textbook(point, "frozen")
