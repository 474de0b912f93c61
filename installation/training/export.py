"""What was trained in, a model folder out: weights.safetensors, samples.png, model.toml."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from installation import weights
from installation.files import named


def write_model(folder: Path, tensors: Mapping[str, Tensor], samples: Image.Image, card: dict[str, Any]) -> Path:
    """Write the model folder; the weights first and the card that vouches for them last, each whole.

    card holds what model.toml says besides file and sha256. Returns the folder. Raises OSError.
    """
    sha256 = write_weights(folder, tensors)
    with named.whole(folder / "samples.png") as part:
        samples.save(part)
    vouched = {"file": "weights.safetensors", "sha256": sha256}
    named.write_text(folder / "model.toml", weights.to_toml(card | vouched))
    return folder


def write_weights(folder: Path, tensors: Mapping[str, Tensor]) -> str:
    """FOLDER/weights.safetensors in half precision, which keeps the file small; returns its sha256."""
    path = folder / "weights.safetensors"
    with named.whole(path) as part:
        save_file({k: v.detach().cpu().half().contiguous() for k, v in tensors.items()}, part, {"format": "pt"})
        return hashlib.sha256(part.read_bytes()).hexdigest()
