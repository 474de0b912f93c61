"""Runs in; their best squares as pictures and as one page, and every square of one run sorted, out.

WORK/squares/0317-042.png ...  squares.json     the best of all runs, for `installation select WORK/squares`
WORK/page.jpg, page.png                         the same as one picture, to look at and to print
WORK/run-0317/worth/...  faithful/  noise/      as many squares as pictures, of one run
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from installation import files
from installation.signals import Still
from installation.stages import selection
from installation.stages.selection import ranking, taste
from installation.stages.work import Work
from installation.training.autoencoder import judging, span
from installation.training.autoencoder.running import Run, Studio
from installation.training.autoencoder.settings import read_page
from installation.weights import digest

FOLDER, LISTING, PAGE, TASTE = "squares", "squares.json", "page", "taste.npz"
SMALL_PX = 160  # of a square on the page to look at
LOOKED_AT_PX = 256  # by what learns the taste
CANDIDATES = 3  # times as many as hang on the page are shown to it
LOOKED_THROUGH = 60  # times as many are looked through for some that are not alike
MOST_VOICES = 10.0
KEY_DIGITS = 20  # of the hash that the select page knows a picture by


@dataclass(frozen=True, eq=False)
class Square:
    """One of a run's: its place there, score, mixture (N,), figures 0..1."""

    run: Run
    index: int
    score: float
    mixture: np.ndarray
    figures: dict[str, float]

    @property
    def name(self) -> str:
        return f"{self.run.name}-{self.index:03d}"


def gather(studio: Studio) -> list[Square]:
    """Every square of every run that is worth a look, the best first."""
    found = []
    for run in studio.made.values():
        judged = studio.judge(run)
        for i in np.flatnonzero([judged.verdict(i) == judging.WORTH for i in range(len(judged.score))]):
            found.append(Square(run, int(i), float(judged.score[i]), run.mixtures[i], _figures(judged, int(i))))
    return sorted(found, key=lambda square: (-square.score, square.name))


def choose(studio: Studio, count: int, by_taste: bool = True) -> list[Square]:
    """The best squares of all runs, no two much alike: by our measures, then by the artist's taste, where it is known.

    Those that the artist kept hang first.
    """
    there, names = gather(studio), kept(studio)
    first = [square for square in there if square.name in names]
    others = [square for square in there if square.name not in names]
    there = [*first, *others[: LOOKED_THROUGH * count]]
    memory = taste.recall(Path(studio.settings.taste) if studio.settings.taste else studio.settings.work / TASTE)
    known = by_taste and len(set(memory.kept)) > 1 and len(memory.kept) >= taste.FEWEST
    scores, mixtures = np.array([s.score for s in there]), np.array([s.mixture for s in there])
    wanted = CANDIDATES * count if known else count
    best = [there[i] for i in judging.choose(scores, mixtures, studio.known.fine, wanted, range(len(first)))]
    if known:
        ranks = ranking.rank(_stills(studio, best), {}, memory=memory)
        pleasing = [rank.overall + (square.name in names) for rank, square in zip(ranks, best, strict=True)]
        best = [best[i] for i in np.argsort(-np.array(pleasing), kind="stable")]
    return best[: max(count, len(first))]


def glance(studio: Studio) -> Path:
    """The page as it stands, small, while runs are still being made."""
    columns, rows = read_page(studio.settings.page)
    return _write_page(studio, _paint(studio, choose(studio, columns * rows, by_taste=False), SMALL_PX), "jpg")


def hang(studio: Studio) -> list[Square]:
    """Write the best squares as pictures of full size, what is known of them, and the page; others are taken down."""
    columns, rows = read_page(studio.settings.page)
    chosen = choose(studio, columns * rows)
    folder = studio.settings.work / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    files.sweep(folder)
    painted = _paint(studio, chosen, studio.settings.size)
    for square, pixels in zip(chosen, painted, strict=True):
        if not (path := folder / f"{square.name}.png").is_file():
            save(pixels, path)
    told = {f"{s.name}.png": {"figures": s.figures, "made": _made(studio, s)} for s in chosen}
    files.write_json(folder / LISTING, {"taste": f"../{TASTE}", "squares": told})
    hung = {f"{square.name}.png" for square in chosen}
    for path in folder.glob("[0-9]*-[0-9]*.png"):
        if path.name not in hung:
            path.unlink()
    if chosen:
        _write_page(studio, painted, "png")
        _write_page(studio, [shrink(one, SMALL_PX) for one in painted], "jpg")
    return chosen


