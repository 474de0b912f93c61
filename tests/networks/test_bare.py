"""Networks to be filled from a file: no larger than it, nothing drawn, nothing slow loaded for it."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from installation.networks.bare import LEAST, Bare, TooLarge


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(1 << 12, 1 << 12),
        lambda: nn.Conv2d(1 << 12, 1 << 12, 1),
        lambda: nn.Embedding(1 << 20, 1 << 4),
        lambda: torch.randn(1 << 12, 1 << 12),
        lambda: torch.zeros((1 << 12, 1 << 12)),
        lambda: torch.full((1 << 12, 1 << 12), 1.0),
        lambda: torch.eye(1 << 12),
        lambda: torch.arange(1 << 24),
        lambda: torch.empty(size=(1 << 12, 1 << 12)),
        lambda: [nn.Linear(1 << 10, 1 << 10) for _ in range(16)],
    ],
)
def test_a_network_larger_than_its_file_is_refused_before_it_is_there(make):
    with pytest.raises(TooLarge, match="far more than the 1,000 numbers"), Bare(held=1000):
        make()
    with Bare(held=1 << 24):  # the same, from a file that holds as much
        make()


def test_sizes_that_no_machine_has_are_one_line():
    with pytest.raises(TooLarge), Bare(held=1000):
        nn.Linear(1 << 40, 1 << 20)


def test_nothing_is_drawn_for_weights_that_a_file_brings():
    before = torch.get_rng_state()
    with Bare(held=LEAST):
        nn.Sequential(nn.Linear(8, 8), nn.Conv2d(4, 4, 3), nn.Embedding(4, 4), nn.LSTM(4, 4))
        torch.randn(4, generator=torch.Generator())
    assert torch.equal(before, torch.get_rng_state())


def test_what_a_network_works_out_for_itself_is_worked_out():
    with Bare(held=0):
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        kernel = torch.outer(taps, taps) / taps.sum() ** 2
        zeros, ones = torch.zeros(3), torch.ones(3)
    assert kernel.sum() == 1 and zeros.sum() == 0 and ones.sum() == 3


def test_a_show_opens_its_model_without_loading_torchs_compiler():
    """Two seconds of every start, of every print and after every fault."""
    program = (
        "import sys; from installation.live.opening import open_generator; from installation.settings import open_show;"
        "open_generator(open_show('bloom')); print([m for m in ('torch._dynamo', 'sympy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
