"""Training method `reconstruct`: codes and generator learn together to redraw the corpus, then critics sharpen it.

Generative latent optimisation (Bojanowski et al. 2018) with a perceptual loss and growing resolution: shapes and
colours are there after minutes even on a CPU, where a GAN from scratch still shows blobs. Later the way between
neighbouring pictures, and a little beside it, must look like the corpus too, and critics judge the patches of both; the
redrawing itself goes on, as an anchor against collapse.
"""

import torch
from torch import Tensor, nn

from installation.networks.adam import Adam
from installation.training import losses
from installation.training.corpus import Corpus
from installation.training.features import VGG, VGG_WIDTHS
from installation.training.gan.patches import PatchCritic
from installation.training.gan.student import Student

CODE_JITTER = 0.1  # standard deviation added to codes of about unit size: neighbours of a code must draw it too
MAPPING_SPEED = 20  # times the learning rate; undoes most of the mapping's built-in 0.01, too slow for a short run
CODE_SPEED = 4  # times the learning rate; a code is seen once an epoch, a weight at every step
GROWTH = ((0.0, 32), (0.16, 64), (0.58, 128), (0.80, 256))  # from this part of the run on, this many pixels
TEXTURES = ((0.0, 0.3), (0.78, 0.8))  # from this part of the run on, this weight of textures: shapes come first
BETWEEN_FROM = 0.5  # from this part of the run on, pictures between two of the corpus need textures, too
GROWN = 0.8  # where in its life a run stands that starts from a model
NEIGHBOURS, LOOK_ROUND = 12, 200  # pictures on the way to this many neighbours are drawn, found anew after these steps
ACROSS = 3  # with classes, one of so many of these neighbours is the nearest of another class
DRIFT = 0.4  # how far beside the way, in distances between two codes: hands steer a show there
DETAIL_PX = 64  # sizes above it add detail; shapes are made up to here
SHARPEN_RAMP = 0.05  # this much later than they begin, critics speak with full voice
CRITIC_WEIGHT = 0.15  # of their loss beside the losses of redrawing
CRITIC_LR = 0.001


