"""Words of a command line in; what one training run was asked for out."""

from dataclasses import dataclass
from pathlib import Path

from installation.generators.stylegan2.network import NetworkConfig


@dataclass(frozen=True)
class Settings:
    """One training run, as asked for on the command line."""

    folder: Path
    out: Path
    work: Path
    size: int = 256  # px of the pictures the model will draw
    method: str = "auto"
    minutes: float = 120.0  # of active time; a stopped or paused run does not use them up
    batch: int = 0  # 0 on the command line: what suits the device
    threads: int = 0  # 0: all
    seed: int = 0
    device: str = "auto"
    z_dim: int = 128
    w_dim: int = 256
    mapping_layers: int = 4
    channel_base: int = 3072  # a network that plays live on two CPU cores; 16384 is NVIDIA's for a GPU
    channel_max: int = 256
    channel_min: int = 16
    start: str = ""  # a model to start from
    lr: float = 0.004
    sharpen_from: float = 0.72  # part of a reconstructing run; 1: never
    sheet_minutes: float = 2.0
    judge_minutes: float = 10.0
    licence: str = "yours"
    credit: str = ""
    attribution: str = ""

    def network(self) -> NetworkConfig:
        """Channels shrink as pictures grow, within channel_min..channel_max."""
        sizes = [2**i for i in range(2, self.size.bit_length())]
        channels = {r: max(self.channel_min, min(self.channel_max, self.channel_base // r)) for r in sizes}
        return NetworkConfig(self.size, self.z_dim, self.w_dim, self.mapping_layers, channels)
