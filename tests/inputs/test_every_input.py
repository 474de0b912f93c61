"""What every input owes the show: the same face, nothing before it is started, and a quiet end."""

import math
from collections import Counter

import pytest

from installation import plugins


@pytest.mark.parametrize("name", plugins.available("inputs"))
def test_an_input_shows_the_same_face_before_it_is_started_and_closes_twice(name):
    module = plugins.load("inputs", name)
    made = module.create(module.Settings())
    assert made.alive is False and made.age_s(0.0) == math.inf
    assert not made.read(0.0)
    assert isinstance(made.faults, Counter) and not made.faults
    assert not made.pids and isinstance(made.describe(), str)
    made.close()
    made.close()
