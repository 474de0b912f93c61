"""A folder of pictures in, squares cut from them at their own size out; pairs of small and true pictures out of those.

The common corpus scales every picture to one size, which would teach what an enlarged picture looks like.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
from torch import Tensor

from installation import files
from installation.networks.upscaler import Upscaler
from installation.pictures import READER
from installation.training.corpus import Corpus, Example, Taking, find_files, take
from installation.training.upscaler import Settings

CUTTER = 1  # counts the changes in how squares are cut
ROOM = 3 / 2  # a square is so many times as long as a crop, which is taken from anywhere in it
MOST_SQUARES = 12  # of one picture
LEAST_DETAIL = 1.5  # in 1/255: bare paper teaches nothing
SOFTEST_PX = 0.8  # standard deviation of the blur on a small picture, in its pixels


def open_examples(settings: Settings) -> Corpus:
    """Squares of every readable picture, the most detailed first, up to MOST_SQUARES of each; named FILE NUMBER.

    Raises FileNotFoundError if the folder is missing, ValueError with fewer than two pictures.
    """
    side = round(settings.size * ROOM)
    there, left_out = find_files(settings.folder)
    stats = [(str(path.relative_to(settings.folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in there]
    told = [READER, CUTTER, str(settings.folder.resolve()), stats, side, settings.frames]
    key = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
    listing, pixels = settings.work / f"squares-{key}.json", settings.work / f"squares-{key}.npy"
    if not (listing.exists() and pixels.exists()):
        names, squares, skipped = [], [], dict(left_out)
        for one in take(settings.folder, there, Taking(side, least_px=settings.size, frames=settings.frames)):
            if isinstance(one, Example):
                found = list(cut_squares(one.pixels, side))
                squares += found
                names += [f"{one.name} {number}" for number in range(len(found))]
            else:
                skipped[one[0]] = one[1]
        if len({source_of(name) for name in names}) < 2:
            raise ValueError(f"expected at least two usable images in {settings.folder}; skipped: {skipped}")
        with files.whole(pixels) as part, part.open("wb") as file:
            np.save(file, np.stack(squares))
        files.write_json(listing, {"names": names, "skipped": skipped})
    known = json.loads(listing.read_text("utf-8"))
    for name, reason in known["skipped"].items():
        print(f"skipped {name}: {reason}", file=sys.stderr)
    return Corpus(np.load(pixels, mmap_mode="r"), known["names"], known["skipped"])


def source_of(name: str) -> str:
    """The picture that a square is of."""
    return name.rpartition(" ")[0]


def cut_squares(pixels: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """The squares of (H, W, 3) uint8 with most detail, (side, side, 3); of half the picture, too, where it is large.

    What is smaller than a square is repeated at its border, as a mirror would.
    """
    found: list[tuple[float, np.ndarray]] = []
    for halved in (1, 2):
        if halved == 2:
            if min(pixels.shape[:2]) < 4 * side:
                break
            pixels = np.asarray(Image.fromarray(pixels).reduce(2))
        down, across = (max(0, side - length) for length in pixels.shape[:2])
        whole = np.pad(pixels, ((0, down), (0, across), (0, 0)), mode="reflect")
        height, width = whole.shape[:2]
        tops, lefts = (np.linspace(0, n - side, max(1, round(n / side))).astype(int) for n in (height, width))
        for top in tops:
            for left in lefts:
                square = whole[top : top + side, left : left + side]
                grey = Image.fromarray(square).convert("L")
                soft = np.asarray(grey.filter(ImageFilter.BoxBlur(2)), np.int16)
                found.append((float(np.abs(np.asarray(grey, np.int16) - soft).mean()), square))
    found.sort(key=lambda one: -one[0])
    plain = [square for detail, square in found if detail >= LEAST_DETAIL] or [found[0][1]]
    yield from plain[:MOST_SQUARES]


def draw_crops(squares: np.ndarray, among: np.ndarray, batch: int, size: int) -> Tensor:
    """Crops from anywhere in squares (N, S, S, 3) whose places are `among`, turned and mirrored: (B, 3, size, size)
    0..1, channels_last."""
    chosen = among[torch.randint(len(among), (batch,)).numpy()]
    corners = torch.randint(squares.shape[1] - size + 1, (batch, 2)).tolist()
    crops = []
    for place, (top, left) in zip(chosen, corners, strict=True):
        crop = torch.from_numpy(squares[place, top : top + size, left : left + size].copy()).permute(2, 0, 1)
        mirrored, turns = torch.randint(2, (1,)).item(), int(torch.randint(4, (1,)).item())
        crops.append(torch.rot90(crop.flip(2) if mirrored else crop, turns, (1, 2)))
    return torch.stack(crops).float().div(255).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def make_pairs(true: Tensor, network: Upscaler, soften: float) -> tuple[Tensor, Tensor]:
    """true (B, 3, H, W) -> small pictures and what they shall become; part of them soft, as a generator's are.

    A soft picture's large one has the true one's detail and the soft one's means: what else could be consistent.
    """
    small = F.avg_pool2d(true, network.scale)
    sigma = torch.where(torch.rand(len(true)) < soften, 0.3 + (SOFTEST_PX - 0.3) * torch.rand(len(true)), 1e-3)
    at = torch.arange(-2, 3)
    taps = torch.exp(-0.5 * (at / sigma[:, None]) ** 2)
    taps = (taps / taps.sum(1, keepdim=True)).to(small.device)
    x = F.pad(small, (2, 2, 2, 2), mode="replicate").transpose(0, 1)  # (3, B, h, w): one kernel for each picture
    x = F.conv2d(x, taps[:, None, :, None], groups=len(true))
    soft = F.conv2d(x, taps[:, None, None, :], groups=len(true)).transpose(0, 1)
    return soft.contiguous(memory_format=torch.channels_last), true + network.enlarge_plainly(soft - small)
