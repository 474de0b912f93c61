"""A show in; the generator that paints it, with all that the show names of it, out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from installation import plugins
from installation.live.leading import crossfaded
from installation.live.portable import own_model, say_what_lacks
from installation.settings import Bend, Show, check

if TYPE_CHECKING:
    import numpy as np

    from installation.generators.painter import Generator


def open_generator(
    show: Show,
    look: Callable[[], np.ndarray | None] | None = None,
    drawn: Callable[[], np.ndarray | None] | None = None,
) -> Generator:
    """The show's generator with its bends in place, and all that the show names of its latent space.

    look: gives the camera's newest picture (H, W, 3), uint8, to those that paint from it; None while there is none.
    drawn: the same of a drawing, dark on white.
    """
    from installation.generators.crossfade import where_they_fit
    from installation.latent import reaching

    part = crossfaded(show)
    module = plugins.load("generators", part.name)
    settings = check(module.Settings, part.settings, "generator")

    def create(bends: Sequence[Bend]) -> Any:
        return module.create(settings, bends=bends, seed=show.seed)

    generator = where_they_fit(create, show.bends, own_model(part)) if show.ported else create(show.bends)
    if look:
        _let_look(generator, look, drawn or (lambda: None))
    reaching.reach(generator, show)
    if part.name == "crossfade":
        generator.each(lambda one: None if one is generator.now else say_what_lacks(one, show))
    painter: Generator = generator
    return painter


def _let_look(generator: Any, look: Callable[[], np.ndarray | None], drawn: Callable[[], np.ndarray | None]) -> None:
    """Whoever paints from the camera, or from a drawing, may stand behind others."""
    if hasattr(generator, "look"):
        generator.look = look
    if hasattr(generator, "paper"):
        generator.paper = drawn
    if hasattr(generator, "each"):
        generator.each(lambda one: _let_look(one, look, drawn))
