"""Nothing in; what a venue is out: its projectors, and how each of them is fitted to its piece of wall.

Places are parts of 0..1 with y down: `source` of the picture; the points of mesh and masks of the projector's frame,
beyond which they may lie; `blend` of the source's width and height.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

Point = tuple[float, float]
Size = tuple[int, int]  # px
Channels = tuple[float, float, float]  # red, green, blue
WHOLE = (0.0, 0.0, 1.0, 1.0)
CORNERS: tuple[Point, ...] = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
SIDES = ("left", "right", "top", "bottom")


@dataclass(frozen=True)
class Mesh:
    """Where the source lies in the frame: a grid of points, row by row from its upper left; 2 x 2 are corner pins.

    smooth leads curves through the points (Catmull and Rom's), where straight lines would show a kink at each.
    """

    columns: int = 2
    rows: int = 2
    points: tuple[Point, ...] = CORNERS
    smooth: bool = False


@dataclass(frozen=True)
class Mask:
    """A polygon in the frame, dark inside (or outside: keep), its edge a ramp of softness (of the frame's height)."""

    points: tuple[Point, ...]
    softness: float = 0.0
    keep: bool = False


@dataclass(frozen=True)
class Edge:
    """A side that another projector overlaps: how far, as a part of the source; and how light follows values there."""

    width: float = 0.0
    gamma: Channels = (2.2, 2.2, 2.2)


@dataclass(frozen=True)
class Blend:
    """The four sides of the source, as the picture has them: a frame that is turned turns them too."""

    left: Edge = Edge()
    right: Edge = Edge()
    top: Edge = Edge()
    bottom: Edge = Edge()

    @property
    def sides(self) -> tuple[Edge, Edge, Edge, Edge]:
        return self.left, self.right, self.top, self.bottom


@dataclass(frozen=True)
class Output:
    """One projector: the piece of the picture that it shows (x, y, width, height), and how.

    monitor and edid say where its window goes, edid first; both empty: where the show says, or the next one that is
    free. size is its frame in pixels; (0, 0): as the show says. The source is turned clockwise by rotation, mirrored
    as the frame has its axes, laid into the mesh, blended, masked by polygons and a PNG (white shows; it lies beside
    the venue's file), and each channel is dimmed to its share of light, colour. black is how bright, 0..1, the
    projector's own black is lifted where no other one overlaps: out = (1 - black) x picture + black.
    """

    name: str = ""
    monitor: str = ""
    edid: str = ""
    size: tuple[int, int] = (0, 0)
    source: tuple[float, float, float, float] = WHOLE
    rotation: int = 0
    mirror_x: bool = False
    mirror_y: bool = False
    mesh: Mesh = Mesh()
    blend: Blend = Blend()
    black: Channels = (0.0, 0.0, 0.0)
    colour: Channels = (1.0, 1.0, 1.0)
    masks: tuple[Mask, ...] = ()
    mask_file: str = ""


@dataclass(frozen=True)
class Venue:
    """The wall of one place. version counts what was saved of it; before is the version that this one was made of."""

    outputs: tuple[Output, ...] = (Output(),)
    version: int = 0
    before: int = 0

    def replaced(self, number: int, **changes: Any) -> Venue:
        """The same with one output changed."""
        outputs = list(self.outputs)
        outputs[number] = dataclasses.replace(outputs[number], **changes)
        return dataclasses.replace(self, outputs=tuple(outputs))

    def name_of(self, number: int) -> str:
        return self.outputs[number].name or str(number + 1)

    def mirrored(self) -> Venue:
        """The same for a picture that is mirrored before it is cut into pieces: for projectors behind the wall."""
        return dataclasses.replace(self, outputs=tuple(map(_mirrored, self.outputs)))


PLAIN = Output()


def _mirrored(output: Output) -> Output:
    x, y, width, height = output.source
    turned = output.rotation in (90, 270)
    return dataclasses.replace(
        output,
        source=(1.0 - x - width, y, width, height),
        mirror_x=output.mirror_x != (not turned),
        mirror_y=output.mirror_y != turned,
        blend=dataclasses.replace(output.blend, left=output.blend.right, right=output.blend.left),
    )


def corner_pins(corners: tuple[Point, ...]) -> Mesh:
    """The mesh of four corners that are told around the shape: top left, top right, bottom right, bottom left."""
    return Mesh(points=(corners[0], corners[1], corners[3], corners[2]))