def sort(studio: Studio, run: Run) -> Path:
    """Every square of a run, in the folder of its sort, called as the picture that it was made of."""
    judged, folder = studio.judge(run), studio.settings.work / f"run-{run.name}"
    order = np.argsort(-judged.score, kind="stable")
    squares = [Square(run, int(i), float(judged.score[i]), run.mixtures[i], _figures(judged, int(i))) for i in order]
    names = studio.squares.corpus.names
    told: dict[str, dict[str, Any]] = {name: {} for name in judging.VERDICTS}
    for square, pixels in zip(squares, _paint(studio, squares, studio.settings.size), strict=True):
        verdict = judged.verdict(square.index)
        name = f"{square.index:03d}-{Path(names[run.pictures[square.index]]).stem[:80]}.png"
        save(pixels, folder / verdict / name)
        told[verdict][name] = {"figures": square.figures, "made": _made(studio, square)}
    for verdict, table in told.items():
        if table:
            files.write_json(folder / verdict / LISTING, {"taste": f"../../{TASTE}", "squares": table})
    return folder


def save(pixels: np.ndarray, path: Path, **options: Any) -> None:
    """(H, W, planes) uint8 as the name's ending says; never half-written."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    with files.whole(path) as part:
        image.save(part, **options)


def shrink(pixels: np.ndarray, size: int) -> np.ndarray:
    """A square at another size."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    small = np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))
    return small.reshape(size, size, -1)


def _paint(studio: Studio, squares: Sequence[Square], size: int) -> list[np.ndarray]:
    """Squares as pictures (size, size, planes) uint8."""
    if not squares:
        return []
    if squares[0].run.parameters.kind == "conv":
        return [shrink(studio.painted(s.run)[s.index].permute(1, 2, 0).numpy(), size) for s in squares]
    mixtures = torch.from_numpy(np.stack([s.mixture for s in squares]))
    if size == studio.settings.size:
        return list(span.mixed(studio.squares, mixtures))
    return list(_bytes(torch.tensordot(mixtures.float(), studio.squares.at(size), 1)))


def _bytes(pictures: Tensor) -> np.ndarray:
    """(B, planes, H, W) 0..1 -> (B, H, W, planes) uint8."""
    return pictures.mul(255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def _write_page(studio: Studio, painted: Sequence[np.ndarray], kind: str) -> Path:
    """The squares in rows, edge to edge; the page is as high as there are squares for."""
    columns, _ = read_page(studio.settings.page)
    columns = min(columns, len(painted)) or 1
    size, planes = (painted[0].shape[0], painted[0].shape[2]) if painted else (1, 1)
    page = np.zeros((size * max(1, -(-len(painted) // columns)), size * columns, planes), np.uint8)
    for i, one in enumerate(painted):
        top, left = i // columns * size, i % columns * size
        page[top : top + size, left : left + size] = one
    path = studio.settings.work / f"{PAGE}.{kind}"
    save(page, path, **({"quality": 88} if kind == "jpg" else {}))
    return path


def _figures(judged: judging.Judged, number: int) -> dict[str, float]:
    """What the select page shows and the taste learns from, each 0..1."""
    return {
        "worth": round(float(judged.score[number]), 4),
        "voices": round(min(1.0, float(judged.voices[number]) / MOST_VOICES), 4),
        "balance": round(min(1.0, float(judged.balance[number])), 4),
        "clarity": round(min(1.0, float(judged.clarity[number])), 4),
        "presence": round(min(1.0, float(judged.presence[number])), 4),
        "depth": round(min(1.0, float(judged.depth[number])), 4),
    }


def _made(studio: Studio, square: Square) -> str:
    """How a square was made, in a line."""
    p, told = square.run.parameters, square.run.told
    return (
        f"run {square.run.number}: {p.kind}, {len(square.run.pictures)} pictures, units {p.units} x {p.layers}, "
        f"middle {p.middle}, dropout {p.dropout:.2f}, stopped at {told.get('share', p.stop):.2f}"
    )


def kept(studio: Studio) -> set[str]:
    """Names of the squares that the artist kept; what is named there hangs for good."""
    folder = studio.settings.work / FOLDER
    said = files.read_json(folder / "choices.json")
    keys = {key for key, word in said.items() if word == "keep"} if isinstance(said, dict) else set()
    return {path.stem for path in folder.glob("*.png") if keys and digest(path)[:KEY_DIGITS] in keys}


def _stills(studio: Studio, squares: Sequence[Square]) -> list[Still]:
    """Squares as the selection stage measures them, with our figures beside its own."""
    stage = selection.create(selection.Settings())
    stills = []
    for square, pixels in zip(squares, _paint(studio, squares, LOOKED_AT_PX), strict=True):
        rgb = np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3))).astype(np.uint16) * 257
        made = stage.run([Still(rgb, square.name, square.name)], Work(0, studio.settings.work))
        found = made.notes["figures"] | square.figures
        stills.append(Still(rgb, square.name, square.name, maps=made.maps, notes={"selection": {"figures": found}}))
    return stills
