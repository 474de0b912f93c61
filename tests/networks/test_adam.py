"""Steps as Adam's inventors wrote them down, and nothing slow loaded for them."""

import subprocess
import sys

import pytest
import torch

from installation.networks.adam import Adam

LR, FIRST, SECOND, EPSILON = 0.1, 0.9, 0.99, 1e-8


@pytest.mark.parametrize("fused", [True, False])
def test_its_steps_are_those_of_the_paper_also_after_a_kill(fused):
    start = torch.linspace(-1, 1, 5, dtype=torch.float64)
    expected, mean, square = start.clone(), torch.zeros(5), torch.zeros(5)
    weights = start.clone().requires_grad_(True)
    adam = Adam([weights], LR, (FIRST, SECOND), eps=EPSILON, fused=fused)
    for step in range(1, 7):
        if step == 4:  # what a run that was killed had written is all that its next one needs
            written, adam = adam.state_dict(), Adam([weights], LR, (FIRST, SECOND), eps=EPSILON, fused=fused)
            adam.load_state_dict(written)
        adam.zero_grad(set_to_none=True)
        (weights.sin() * step).sum().backward()
        adam.step()
        gradient = expected.cos() * step
        mean, square = FIRST * mean + (1 - FIRST) * gradient, SECOND * square + (1 - SECOND) * gradient**2
        expected = expected - LR * (mean / (1 - FIRST**step)) / ((square / (1 - SECOND**step)).sqrt() + EPSILON)
        torch.testing.assert_close(weights.detach(), expected)


def test_what_learns_begins_without_loading_torchs_compiler():
    """Two to three seconds of every training run and of every picture that is looked for in a model."""
    program = (
        "import sys, torch; from installation.networks.adam import Adam; w = torch.ones(3, requires_grad=True);"
        "adam = Adam([w]); adam.zero_grad(); w.sum().backward(); adam.step(); adam.load_state_dict(adam.state_dict());"
        "torch.nn.utils.clip_grad_norm_([w], 1.0); print([m for m in ('torch._dynamo', 'sympy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
