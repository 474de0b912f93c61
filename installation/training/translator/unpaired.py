"""Pictures of two kinds in, a U-Net that makes the one kind of the other out: CycleGAN (Zhu et al. 2017), small.

Nothing says what a picture should become. There and back again must lead to the same picture, and a critic on each
side tells what came over from what was there: least squares (Mao et al. 2017) on patches, both sides disturbed alike
(gan/diffaugment), which a few hundred pictures need. What is there already stays as it is (the paper's identity loss).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from installation.networks.adam import Adam
from installation.networks.unet import UNet
from installation.training.gan.diffaugment import augment
from installation.training.translator.pairs import Pairs

AROUND, SAME = 10.0, 2.0  # weights of there and back, and of what stays
CRITIC_SPEED = 0.5  # of the learning rate
WIDTHS = (32, 64, 128)


class PatchCritic(nn.Module):
    """Pictures (B, 3, H, W) -> how real each patch looks (B, 1, H/8, W/8): 1 real, 0 not."""

    def __init__(self) -> None:
        super().__init__()
        steps = list(zip((3, *WIDTHS), WIDTHS, strict=False))
        self.steps = nn.ModuleList(spectral_norm(nn.Conv2d(i, o, 4, 2, 1)) for i, o in steps)
        self.judge = spectral_norm(nn.Conv2d(WIDTHS[-1], 1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = F.leaky_relu(step(x), 0.2)
        judged: Tensor = self.judge(x)
        return judged


class Unpaired:
    """Both networks and both critics, and one step of all four."""

    def __init__(self, net: UNet, back: UNet, lr: float) -> None:
        """net makes what is painted, back what is shown."""
        self.net, self.back, self.lr = net, back, lr
        device = next(net.parameters()).device
        self.critics = nn.ModuleDict({side: PatchCritic() for side in ("shown", "painted")}).to(device)
        ours = [*net.parameters(), *back.parameters()]
        self.adam = Adam(ours, lr=lr, betas=(0.5, 0.99), fused=True)
        self.critic_adam = Adam(self.critics.parameters(), lr=lr, betas=(0.5, 0.99), fused=True)

    def modules(self) -> dict[str, nn.Module]:
        return {"back": self.back, "critics": self.critics}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"optimizer": self.adam, "critics.adam": self.critic_adam}

    def step(self, pairs: Pairs, progress: float) -> dict[str, float]:
        """One batch of each kind. Returns the losses by name."""
        fall = min(1.0, (1 - progress) / 0.5 + 0.03)
        for adam, speed in ((self.adam, 1.0), (self.critic_adam, CRITIC_SPEED)):
            adam.param_groups[0]["lr"] = self.lr * fall * speed
        shown, target, code = pairs.shown, pairs.target, pairs.code
        self.back.train()
        self.critics.requires_grad_(False)
        painted, unpainted = self.net(shown, code), self.back(to_shown(target), code)  # both -1..1
        round_there = (to_shown(self.back(to_shown(painted), code)) - shown).abs().mean()
        round_here = (self.net(to_shown(unpainted), code) - target).abs().mean()
        same = (self.net(to_shown(target), code) - target).abs().mean()
        fooled = torch.stack(
            [(self._judge(side, x) - 1).square().mean() for side, x in self._made(unpainted, painted)]
        ).sum()
        total = fooled + AROUND * (2 * round_there + round_here) / 2 + SAME * same
        self.adam.zero_grad(set_to_none=True)
        total.backward()
        self.adam.step()
        seen = self._learn(shown * 2 - 1, target, unpainted.detach(), painted.detach())
        return {"there and back": float((round_there + round_here).detach()), "fooled": float(fooled.detach())} | seen

    def _learn(self, shown: Tensor, target: Tensor, unpainted: Tensor, painted: Tensor) -> dict[str, float]:
        self.critics.requires_grad_(True)
        real = torch.stack([(self._judge(side, x) - 1).square().mean() for side, x in self._made(shown, target)]).sum()
        made = torch.stack([self._judge(side, x).square().mean() for side, x in self._made(unpainted, painted)]).sum()
        self.critic_adam.zero_grad(set_to_none=True)
        (real + made).backward()
        self.critic_adam.step()
        return {"critics": float((real + made).detach())}

    def _judge(self, side: str, pictures: Tensor) -> Tensor:
        judged: Tensor = self.critics[side](augment(pictures))
        return judged

    @staticmethod
    def _made(shown: Tensor, painted: Tensor) -> tuple[tuple[str, Tensor], tuple[str, Tensor]]:
        return ("shown", shown), ("painted", painted)


def to_shown(pictures: Tensor) -> Tensor:
    """-1..1 -> 0..1, as networks are shown pictures."""
    return (pictures + 1) / 2
