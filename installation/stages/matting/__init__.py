"""Cut-outs with paper left in and around them in; the same with the paper made transparent and its fringe gone out.

Near-white is found and cleaned by morphology, a trimap is drawn around it, and closed-form matting (Levin, Lischinski
and Weiss 2008, by PyMatting) finds how much of each pixel in between is object. White petals stay: what counts is not
that it is white, but that it lies like left-over paper does, as a thin lining between the object and what is cut away.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from installation.signals import Still
from installation.stages import mattes, pixels
from installation.stages.matting import closed_form
from installation.stages.work import Made, Stage, Work

log = logging.getLogger("installation.stages")
CLEAR = 0.5  # alpha below which a pixel counts as cut away already
LINED = 0.12  # share of a neighbourhood's cut that is lined with paper (measured: clean cuts to 0.04, others from 0.2)
SMALLEST_PX = 8  # of the shorter side: less shows no shapes
SOLID = 30.0  # CIELAB distance from paper below which nothing is object for sure


@dataclass(frozen=True)
class Settings:
    """Lengths are parts of the picture's longer side, colours CIELAB units."""

    paper: float = 97.0  # lightness from which whites around a cut-out may be paper
    lightness: float = 3.5  # how much darker than the paper is still paper
    chroma: float = 6.0  # how much more colourful
    lining: float = 0.004  # radius: whites that no disc of it fits into line an object, thicker ones are its own
    band: float = 0.0025  # how far into the object the edge of the paper is looked for
    islands: bool = True  # take paper enclosed by the object too, where the object has a lining of it elsewhere
    least_area: float = 0.0006  # of the picture: smaller islands stay (petals, highlights)
    flatness: float = 1.0  # deviation of lightness up to which an island is plain paper; petals are modelled
    scans: bool = True  # take the paper off pictures without alpha whose border is plain paper
    matte_px: int = 1024  # size at which paper is sought and the matte is solved; 64 or more


@dataclass(frozen=True)
class Paper:
    """Where the paper is [shape=(h, w), bool] at matte size, and its colour [shape=(3,)] in CIELAB and as rgb 0..1."""

    where: np.ndarray
    lab: np.ndarray
    rgb: np.ndarray


