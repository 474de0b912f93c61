"""Training method `reconstruct`: codes and generator learn together to redraw the corpus, coarse sizes first.

Generative latent optimisation (Bojanowski et al. 2018) with a perceptual loss and growing resolution: shapes and colours
are there after minutes even on a CPU, where a GAN from scratch still shows blobs.
"""

import torch
from torch import Tensor, nn

from installation.generators.stylegan2.network import Generator, NetworkConfig
from installation.training import losses
from installation.training.corpus import Corpus
from installation.training.features import VGG

CODE_JITTER = 0.1  # standard deviation added to codes of about unit size: neighbours of a code must draw it too
MAPPING_SPEED = 30  # times the learning rate; undoes most of the mapping's built-in 0.01, too slow for a short run
CODE_SPEED = 5  # times the learning rate; a code is seen once an epoch, a weight at every step
GROWTH = ((0.0, 32), (0.16, 64), (0.42, 128), (0.74, 256))  # from this part of the run on, this many pixels


class Student(nn.Module):
    """A generator and one code z (N, z_dim) per picture of the corpus."""

    def __init__(self, config: NetworkConfig, codes: Tensor) -> None:
        super().__init__()
        self.generator = Generator(config)
        self.codes = nn.Parameter(codes.clone())


def size_at(progress: float, largest: int) -> int:
    """Pixels a side to train at, when `progress` (0..1) of the run is done."""
    size = max(size for start, size in GROWTH if progress >= start)
    return min(size if largest <= 256 else size * largest // 256, largest)


def optimizer(student: Student, lr: float) -> torch.optim.Optimizer:
    mapping = list(student.generator.mapping.parameters())
    groups = [
        {"params": list(student.generator.synthesis.parameters()), "speed": 1.0},
        {"params": mapping, "speed": float(MAPPING_SPEED)},
        {"params": [student.codes], "speed": float(CODE_SPEED)},
    ]
    return torch.optim.Adam(groups, lr=lr, betas=(0.5, 0.99), fused=True)


def redraw(student: Student, indices: Tensor, size: int) -> Tensor:
    """The pictures the student draws for those codes, jittered: (B, 3, size, size)."""
    codes = student.codes[indices]
    codes = codes + torch.randn_like(codes) * CODE_JITTER
    w = student.generator.mapping(codes)
    with torch.no_grad():
        student.generator.mapping.w_avg.lerp_(w.detach().mean(0), 0.005)
    return student.generator.synthesis(student.generator.broadcast(w), noise="none", up_to=size)


def loss(student: Student, corpus: Corpus, indices: Tensor, size: int, vgg: VGG | None) -> tuple[Tensor, Tensor, dict[str, float]]:
    """(loss to minimise, the pictures drawn (B, 3, size, size), its parts by name)."""
    device = student.codes.device
    target = corpus.batch(indices, size).to(device)
    drawn = redraw(student, indices, size)
    pixels = losses.laplacian_l1(drawn, target)
    white = losses.whiteness(student.codes)
    total = pixels + 0.1 * white
    parts = {"pixels": float(pixels.detach()), "white": float(white.detach())}
    if vgg is not None:
        looks = losses.perceptual(vgg, drawn, target)
        total = total + looks
        parts["looks"] = float(looks.detach())
    return total, drawn, parts
