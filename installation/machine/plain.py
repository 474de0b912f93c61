"""A show's model in, what a picture takes when it is painted the plain way out: the yardstick of `bench live`."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from installation.settings import Part

KINDS = ("stylegan2", "stylegan3")  # whose rooms have a reference.py
WARM_UP, WARM_UP_S = 5, 10.0  # pictures, but none begun after so long
WAIT_S = 300.0


@contextmanager
def plainly(generator: Part, threads: int) -> Iterator[Callable[[], float] | None]:
    """A call that lets a fresh process paint one picture the plain way and says how many milliseconds that took."""
    if generator.name not in KINDS:
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
    """In a process of its own: the network as a textbook has it, float32, eager, modulated anew for every picture."""
    import torch

    from installation import plugins, weights

    room = plugins.load("generators", kind)
    reference = importlib.import_module(f"installation.generators.{kind}.reference")

    torch.set_num_threads(threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    settle = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    net, _ = room.read_model(*weights.open_model(model))
    net = net.to(device)
    ws = net.broadcast(net.mapping.w_avg[None])
    with torch.inference_mode():
        until_s = time.perf_counter() + WARM_UP_S
        for _ in range(WARM_UP):
            if time.perf_counter() < until_s:
                reference.synthesize(net.synthesis, ws)
        while pipe.recv():
            settle()
            began = time.perf_counter()
            reference.synthesize(net.synthesis, ws)
            settle()
            pipe.send((time.perf_counter() - began) * 1000)
