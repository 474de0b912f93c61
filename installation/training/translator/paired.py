"""Pairs in, a U-Net that paints the one from the other out: pix2pix (Isola et al. 2017) as a processor can afford it.

Colours are told by a code, so that they need not be guessed; a pretrained net says whether shapes and textures are
right, and small critics on its features (training/gan/patches) whether patches look real. Most steps are made at half
the size, where shapes are learnt four times as fast.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.networks.adam import Adam
from installation.networks.unet import UNet, coloured
from installation.training import losses
from installation.training.features import VGG, VGG_WIDTHS
from installation.training.gan.patches import PatchCritic
from installation.training.translator.pairs import Pairs

TEXTURE = 0.3
RAMP = 0.05  # so much later than it begins, the critic speaks with full voice
CRITIC_LR = 0.001
SHAPES_UNTIL = 0.25  # of the run: only pixels, at half the size; what is subject and what is ground comes first
EVERY = 3  # steps from one look of the pretrained net to the next: it costs more than all else
PLACES = 0.3
ALIKE = 0.12  # squared distance of two colours that are taken for one another
CODE_JITTER = 0.04  # whoever turns a knob does not hit the colours of a photograph


class Paired:
    """The network and its critic, and one step of both."""

    def __init__(self, net: UNet, vgg: VGG | None, lr: float, critic: float, critic_from: float) -> None:
        self.net, self.vgg, self.lr, self.loud, self.critic_from = net, vgg, lr, critic, critic_from
        self.steps = 0
        device = next(net.parameters()).device
        self.critic = PatchCritic(VGG_WIDTHS, CRITIC_LR).to(device) if vgg is not None and critic else None
        self.adam = Adam(net.parameters(), lr=lr, betas=(0.8, 0.99), fused=True)

    def modules(self) -> dict[str, nn.Module]:
        return {"critic": self.critic} if self.critic else {}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        found: dict[str, torch.optim.Optimizer] = {"optimizer": self.adam}
        return found | ({"critic.adam": self.critic.adam} if self.critic else {})

    def step(self, pairs: Pairs, progress: float) -> dict[str, float]:
        """One batch. Returns the losses by name."""
        self.steps += 1
        for group in self.adam.param_groups:
            group["lr"] = self.lr * min(1.0, (1 - progress) / 0.5 + 0.03)
        code = pairs.code + torch.randn_like(pairs.code) * CODE_JITTER
        raw = self.net.raw(pairs.shown, code)
        drawn = coloured(raw, code).float()
        pixels, places = losses.laplacian_l1(drawn, pairs.target), misplaced(raw, pairs)
        total = pixels + PLACES * places
        parts = {"pixels": float(pixels.detach()), "places": float(places.detach())}
        if self.vgg is not None and progress >= SHAPES_UNTIL and self.steps % EVERY == 0:
            total = total + self._seen(drawn, pairs.target, progress, parts)
        self.adam.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.adam.step()
        return parts

    def _seen(self, drawn: Tensor, target: Tensor, progress: float, parts: dict[str, float]) -> Tensor:
        """The loss of what a pretrained net sees in half of the batch, which costs as much as drawing the whole."""
        assert self.vgg is not None
        half = max(1, len(drawn) // 2)
        shown, wanted = losses.view(drawn[:half], target[:half])
        with torch.no_grad():
            real = self.vgg(wanted)
            grams = [losses.gram(y) for y in real]
        found = self.vgg(shown)
        looks, rough = losses.looks(found, real), losses.textures(found, grams)
        parts |= {"looks": float(looks.detach()), "texture": float(rough.detach())}
        total = looks + TEXTURE * rough
        voice = min(1.0, max(0.0, (progress - self.critic_from) / RAMP)) * self.loud
        if voice and self.critic is not None:
            parts |= self.critic.learn(real, found)
            total = total + voice * self.critic.judge(found)
        return total


def misplaced(raw: Tensor, pairs: Pairs) -> Tensor:
    """How far the masks (raw's last two channels) are from where the three colours of the code lie in the target.

    Whoever has to find that out from pixels alone takes ten times as long to paint a heart.
    """
    colours = pairs.code.view(-1, 3, 3, 1, 1)  # subject, ground, heart
    far = (pairs.target[:, None] - colours).square().sum(2)  # (B, 3, H, W)
    subject, ground, heart = torch.softmax(-far / ALIKE, 1).unbind(1)
    wanted = torch.stack([subject / (subject + ground + 1e-4), heart], 1)
    return F.binary_cross_entropy_with_logits(raw[:, 3:].float(), wanted.detach())
