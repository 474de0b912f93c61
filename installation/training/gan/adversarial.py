"""Training method `adversarial`: generator against discriminator, StyleGAN2's losses (Karras et al. 2020)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.stylegan2.network import Generator
from installation.networks.adam import Adam
from installation.training.corpus import Corpus
from installation.training.gan.diffaugment import augment
from installation.training.gan.discriminator import Discriminator
from installation.training.gan.student import Student

R1_EVERY = 16  # steps between two gradient penalties on average ("lazy" regularisation)
MIXING = 0.5  # the part of the batch whose fine layers listen to another w


class Critic(nn.Module):
    """A discriminator with its optimizer and its gradient penalty."""

    def __init__(self, size: int, channels: dict[int, int], lr: float, penalty: float, classes: int = 0) -> None:
        super().__init__()
        self.net = Discriminator(size, channels, classes)
        self.penalty = penalty
        self.adam = Adam(self.net.parameters(), lr=lr, betas=(0.0, 0.99), fused=True)

    def learn(
        self, real: Tensor, drawn: Tensor, of_real: Tensor | None = None, of_drawn: Tensor | None = None
    ) -> dict[str, float]:
        """One step: real and drawn (B, 3, size, size), and their labels, if there are classes.

        Returns the mean logits, by name.
        """
        self.net.requires_grad_(True)
        labels = torch.cat([of_real, of_drawn]) if of_real is not None and of_drawn is not None else None
        logits = self.net(torch.cat([augment(real), augment(drawn.detach())]), labels)
        on_real, on_drawn = logits.split([len(real), len(drawn)])
        loss = F.softplus(-on_real).mean() + F.softplus(on_drawn).mean()
        if torch.rand(()) < 1 / R1_EVERY:
            loss = loss + self.gradient_penalty(real, of_real) * R1_EVERY
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.adam.step()
        self.net.requires_grad_(False)
        return {"real": float(on_real.detach().mean()), "drawn": float(on_drawn.detach().mean())}

    def gradient_penalty(self, real: Tensor, label: Tensor | None = None) -> Tensor:
        """R1 (Mescheder et al. 2018): half penalty times the squared gradient with respect to real pictures."""
        seen = augment(real).detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.net(seen, label).sum(), seen, create_graph=True)
        return gradient.float().square().sum((1, 2, 3)).mean() * (self.penalty / 2)

    def judge(self, drawn: Tensor, label: Tensor | None = None) -> Tensor:
        """The generator's loss: softplus of minus the logits (non-saturating), with gradients into the pictures."""
        return F.softplus(-self.net(augment(drawn), label)).mean()


def penalty_for(size: int, batch: int) -> float:
    """R1 weight by StyleGAN2-ADA's rule of thumb, times 10 because a small set needs a calmer discriminator."""
    return 0.002 * size**2 / batch


def mixed(generator: Generator, w: Tensor, label: Tensor | None = None) -> Tensor:
    """w (B, w_dim) -> ws (B, num_ws, w_dim); for half of them the layers from a random one on take a neighbour's w.

    Where there are labels (B, classes), another w of the same class.
    """
    batch, count = len(w), generator.config.num_ws
    cut = torch.randint(1, count, (batch, 1, 1), device=w.device)
    cut = torch.where(torch.rand(batch, 1, 1, device=w.device) < MIXING, cut, count)
    fine = torch.arange(count, device=w.device)[None, :, None] >= cut
    if label is None:
        return torch.where(fine, w.roll(1, 0)[:, None], w[:, None])
    others = generator.mapping(torch.randn(batch, generator.config.z_dim, device=w.device), label=label)
    return torch.where(fine, others[:, None], w[:, None])


class Adversarial:
    """What the method trains, and one step of it."""

    def __init__(self, student: Student, corpus: Corpus, lr: float, batch: int) -> None:
        self.student, self.corpus, self.batch = student, corpus, batch
        config = student.generator.config
        penalty = penalty_for(config.resolution, batch)
        critic = Critic(config.resolution, config.channels, lr, penalty, config.classes)
        self.critic = critic.to(student.codes.device)
        self.adam = Adam(student.generator.parameters(), lr=lr, betas=(0.0, 0.99), fused=True)

    def modules(self) -> dict[str, nn.Module]:
        return {"critic": self.critic}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"optimizer": self.adam, "critic.adam": self.critic.adam}

    def size_at(self, progress: float) -> int:
        return self.student.generator.config.resolution

    def step(self, progress: float) -> dict[str, float]:
        """One set of drawn pictures serves both: the critic learns from it, then the generator from the critic."""
        generator, device = self.student.generator, self.student.codes.device
        label = self.student.label_by_chance(self.batch)
        w = generator.mapping(torch.randn(self.batch, generator.config.z_dim, device=device), label=label)
        with torch.no_grad():
            generator.mapping.w_avg.lerp_(w.detach().mean(0), 0.005)
        drawn = generator.synthesis(mixed(generator, w, label), noise="random").float()
        indices = torch.randint(len(self.corpus), (self.batch,))
        real = self.corpus.batch(indices, drawn.shape[-1], torch.rand(self.batch) < 0.5).to(device)
        parts = self.critic.learn(real, drawn, self.student.label(indices), label)
        loss = self.critic.judge(drawn, label)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.adam.step()
        return parts | {"generator": float(loss.detach())}
