"""What a run trains, whatever the method: a generator, and one latent code per picture where the method uses them."""

from torch import Tensor, nn

from installation.generators.stylegan2.network import Generator, NetworkConfig


class Student(nn.Module):
    """codes z (N, z_dim), one per picture of the corpus; N = 0 where pictures have none."""

    def __init__(self, config: NetworkConfig, codes: Tensor) -> None:
        super().__init__()
        self.generator = Generator(config)
        self.codes = nn.Parameter(codes.clone())