class Matting(Stage):
    """Near-white leftovers become transparent."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        """One still in, (H, W, 4) out; untouched when there is no paper in it."""
        picture = stills[0].pixels
        rgb, alpha = mattes.shrink(picture, self.settings.matte_px)
        paper = find_paper(rgb, alpha, self.settings) if min(alpha.shape) >= SMALLEST_PX else None
        if paper is None or not (paper.where < (alpha >= CLEAR)).any():  # no paper, or nothing but paper
            return Made(picture, notes={"paper": 0.0})
        share = float(paper.where.mean())
        work.progress(0.1, "matting")
        matte, band, method = solve(rgb, alpha, paper, self.settings)
        made = _cut(picture, matte, band, mattes.to_lab(mattes.lay_on(rgb, alpha, paper.rgb)), paper, work)
        return Made(made, notes={"paper": round(share, 4), "matte": method})


def create(settings: Settings) -> Matting:
    """Raises ValueError when the size to work at is too small to see anything."""
    if settings.matte_px < 64:
        raise ValueError(f"matting: matte_px {settings.matte_px}: expected 64 or more")
    return Matting(settings)


def find_paper(rgb: np.ndarray, alpha: np.ndarray, settings: Settings) -> Paper | None:
    """The left-over paper in a picture (H, W, 3) with alpha (H, W), float32 0..1; None when there is none."""
    clear = alpha < CLEAR
    lab = mattes.to_lab(rgb)
    if clear.any():
        rim = (_grow(clear, 3) & ~clear) & (lab[..., 0] > 90) & (np.hypot(lab[..., 1], lab[..., 2]) < 10)
        white = np.median(lab[rim], axis=0) if rim.sum() > 20 else np.array([100.0, 0.0, 0.0])
        white[0] = np.percentile(lab[rim][:, 0], 75) if rim.sum() > 20 else 100.0
        if white[0] < settings.paper:
            return None
        where = _find_leftovers(_is_near(lab, white, settings) & ~clear, clear, lab[..., 0], settings)
    elif settings.scans and (border := _read_border(lab)) is not None:
        white = border
        where = _find_sheet(_is_near(lab, white, settings), lab[..., 0], settings)
    else:
        return None
    if not where.any():
        return None
    colour = cv2.cvtColor(white.astype(np.float32).reshape(1, 1, 3), cv2.COLOR_LAB2RGB).reshape(3)
    return Paper(where, white.astype(np.float32), np.clip(colour, 0, 1))


def solve(rgb: np.ndarray, alpha: np.ndarray, paper: Paper, settings: Settings) -> tuple[np.ndarray, np.ndarray, str]:
    """The object's alpha (h, w), where it may differ from the one it came with, and by which method it was found.

    Closed-form matting on the picture laid on its paper; where that cannot be solved, a ramp over the distance from
    the paper's colour.
    """
    flat = mattes.lay_on(rgb, alpha, paper.rgb)
    away = np.linalg.norm(mattes.to_lab(flat) - paper.lab, axis=2)
    ground = paper.where | (alpha < CLEAR)
    reach = max(2, round(settings.band * max(alpha.shape)))
    band = _grow(paper.where, reach)
    # Thin stems lie in the band from side to side: what differs most from the paper thereabouts is object.
    sure = (away > SOLID) & (away > 0.9 * cv2.dilate(away.astype(np.float32), _disc(reach)))
    trimap = np.where(ground, 0.0, np.where(band & ~sure, 0.5, 1.0))
    trimap[paper.where & (away > settings.lightness)] = 0.5
    try:
        found, method = closed_form.estimate_alpha(flat, trimap), "closed form"
    except ValueError as error:  # nothing known on one side, or a system that cannot be factored
        log.info("matting: %s: the paper's edge is found by its colour alone", str(error).strip().splitlines()[0])
        found, method = np.clip(away / SOLID, 0, 1).astype(np.float32), "colour"
    return np.where(trimap == 0, 0, found).astype(np.float32), band, method


def _cut(
    picture: np.ndarray, matte: np.ndarray, band: np.ndarray, lab: np.ndarray, paper: Paper, work: Work
) -> np.ndarray:
    """Lay the small matte on the full-size still, by strips: edges as crisp as its own, colours without the paper."""
    height, width = picture.shape[:2]
    made = work.canvas(height, width, 4)
    same = matte.shape == (height, width)
    coefficients = None if same else mattes.guide(matte, _away(lab, paper.lab), 2, 1e-4)
    for read, write, inside in mattes.strips(height, width, margin_px=32):
        rgb, alpha = pixels.split(picture[read])
        if coefficients is not None:
            inner = mattes.smoothstep(0, 0.5, mattes.enlarge(band.astype(np.float32), height, width, read))
            slope, offset = np.moveaxis(mattes.enlarge(coefficients, height, width, read), 2, 0)
            by = _away(mattes.to_lab(mattes.lay_on(rgb, alpha, paper.rgb)), paper.lab)
            object_alpha = np.clip(slope * by + offset, 0, 1)
        else:
            inner, object_alpha = band[read].astype(np.float32), matte[read]
        now = alpha - inner * np.maximum(alpha - mattes.smoothstep(0.12, 0.98, object_alpha), 0)
        made[write] = pixels.to_uint16(pixels.join(_free(rgb, alpha, now, paper.rgb), now))[inside]
        work.progress(0.5 + 0.5 * write.stop / height, "edges")
    return made


def _free(rgb: np.ndarray, before: np.ndarray, now: np.ndarray, paper_rgb: np.ndarray) -> np.ndarray:
    """Colours without the paper that shone through (Germer et al. 2020), only where alpha has become less."""
    changed = now < before - 0.002
    if not changed.any():
        return rgb
    ys, xs = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    part = np.s_[max(0, ys[0] - 16) : ys[-1] + 17, max(0, xs[0] - 16) : xs[-1] + 17]
    free = closed_form.estimate_foreground(mattes.lay_on(rgb[part], before[part], paper_rgb), now[part])
    rgb[part] = np.where(changed[part][..., None], free, rgb[part])
    return rgb


def _is_near(lab: np.ndarray, white: np.ndarray, settings: Settings) -> np.ndarray:
    """Where a pixel is as light as the paper, or lighter, and has its hue."""
    hue = np.hypot(lab[..., 1] - white[1], lab[..., 2] - white[2])
    return (lab[..., 0] > white[0] - settings.lightness) & (hue < settings.chroma)


def _find_leftovers(near: np.ndarray, clear: np.ndarray, light: np.ndarray, settings: Settings) -> np.ndarray:
    """Near-white pieces that line what is cut away, and islands of plain paper where such a lining exists.

    A lining is thin; white that touches the cut and is thick (a lorry's cabin, a petal) belongs to the object. A clean
    cut has hardly any lining; what little there looks like one is a highlight, so all whites around it stay. The
    opening by 2x2 closes the pin-holes in the drawn outlines of petals, through which the lining would leak in.
    """
    reach = max(2, round(settings.lining * max(near.shape)))
    white = _open(near | clear, np.ones((2, 2), np.uint8)) & ~clear
    count, label = cv2.connectedComponents(white.astype(np.uint8), connectivity=4)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(label.ravel(), values.ravel(), minlength=count)

    edge = _grow(clear, 1) & ~clear
    area, contact = total(white), total(white & edge)
    thin = (contact > 0) & (total(_open(white, _disc(reach))) < 0.5 * area)
    shallow = thin & (area <= 2 * reach * contact)
    window = (2 * round(0.08 * max(near.shape)) + 1,) * 2
    lined = cv2.blur((edge & shallow[label]).astype(np.float32), window)
    evidence = lined / np.maximum(cv2.blur(edge.astype(np.float32), window), 1e-6)
    around = total(evidence) / np.maximum(area, 1)
    take = thin & (around > LINED)
    if settings.islands:
        large = (area >= settings.least_area * near.size) | (contact > 0)
        take |= large & (around > LINED) & _are_plain(label, area, light, settings.flatness)
    take[0] = False
    return np.asarray(take[label] & white)


def _find_sheet(near: np.ndarray, light: np.ndarray, settings: Settings) -> np.ndarray:
    """The paper of a scan: all that is near it and hangs together with the border, and plain islands."""
    count, label = cv2.connectedComponents(near.astype(np.uint8), connectivity=4)
    area = np.bincount(label.ravel(), minlength=count)
    take = np.zeros(count, bool)
    take[np.unique(np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]]))] = True
    if settings.islands:
        large = area >= settings.least_area * near.size
        take |= large & _are_plain(label, area, light, settings.flatness)
    take[0] = False
    return np.asarray(take[label] & near)


def _are_plain(label: np.ndarray, area: np.ndarray, light: np.ndarray, flatness: float) -> np.ndarray:
    """Which pieces are, away from their edge, without any modelling; what is all edge does not tell."""
    inner = label * ~_grow(label == 0, 1)
    count = np.bincount(inner.ravel(), minlength=len(area))
    mean = np.bincount(inner.ravel(), light.ravel(), minlength=len(area)) / np.maximum(count, 1)
    spread = np.bincount(inner.ravel(), ((light - mean[inner]) ** 2).ravel(), minlength=len(area))
    plain = (np.sqrt(spread / np.maximum(count, 1)) < flatness) & (count > 0.2 * area)
    plain[0] = False
    return np.asarray(plain)


def _read_border(lab: np.ndarray) -> np.ndarray | None:
    """The paper's colour of a scan: what most of the outermost 2 % share, when it is light and plain."""
    depth = max(1, round(0.02 * min(lab.shape[:2])))
    border = np.concatenate([lab[:depth], lab[-depth:], *np.swapaxes([lab[:, :depth], lab[:, -depth:]], 1, 2)], axis=1)
    border = border.reshape(-1, 3)
    middle = np.median(border, axis=0)
    alike = np.linalg.norm(border - middle, axis=1) < 6
    return middle if middle[0] > 85 and np.hypot(*middle[1:]) < 15 and alike.mean() > 0.8 else None


def _away(lab: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Distance from the paper's colour, 1 where a pixel is object for sure: what edges are told by."""
    return np.minimum(np.linalg.norm(lab - white, axis=2) / SOLID, 1).astype(np.float32)


def _disc(radius_px: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))


def _open(mask: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """What the kernel fits into. OpenCV's own opening moves the mask by a pixel when the kernel's size is even."""
    last = (kernel.shape[1] - 1, kernel.shape[0] - 1)
    fits = cv2.erode(mask.astype(np.uint8), kernel, anchor=(0, 0))
    return cv2.dilate(fits, kernel, anchor=last) > 0


def _grow(mask: np.ndarray, radius_px: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), _disc(radius_px)) > 0