def size_at(progress: float, largest: int) -> int:
    """Pixels a side to train at, when `progress` (0..1) of the run is done."""
    size = max(size for start, size in GROWTH if progress >= start)
    return min(size if largest <= 256 else size * largest // 256, largest)


class Reconstruction:
    """What the method trains, and one step of it."""

    def __init__(
        self,
        student: Student,
        corpus: Corpus,
        vgg: VGG | None,
        lr: float,
        batch: int,
        sharpen_from: float,
        fresh: bool = True,
    ) -> None:
        """sharpen_from: part of the run from which critics speak. fresh: the student has not learnt anything yet."""
        self.sharpen_from, self.fresh = sharpen_from, fresh
        self.student, self.corpus, self.vgg, self.lr, self.batch = student, corpus, vgg, lr, batch
        self.critic = PatchCritic(VGG_WIDTHS, CRITIC_LR, student.generator.config.classes).to(student.codes.device)
        groups = [
            {"params": list(student.generator.synthesis.parameters()), "speed": 1.0},
            {"params": list(student.generator.mapping.parameters()), "speed": float(MAPPING_SPEED)},
            {"params": [student.codes], "speed": float(CODE_SPEED)},
        ]
        self.adam = Adam(groups, lr=lr, betas=(0.9, 0.99), fused=True)
        self.near = torch.empty(0)
        self.steps = 0

    def modules(self) -> dict[str, nn.Module]:
        return {"critic": self.critic}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"optimizer": self.adam, "critic.adam": self.critic.adam}

    def age(self, progress: float) -> float:
        """Where in its life (0..1) the student stands when `progress` (0..1) of the run is done."""
        return progress if self.fresh else GROWN + (1 - GROWN) * progress

    def size_at(self, progress: float) -> int:
        return size_at(self.age(progress), self.student.generator.config.resolution)

    def step(self, progress: float) -> dict[str, float]:
        """One batch redrawn; later also what lies between, and what critics say. Returns the losses by name."""
        generator, size, age = self.student.generator, self.size_at(progress), self.age(progress)
        while size > DETAIL_PX and torch.rand(()) < 0.5:  # shapes are learnt where they are small, and fast
            size //= 2
        self.set_speed(progress)
        indices = self.pairs()
        target = self.corpus.batch(indices, size).to(self.student.codes.device)
        w, there = self.latents(indices), torch.rand(self.batch // 2, 1).to(target.device)
        every = torch.cat([w, between(w, there)]) if age >= BETWEEN_FROM else w
        drawn = generator.synthesis(generator.broadcast(every), noise="none", up_to=size).float()
        pixels = losses.laplacian_l1(drawn[: self.batch], target)
        white = losses.whiteness(self.student.codes, self.student.label(slice(None)))
        total, parts = pixels + 0.1 * white, {"pixels": float(pixels.detach()), "white": float(white.detach())}
        if self.vgg is not None:
            voice = min(1.0, max(0.0, (progress - self.sharpen_from) / SHARPEN_RAMP)) * CRITIC_WEIGHT
            texture = max(weight for start, weight in TEXTURES if age >= start)
            total = total + self.seen(drawn, target, there, self.student.label(indices), texture, voice, parts)
        self.adam.zero_grad(set_to_none=True)
        total.backward()
        self.adam.step()
        return parts

    def set_speed(self, progress: float) -> None:
        """Full speed for half of the run, then slower and slower: what is left of blur then is mostly haste."""
        lr = self.lr * min(1.0, (1 - progress) / 0.5 + 0.05)
        for group in self.adam.param_groups:
            group["lr"] = lr * group["speed"]

    @torch.no_grad()
    def pairs(self) -> Tensor:
        """Indices (B,) of pictures: random ones, then one of the neighbours of each.

        With classes some neighbours are the nearest of other classes: a show fades along those ways too.
        """
        if self.steps % LOOK_ROUND == 0:
            w = self.student.w(slice(None))
            far = torch.cdist(w, w).fill_diagonal_(torch.inf)
            self.near = far.topk(min(NEIGHBOURS, len(w) - 1), largest=False).indices.cpu()
            if (label := self.student.label(slice(None))) is not None:
                far = far.masked_fill((label @ label.T) > 0, torch.inf)
                across = far.topk(max(1, self.near.shape[1] // ACROSS), largest=False).indices.cpu()
                self.near = torch.cat([self.near[:, : -across.shape[1]], across], 1)
        self.steps += 1
        first = torch.randint(len(self.corpus), (self.batch // 2,))
        return torch.cat([first, self.near[first, torch.randint(self.near.shape[1], first.shape)]])

    def latents(self, indices: Tensor) -> Tensor:
        """w (B, w_dim) of those pictures, their codes jittered; the running mean of w follows."""
        codes = self.student.codes[indices]
        label = self.student.label(indices)
        w = self.student.generator.mapping(codes + torch.randn_like(codes) * CODE_JITTER, label=label)
        with torch.no_grad():
            self.student.generator.mapping.w_avg.lerp_(w.detach().mean(0), 0.005)
        return w

    def seen(
        self,
        drawn: Tensor,
        target: Tensor,
        there: Tensor,
        label: Tensor | None,
        texture: float,
        voice: float,
        parts: dict[str, float],
    ) -> Tensor:
        """The loss of what a pretrained net sees in drawn (B or 3 B / 2, 3, R, R) and target (B, 3, R, R).

        label (B, classes) is of the target; what lies between two classes is judged by the shares of both.

        Half of the batch and all that lies between are looked at, which costs as much as drawing the whole.
        """
        assert self.vgg is not None
        half = len(there)
        shown = drawn[:half] if len(drawn) == self.batch else torch.cat([drawn[:half], drawn[self.batch :]])
        shown, wanted = losses.view(shown, target)
        with torch.no_grad():
            real = self.vgg(wanted)
            grams = [losses.gram(y) for y in real]
        found = self.vgg(shown)
        looks = losses.looks([x[:half] for x in found], [y[:half] for y in real])
        aims = [g[:half] for g in grams]
        if len(shown) > half:  # textures of the two pictures on both sides, as much of each as it is near
            near = there[:, :, None]
            aims = [torch.cat([g[:half], torch.lerp(g[:half], g[half:], near.to(g.dtype))]) for g in grams]
        rough = losses.textures(found, aims)
        parts |= {"looks": float(looks.detach()), "texture": float(rough.detach())}
        total = looks + texture * rough
        if voice:
            of_drawn = label if label is None else label[:half]
            if label is not None and len(shown) > half:
                of_drawn = torch.cat([label[:half], torch.lerp(label[:half], label[half:], there)])
            parts |= self.critic.learn(real, found, label, of_drawn)
            total = total + voice * self.critic.judge(found, of_drawn)
        return total


def between(w: Tensor, there: Tensor) -> Tensor:
    """w (B, w_dim) in pairs, each of the first half with one of the second -> points (B / 2, w_dim) on their ways.

    there (B / 2, 1), 0..1, says how far along. Each strays from its way by a part of the difference of two others.
    """
    first, second = w.chunk(2)
    others = w[torch.randperm(len(w))[: len(first)]] - w[torch.randperm(len(w))[: len(first)]]
    return torch.lerp(first, second, there) + others * (torch.rand(len(first), 1).to(w) * DRIFT)
