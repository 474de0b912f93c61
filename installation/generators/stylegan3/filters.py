"""A cutoff and a transition band in, a low-pass filter out: Kaiser-windowed, along one axis or round in both."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def low_pass(taps: int, cutoff: float, width: float, rate: float, radial: bool = False) -> Tensor | None:
    """Filter (taps,), or (taps, taps) if radial, that sums to 1; None for one tap, which filters nothing.

    cutoff, width (of the transition band) and rate in periods and samples of one unit. Karras et al. 2021, appendix C.
    """
    if taps == 1:
        return None
    from scipy import signal, special

    beta = signal.kaiser_beta(signal.kaiser_atten(taps, width / (rate / 2)))
    window, place = np.kaiser(taps, beta), (np.arange(taps) - (taps - 1) / 2) / rate
    if radial:
        far = np.maximum(np.hypot(place[:, None], place[None, :]), 1e-12)
        ideal = special.j1(2 * np.pi * cutoff * far) / far  # the jinc: a disc's Fourier transform
        kernel = ideal * np.outer(window, window)
    else:
        kernel = np.sinc(2 * cutoff * place) * window
    return torch.from_numpy(kernel / kernel.sum()).float()


def parts(kernel: Tensor, tolerance: float) -> list[tuple[Tensor, Tensor]]:
    """A filter as the sum of few (along the columns, along the rows), each (taps,): what is left out of it is less
    than `tolerance` of its largest part. A filter (taps,) is itself along both.
    """
    if kernel.ndim == 1:
        return [(kernel.double(), kernel.double())]
    down, strength, across = torch.linalg.svd(kernel.double())
    count = max(1, int((strength > tolerance * strength[0]).sum()))
    return [(down[:, i] * strength[i], across[i]) for i in range(count)]
