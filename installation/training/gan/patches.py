"""Features of pictures in, how real each patch of them looks out: small critics on a net that has learnt to see.

Projected GANs (Sauer et al. 2021): a critic that starts from a pretrained net's features sees petals and edges from its
first step on, where one that starts from pixels needs hours; the net itself stays as it is. The features are those of
the perceptual loss, so that judging costs next to nothing beside drawing.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from installation.networks.adam import Adam

WIDTH = 48  # channels of a head
REMEMBER = 0.99  # of the scale of real features, a step


class Head(nn.Module):
    """One layer's features (B, C, H, W) -> logits (B, 1, H', W'), high where they look real.

    A conditional one hears labels (B, classes) too, as the projection discriminator does (Miyato and Koyama 2018).
    """

    scale: Tensor

    def __init__(self, channels: int, classes: int = 0) -> None:
        super().__init__()
        self.register_buffer("scale", torch.zeros(()))
        self.enter = spectral_norm(nn.Conv2d(channels, WIDTH, 1))
        self.look = spectral_norm(nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1))
        self.judge = spectral_norm(nn.Conv2d(WIDTH, 1, 1))
        self.embed = nn.Linear(classes, WIDTH, bias=False) if classes else None

    def forward(self, features: Tensor, label: Tensor | None = None) -> Tensor:
        x = F.leaky_relu(self.enter(features / self.scale), 0.2)
        x = F.leaky_relu(self.look(x), 0.2)
        logits: Tensor = self.judge(x)
        if self.embed is not None and label is not None:
            logits = logits + (x * F.normalize(self.embed(label))[:, :, None, None]).sum(1, keepdim=True)
        return logits

    @torch.no_grad()
    def measure(self, real: Tensor) -> None:
        """Follow the size of real features: each layer of the net has one of its own."""
        now = real.float().square().mean().sqrt()
        self.scale.copy_(torch.where(self.scale == 0, now, torch.lerp(now, self.scale, REMEMBER)))


class PatchCritic(nn.Module):
    """A head for each layer of features, and the optimizer of them all."""

    def __init__(self, channels: Sequence[int], lr: float, classes: int = 0) -> None:
        super().__init__()
        self.heads = nn.ModuleList(Head(count, classes) for count in channels)
        self.adam = Adam(self.heads.parameters(), lr=lr, betas=(0.0, 0.99))

    def learn(
        self,
        real: Sequence[Tensor],
        drawn: Sequence[Tensor],
        of_real: Tensor | None = None,
        of_drawn: Tensor | None = None,
    ) -> dict[str, float]:
        """One step under the hinge loss; the labels of both, if there are classes. Returns the mean logits by name."""
        self.heads.requires_grad_(True)
        loss, means = torch.zeros(()), {"real": 0.0, "drawn": 0.0}
        for head, yes, no in zip(self.heads, real, drawn, strict=True):
            assert isinstance(head, Head)
            head.measure(yes)
            on_real, on_drawn = head(yes.detach(), of_real), head(no.detach(), of_drawn)
            loss = loss.to(yes.device) + F.relu(1 - on_real).mean() + F.relu(1 + on_drawn).mean()
            means["real"] += float(on_real.detach().mean()) / len(self.heads)
            means["drawn"] += float(on_drawn.detach().mean()) / len(self.heads)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.adam.step()
        self.heads.requires_grad_(False)
        return means

    def judge(self, drawn: Sequence[Tensor], label: Tensor | None = None) -> Tensor:
        """The drawer's loss, with gradients into the features: minus the mean logit."""
        return -torch.stack([head(x, label).mean() for head, x in zip(self.heads, drawn, strict=True)]).mean()
