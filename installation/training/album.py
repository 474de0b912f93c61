"""Pictures of a training run in, files to look at out: sample sheets, curves of its figures, a film of it all."""

from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from installation import files
from installation.pictures import read_8_bit, size_of
from installation.training.figures import COUNTED, Row

CURVE_PX = 120


def to_bytes(pictures: Tensor) -> np.ndarray:
    """(B, 3, H, W) in -1..1 -> (B, H, W, 3) uint8."""
    return (
        pictures.detach()
        .float()
        .add(1)
        .mul(127.5)
        .round()
        .clamp(0, 255)
        .to(torch.uint8)
        .permute(0, 2, 3, 1)
        .cpu()
        .numpy()
    )


def sheet(pictures: Tensor, columns: int) -> Image.Image:
    """Pictures (B, 3, H, W) in -1..1 in rows of `columns`."""
    tiles = to_bytes(pictures)
    count, height, width, _ = tiles.shape
    page = Image.new("RGB", (columns * width, -(-count // columns) * height))
    for i, tile in enumerate(tiles):
        page.paste(Image.fromarray(tile), (i % columns * width, i // columns * height))
    return page


def save_picture(image: Image.Image, path: Path) -> None:
    """As PNG, JPEG or WebP by the name's ending; never half-written."""
    with files.whole(path) as part:
        image.save(part, quality=92)


def curve(rows: list[Row], width: int) -> Image.Image:
    """Every figure of a run over its active time, side by side, as a strip of `width` px."""
    strip = Image.new("RGB", (width, CURVE_PX), (16, 16, 18))
    draw = ImageDraw.Draw(strip)
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in COUNTED]
    for i, name in enumerate(names):
        left, right = (width * end // len(names) + inset for end, inset in ((i, 12), (i + 1, -12)))
        points = [(row["active_s"], row[name]) for row in rows if name in row]
        x_most = max(x for x, _ in points) or 1
        low, high = min(0.0, *(y for _, y in points)), max(0.0, *(y for _, y in points))
        scale = (CURVE_PX - 40) / ((high - low) or 1)
        at = [(left + x / x_most * (right - left), CURVE_PX - 12 - (y - low) * scale) for x, y in points]
        draw.line(at, fill=(240, 180, 80), width=2)
        last_s, last = points[-1]
        told = f"{name.replace('_', ' ')}: {last:.4g} after {last_s / 60:.1f} min ({low:.4g} .. {high:.4g})"
        draw.text((left, 8), told)
    return strip


def under(page: Image.Image, strip: Image.Image) -> Image.Image:
    """One picture with the strip below the page."""
    whole = Image.new("RGB", (page.width, page.height + strip.height))
    whole.paste(page)
    whole.paste(strip, (0, page.height))
    return whole


def film(frames: list[Path], path: Path, fps: int = 12) -> None:
    """Encode the frames (pictures of any one even size; others are scaled to the last one's) as an H.264 MP4."""
    if not frames:
        return
    width, height = size_of(frames[-1])
    size = (width - width % 2, height - height % 2)
    with files.whole(path) as part, av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for frame in frames:
            image = np.asarray(Image.fromarray(read_8_bit(frame)).resize(size, Image.Resampling.LANCZOS))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
