"""Every shader of the projector draws what numpy says; the test card what it showed when somebody last looked at it."""

from __future__ import annotations

import projector_shaders
import pytest

from installation.rendering.canvas import SHADERS, Canvas


@pytest.mark.parametrize("name", sorted(path.stem for path in (SHADERS / "projector").glob("*.glsl")))
def test_a_shader_of_the_projector_draws_what_it_should(context, name: str) -> None:
    assert not projector_shaders.complain(Canvas(context), name)
