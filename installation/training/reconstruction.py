"""Training method `reconstruct`: codes and generator learn together to redraw the corpus, then critics sharpen it.

Generative latent optimisation (Bojanowski et al. 2018) with a perceptual loss and growing resolution: shapes and
colours are there after minutes even on a CPU, where a GAN from scratch still shows blobs. In the second half two small
critics, one for the whole and one for windows at full size, judge the redrawings and what lies between them; the
redrawing itself goes on, as an anchor against collapse. Critics need time to learn: a short run does better without.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.training import losses
from installation.training.adversarial import Critic, mixed, penalty_for
from installation.training.corpus import Corpus
from installation.training.features import VGG
from installation.training.student import Student

CODE_JITTER = 0.1  # standard deviation added to codes of about unit size: neighbours of a code must draw it too
MAPPING_SPEED = 20  # times the learning rate; undoes most of the mapping's built-in 0.01, too slow for a short run
CODE_SPEED = 4  # times the learning rate; a code is seen once an epoch, a weight at every step
GROWTH = ((0.0, 32), (0.16, 64), (0.58, 128), (0.80, 256))  # from this part of the run on, this many pixels
TEXTURES = ((0.0, 0.3), (0.78, 0.8))  # from this part of the run on, this weight of textures: shapes come first
BETWEEN_FROM = 0.5  # from this part of the run on, pictures between two of the corpus need textures, too
DETAIL_PX = 64  # sizes above it add detail; shapes are made up to here
SHARPEN_RAMP = 0.05  # and this much later they speak with full voice
CRITIC_PX = 64
CRITIC_WEIGHT = 0.3  # of a critic's loss beside the losses of redrawing
CRITIC_LR = 0.002


def size_at(progress: float, largest: int) -> int:
    """Pixels a side to train at, when `progress` (0..1) of the run is done."""
    size = max(size for start, size in GROWTH if progress >= start)
    return min(size if largest <= 256 else size * largest // 256, largest)


class Reconstruction:
    """What the method trains, and one step of it."""

    def __init__(
        self, student: Student, corpus: Corpus, vgg: VGG | None, lr: float, batch: int, sharpen_from: float
    ) -> None:
        self.sharpen_from = sharpen_from  # from this part of the run on, the critics speak
        self.student, self.corpus, self.vgg, self.lr, self.batch = student, corpus, vgg, lr, batch
        config = student.generator.config
        px = min(CRITIC_PX, config.resolution)
        device = student.codes.device
        critics = {name: Critic(px, config.channels, CRITIC_LR, penalty_for(px, batch)) for name in ("whole", "window")}
        self.critics = {name: critic.to(device) for name, critic in critics.items()}
        groups = [
            {"params": list(student.generator.synthesis.parameters()), "speed": 1.0},
            {"params": list(student.generator.mapping.parameters()), "speed": float(MAPPING_SPEED)},
            {"params": [student.codes], "speed": float(CODE_SPEED)},
        ]
        self.adam = torch.optim.Adam(groups, lr=lr, betas=(0.9, 0.99), fused=True)

    def modules(self) -> dict[str, nn.Module]:
        return dict(self.critics)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"optimizer": self.adam, **{f"{name}.adam": critic.adam for name, critic in self.critics.items()}}

    def size_at(self, progress: float) -> int:
        return size_at(progress, self.student.generator.config.resolution)

    def step(self, progress: float) -> dict[str, float]:
        """One batch redrawn; later also what lies between, and what critics say. Returns the losses by name."""
        generator, size = self.student.generator, self.size_at(progress)
        while size > DETAIL_PX and torch.rand(()) < 0.5:  # shapes are learnt where they are small, and fast
            size //= 2
        voice = min(1.0, max(0.0, (progress - self.sharpen_from) / SHARPEN_RAMP)) * CRITIC_WEIGHT
        self.set_speed(progress)
        indices = torch.randint(len(self.corpus), (self.batch,))
        target = self.corpus.batch(indices, size).to(self.student.codes.device)
        w, there = self.latents(indices), torch.rand(self.batch // 2, 1).to(target.device)
        near = w[: self.batch // 2]
        ws = [generator.broadcast(w)]
        if progress >= BETWEEN_FROM:
            ws.append(generator.broadcast(torch.lerp(near, near.roll(1, 0), there)))
        if voice:
            free = generator.mapping(torch.randn(self.batch // 4, generator.config.z_dim, device=target.device))
            ws.append(mixed(generator, free))
        drawn = generator.synthesis(torch.cat(ws), noise="none", up_to=size).float()
        between = drawn[self.batch : self.batch + len(near)] if progress >= BETWEEN_FROM else None
        weight = max(weight for start, weight in TEXTURES if progress >= start)
        total, parts = self.redrawing(drawn[: self.batch], target, between, there, weight)
        if voice:
            total = total + voice * self.sharpening(drawn, parts)
        self.adam.zero_grad(set_to_none=True)
        total.backward()
        self.adam.step()
        return parts

    def set_speed(self, progress: float) -> None:
        """Full speed for half of the run, then slower and slower: what is left of blur then is mostly haste."""
        lr = self.lr * min(1.0, (1 - progress) / 0.5 + 0.05)
        for group in self.adam.param_groups:
            group["lr"] = lr * group["speed"]

    def latents(self, indices: Tensor) -> Tensor:
        """w (B, w_dim) of those pictures, their codes jittered; the running mean of w follows."""
        codes = self.student.codes[indices]
        w = self.student.generator.mapping(codes + torch.randn_like(codes) * CODE_JITTER)
        with torch.no_grad():
            self.student.generator.mapping.w_avg.lerp_(w.detach().mean(0), 0.005)
        return w

    def redrawing(
        self, drawn: Tensor, target: Tensor, between: Tensor | None, there: Tensor, weight: float
    ) -> tuple[Tensor, dict[str, float]]:
        """(loss, its parts by name) of drawn (B, 3, R, R) and between (B // 2, 3, R, R); weight is that of textures."""
        pixels = losses.laplacian_l1(drawn, target)
        white = losses.whiteness(self.student.codes)
        total, parts = pixels + 0.1 * white, {"pixels": float(pixels.detach()), "white": float(white.detach())}
        if self.vgg is not None:  # costs as much as the generator: half the batch is enough
            half = len(there)
            to = there if between is not None else None
            looks, texture = losses.perceptual(self.vgg, drawn[:half], target[:half], between, to)
            total = total + looks + weight * texture
            parts |= {"looks": float(looks.detach()), "texture": float(texture.detach())}
        return total, parts

    def sharpening(self, drawn: Tensor, parts: dict[str, float]) -> Tensor:
        """Let one critic, by turns, learn from this batch and judge it."""
        whole = bool(torch.rand(()) < 0.5)
        name = "whole" if whole else "window"
        critic = self.critics[name]
        px, size = critic.net.size, drawn.shape[-1]
        indices = torch.randint(len(self.corpus), (len(drawn),))
        real = self.corpus.batch(indices, px if whole else size, torch.rand(len(drawn)) < 0.5).to(drawn.device)
        if whole:
            seen = F.avg_pool2d(drawn, size // px)
        else:
            real, seen = window(real, px), window(drawn, px)
        logits = critic.learn(real, seen)
        parts |= {f"{name} {k}": v for k, v in logits.items()}
        return critic.judge(seen)


def window(pictures: Tensor, px: int) -> Tensor:
    """One window, the same for all: (B, 3, H, W) -> (B, 3, px, px)."""
    top, left = (int(torch.randint(s - px + 1, ())) for s in pictures.shape[2:])
    return pictures[:, :, top : top + px, left : left + px]
