"""Pictures of a training run in, files to look at out: sample sheets, curves of its figures, a film of it all."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from installation import files
from installation.pictures import read_8_bit, size_of
from installation.training.figures import COUNTED, Row

CURVE_PX = 120
GROUND, INK, FAINT_INK = (16, 16, 18), (240, 180, 80), (130, 130, 134)


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
    strip = Image.new("RGB", (width, CURVE_PX), GROUND)
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in COUNTED]
    for i, name in enumerate(names):
        left, right = width * i // len(names), width * (i + 1) // len(names)
        points = [(row["active_s"], row[name]) for row in rows if name in row]
        strip.paste(_panel(name, points, right - left), (left, 0))
    return strip


def _panel(name: str, points: list[tuple[float, float]], width: int) -> Image.Image:
    """One figure: its newest value, and the range that its curve is drawn in."""
    panel = Image.new("RGB", (width, CURVE_PX), GROUND)
    draw = ImageDraw.Draw(panel)
    x_most = max(x for x, _ in points) or 1
    low, high = min(0.0, *(y for _, y in points)), max(0.0, *(y for _, y in points))
    scale = (CURVE_PX - 52) / ((high - low) or 1)
    at = [(12 + x / x_most * (width - 24), CURVE_PX - 12 - (y - low) * scale) for x, y in points]
    draw.line(at, fill=INK, width=2)
    draw.circle(at[-1], 3, INK)
    last_s, last = points[-1]
    draw.text((12, 6), f"{name.replace('_', ' ')} {last:.4g}", INK)
    draw.text((12, 20), f"{low:.4g} .. {high:.4g}, {last_s / 60:.1f} min", FAINT_INK)
    return panel


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
    import av

    width, height = size_of(frames[-1])
    size = (width - width % 2, height - height % 2)
    with files.whole(path) as part, av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for frame in frames:
            image = np.asarray(Image.fromarray(read_8_bit(frame)).resize(size, Image.Resampling.LANCZOS))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
