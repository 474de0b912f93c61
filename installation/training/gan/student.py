"""What a run trains, whatever the method: a generator, and one latent code per picture where the method uses them."""

import torch
from torch import Tensor, nn

from installation.generators.stylegan2.network import Generator, NetworkConfig
from installation.training.labels import Labels


class Student(nn.Module):
    """codes z (M, z_dim), one per picture of the corpus; M = 0 where pictures have none.

    shares (N, classes) say the class of each picture of the corpus; without labels there are none.
    """

    shares: Tensor

    def __init__(self, config: NetworkConfig, codes: Tensor, labels: Labels | None = None) -> None:
        super().__init__()
        self.generator = Generator(config)
        self.codes = nn.Parameter(codes.clone())
        self.register_buffer("shares", labels.shares if labels else torch.zeros(0, 0), persistent=False)

    def label(self, indices: Tensor | slice) -> Tensor | None:
        """What is said of the class of these pictures, (B, classes), if there are classes."""
        return self.shares[indices] if len(self.shares) else None

    def w(self, indices: Tensor | slice) -> Tensor:
        """w (B, w_dim) of the codes of these pictures, each in its class."""
        w: Tensor = self.generator.mapping(self.codes[indices], label=self.label(indices))
        return w

    def label_by_chance(self, count: int, dice: torch.Generator | None = None) -> Tensor | None:
        """Labels (count, classes) as often as pictures have them, if there are classes."""
        if not len(self.shares):
            return None
        return self.shares[torch.randint(len(self.shares), (count,), generator=dice)]
