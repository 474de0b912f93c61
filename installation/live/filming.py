"""A sound file and a show in, a film of it out: every frame painted for its own instant, as long as it takes."""

from __future__ import annotations

import contextlib
import io
import shutil
import time
import zipfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from installation import files
from installation.features.score import open_score
from installation.live import film_plan, leftovers
from installation.live.ending import orderly_ends
from installation.live.film_plan import OURS, Plan
from installation.live.stepped import Stepped

PIECE_S = 4.0
PREVIEW_EVERY_S, PREVIEW_PICTURES, PREVIEW_PX = 15.0, 12, 480
BROKEN_OFF = 130


def main(options: Namespace, words: Sequence[str]) -> int:
    """`installation film`: plan it, paint it piece by piece, put it together; go on where a killed one was.

    words: those that were typed, by which it goes on.
    """
    plan = film_plan.prepare(options)
    files.sweep(plan.out.parent)
    if options.discard:
        for folder in leftovers.others(plan.out):
            leftovers.discard(folder)
            print(f"removed {folder}")
    print(f"{plan.out}: {plan.frames} frames of {plan.show.name} to {plan.music.name}", flush=True)
    open_score(plan.music, partial(print, flush=True))  # before the first frame; what cannot be heard is said here
    with ExitStack() as closing:
        show = Stepped(plan.show, closing)
        key = film_plan.key_of(plan, show.made_of, show.generator.weights_sha256, show.renderer)
        says = f"{OURS} {key}"
        if film_plan.said_of(plan.out) == says:
            print(f"{plan.out} is there already, made of the very same")
            return 0
        folder = closing.enter_context(workplace(plan.out, key))
        leftovers.note(folder, [word for word in words if word != "--discard"], plan.frames)
        for other in leftovers.others(plan.out, folder):
            print(leftovers.told(other))
        making = Making(plan, show, folder, says)
        with orderly_ends(making.end):
            whole = making.run()
        if not whole:
            print(f"stopped at frame {making.frame} of {plan.frames}: the same line goes on; so far: {folder}")
            return BROKEN_OFF
        making.join()
        shutil.rmtree(folder)
    width, height = plan.show.screen.size
    print(f"wrote {plan.out}: {plan.frames} frames, {width}x{height}, {plan.frames / plan.fps:.2f} s")
    return 0


@contextlib.contextmanager
def workplace(out: Path, key: str) -> Iterator[Path]:
    """The folder of this very film's pieces, beside it. Raises RuntimeError while another process is at it."""
    folder = leftovers.folder_of(out, key)
    folder.mkdir(parents=True, exist_ok=True)
    files.sweep(folder)
    lock = FileLock(folder / leftovers.LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RuntimeError(f"{out} is being made by another process") from None
    try:
        yield folder
    finally:
        lock.release()


class Making:
    """Frame by frame, piece by piece. After each piece what the drawing remembers is kept: a killed run goes on there.

    Controls are reckoned anew from the first frame on: they cost little, and hands, ears and cues remember much. A
    generator that remembers frames is painted anew too.
    """

    def __init__(self, plan: Plan, show: Stepped, folder: Path, says: str) -> None:
        self.plan, self.show, self.folder, self.says = plan, show, folder, says
        self.piece_frames = max(1, round(PIECE_S * plan.fps))
        self.frame = 0  # how many are made
        self.ending = False
        self._previewed_s = time.monotonic()

    def end(self) -> None:
        """Stop after the frame in hand."""
        self.ending = True

    def run(self) -> bool:
        """Make what is not made yet; False when it was to end before."""
        from tqdm import tqdm

        kept = self._kept()
        first = int(kept["frame"]) if kept else 0
        self._catch_up(first, kept)
        with tqdm(total=self.plan.frames, initial=first, unit="frame", desc=self.plan.out.name, disable=None) as bar:
            while self.frame < self.plan.frames and not self.ending:
                self._make_piece(bar)
        return self.frame == self.plan.frames

    def join(self) -> None:
        """All pieces and the music as one film."""
        from installation.rendering import pieces

        count = -(-self.plan.frames // self.piece_frames)
        made = [self._piece(number) for number in range(count)]
        self._preview(made)
        pieces.join(made, self.plan.fps, self.plan.music, self.plan.out, self.says)

    def _piece(self, number: int) -> Path:
        return self.folder / f"{number:05}.{self.plan.coding.container}"

    def _kept(self) -> dict[str, np.ndarray]:
        """What was kept after the last piece, {} before the first."""
        try:
            with np.load(self.folder / leftovers.KEPT, allow_pickle=False) as table:
                kept = dict(table)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return {}
        count = -(-int(kept["frame"]) // self.piece_frames)
        return kept if all(self._piece(number).is_file() for number in range(count)) else {}

    def _catch_up(self, first: int, kept: dict[str, np.ndarray]) -> None:
        """Be where the run before stopped."""
        for frame in range(first):
            controls = self.show.follow(frame / self.plan.fps)
            if self.show.remembers:
                self.show.draw(controls)
        if first and not self.show.remembers:
            self.show.recall(kept)
        self.frame = first

    def _make_piece(self, bar: Any) -> None:
        """The frames up to the next border between pieces, and what is remembered then."""
        from installation.rendering import pieces

        plan, number = self.plan, self.frame // self.piece_frames
        last = min(plan.frames, (number + 1) * self.piece_frames)
        try:
            with pieces.piece(self._piece(number), plan.show.screen.size, plan.fps, plan.coding, self.frame) as piece:
                while self.frame < last:
                    piece.write(self.show.draw(self.show.follow(self.frame / plan.fps)))
                    self.frame += 1
                    bar.update()
                    if self.ending:
                        raise _Ended
        except _Ended:
            self.frame = number * self.piece_frames
            return
        packed = io.BytesIO()
        remembered = {} if self.show.remembers else self.show.remember()
        np.savez(packed, allow_pickle=False, frame=np.array(self.frame), **remembered)
        files.write_bytes(self.folder / leftovers.KEPT, packed.getvalue())
        if time.monotonic() - self._previewed_s > PREVIEW_EVERY_S:
            self._preview([self._piece(one) for one in range(number + 1)])

    def _preview(self, made: list[Path]) -> None:
        """A contact sheet of what there is, whole, beside the film; where it cannot be written, none."""
        from installation.rendering import pieces, sheet

        chosen = np.unique(np.linspace(0, len(made) - 1, PREVIEW_PICTURES).round().astype(int))
        pictures = [pieces.first_frame(made[at], PREVIEW_PX) for at in chosen]
        with contextlib.suppress(OSError):
            sheet.save_sheet(self.plan.preview, pictures, comment=self.says)
        self._previewed_s = time.monotonic()


class _Ended(Exception):
    """The piece in hand is not to be kept."""
