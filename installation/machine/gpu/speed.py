"""A size in; how fast this machine plays a show of it out: the captured graph, the generator, the loop; training."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from installation.machine.gpu.devices import need_cuda, peak_memory, seconds_of, settle
from installation.machine.gpu.twins import PLACES, Tolerance, compare, lively_net, paint
from installation.machine.rows import Row, summary, timed
from installation.machine.standard import standard_show
from installation.settings import Effect, Part, Show, open_show
from installation.signals import Controls

SAME = Tolerance(0.2, 16.0)  # the same kernels, but for cuDNN's choice under capture
EFFECTS = ("wilt.fs", "echo.fs", "tear.fs", "film.fs")  # none of which reads a picture file, for which pyvips is needed


def compare_capture(px: int, channel_base: int, frames: int) -> Iterator[Row]:
    """A captured graph, replayed, beside the same calls made one by one: the same pictures, and how much sooner."""
    need_cuda()
    import torch

    from installation.generators.stylegan2 import Settings, StyleGAN2

    bends = open_show("bloom").bends
    generator = StyleGAN2(lively_net(px, channel_base), Settings(noise="frozen"), bends)
    values = {f"bend.{bend.name}.amount": 0.5 for bend in bends}
    knob = {name: values.get(name, k.default) for name, k in generator.knobs.items()}

    def eager(turns: float) -> Any:
        ws = generator.latent.at(knob, turns).to(generator.device)
        return generator.synthesis(ws, "frozen", generator.bends.apply)[0].clamp(-1, 1)

    replayed = np.array([paint(generator, turns, values) for turns in PLACES])
    with torch.inference_mode():
        one_by_one = np.array([eager(turns).float().cpu().numpy() for turns in PLACES])
        yield compare("captured graph against eager", replayed, one_by_one, SAME, f"{px} px, {len(bends)} bends")
        graph = timed("captured", lambda n: generator.render(Controls(0.0, knob, 0.0)), frames, settle=settle)
        slow = timed("eager", lambda n: eager(0.0), frames, settle=settle)
    assert graph.value and slow.value
    note = f"{slow.value:.2f} and {graph.value:.2f} ms a picture"
    yield Row("eager : captured graph", slow.value / graph.value, "times", note=note)


def stage_show(px: int, size: tuple[int, int], folder: Path, **shape: Any) -> Show:
    """Four bends, four effects at work, the packaged recording: nothing that another device has to be there for."""
    show = standard_show(open_show("bloom"), px, folder, size, **shape)
    effects = tuple(Effect(file, knobs={} if file == "film.fs" else {"amount": 0.5}) for file in EFFECTS)
    return dataclasses.replace(
        show, inputs=(Part("recording"),), features=(), routes=(), cues=(), effects=effects, moment_every_s=0.0
    )


def measure_network(px: int, frames: int, channel_base: int) -> Iterator[Row]:
    """Pictures a second of the plain network and of ours with bends at rest and at work; the share of the peak."""
    from installation.machine import bench_live

    with tempfile.TemporaryDirectory() as folder:
        show = stage_show(px, (1280, 720), Path(folder), channel_base=channel_base)
        painted = bench_live.paint_in_turns(show, frames)
    ways = {
        "eager float32": painted.plain,
        f"ours in {painted.dtype}": painted.ours,
        f"ours, {len(show.bends)} bends": painted.bent,
    }
    for way, taken_ms in ways.items():
        median_ms = statistics.median(taken_ms)
        note = f"{median_ms:.3g} ms a picture" + (f", {painted.note}" if taken_ms is painted.ours else "")
        yield Row(f"StyleGAN2 {px} px, {way}", 1000 / median_ms, "pictures a second", note=note)
    share = bench_live.share_of_peak(painted)
    yield dataclasses.replace(share, part=f"StyleGAN2 {px} px, share of the peak")


def measure_whole_loop(px: int, size: tuple[int, int], seconds: float, channel_base: int) -> Iterator[Row]:
    """The show itself: generator, bends, effects, projector."""
    from installation.machine import bench_live

    with tempfile.TemporaryDirectory() as folder:
        show = stage_show(px, size, Path(folder), channel_base=channel_base)
        row = bench_live.measure_loop(show, 1, seconds, sheds=False)
    part = f"whole loop at {size[0]}x{size[1]}, {px} px, {len(show.effects)} effects"
    yield dataclasses.replace(row, part=part)


def measure_training(px: int, batch: int, channel_base: int, steps: int) -> Iterator[Row]:
    """One step of the GAN: critic and generator, on made-up pictures."""
    import torch

    from installation.machine.gpu.devices import device
    from installation.training.corpus import Corpus
    from installation.training.gan import Settings
    from installation.training.gan.adversarial import Adversarial
    from installation.training.gan.student import Student

    torch.manual_seed(0)
    made = np.random.default_rng(0).integers(0, 256, (2 * batch, px, px, 3), np.uint8)
    corpus = Corpus(made, [str(n) for n in range(len(made))], {})
    settings = Settings(Path(), Path(), Path(), size=px, channel_base=channel_base)
    with peak_memory() as peak_mb:
        student = Student(settings.network(), torch.zeros(0, settings.z_dim)).to(device())
        method = Adversarial(student, corpus, settings.lr / 2, batch)

        def step() -> None:
            with torch.autocast(device().type, torch.bfloat16, enabled=device().type == "cuda"):
                method.step(0.5)

        taken_ms = [1000 * seconds_of(step) for _ in range(2 + steps)][2:]
        most_mb = peak_mb()
    row = summary(f"training step, {px} px, batch of {batch}", taken_ms)
    assert row.value
    note = f"{1000 * batch / row.value:.0f} pictures a second"
    yield dataclasses.replace(row, peak_mb=most_mb, note=note)
