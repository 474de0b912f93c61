"""What leaves nothing out ends with the reason when it cannot be as it should be; what is asked for wrongly is said."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from installation.frames import Words
from installation.live import filming, keeper, kept, leading, leftovers, opening, options, saving
from installation.live.ending import orderly_ends
from installation.live.panel import Panel
from installation.live.plan import Plan
from installation.live.stepped import Stepped
from installation.memory import Memory
from installation.settings import Cue, Part, Screen, SettingsError, Show
from installation.signals import Controls, Picture

CONTROLS = Controls(1.0, {})


def painter(pixels: torch.Tensor, faults: dict[str, int] | None = None, settles: bool = True) -> Any:
    """As much of a stepped show as paints."""
    generator = SimpleNamespace(
        settle=lambda controls, timeout_s: settles,
        render=lambda controls: Picture(pixels, CONTROLS, 1),
        faults=Counter(faults or {}),
    )
    made = SimpleNamespace(generator=generator)
    made._insist = lambda now_s, faults: Stepped._insist(made, now_s, faults)  # type: ignore[arg-type]
    return made


def test_a_film_is_not_painted_with_what_is_no_picture_nor_without_its_models() -> None:
    good = torch.zeros(3, 4, 4)
    assert Stepped.paint(painter(good), CONTROLS).pixels is good
    for odd, why in (
        (painter(torch.full((3, 4, 4), float("nan"))), "at 1.00 s: the generator's picture is not finite"),
        (painter(good, settles=False), "the models of the cues were not open"),
        (painter(good, {"model": 1}), "at 1.00 s: model failed; a film leaves nothing out"),
    ):
        with pytest.raises(RuntimeError, match=why):
            Stepped.paint(odd, CONTROLS)
    assert Stepped.paint(painter(good, {"bend not finite": 1}), CONTROLS), "a bend that gave up is survived"


def test_a_second_signal_ends_at_once_what_the_first_one_ends_in_order() -> None:
    ended: list[int] = []
    with orderly_ends(lambda: ended.append(1)):
        os.kill(os.getpid(), signal.SIGTERM)
        assert ended == [1]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    with orderly_ends(lambda: ended.append(1), insists=False):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended == [1, 1, 1], "whoever ends all processes of a service tells the show twice"


def test_signals_are_not_taken_over_where_they_cannot_be() -> None:
    failed: list[BaseException] = []

    def elsewhere() -> None:
        try:
            with orderly_ends(lambda: None):
                pass
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert failed == []


def test_an_end_by_a_signal_without_a_name_has_its_number() -> None:
    assert [keeper._words_for(code) for code in (3, -signal.SIGSEGV, -200)] == ["code 3", "SIGSEGV", "signal 200"]


@pytest.mark.parametrize("size", [(15, 400), (400, 15), (16385, 400), (400, 20000)])
@pytest.mark.parametrize("name", ["size", "working_size"])
def test_a_screen_that_cannot_be_is_said(name: str, size: tuple[int, int]) -> None:
    screen = Screen(**{name: size})  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=f"screen.{name}: must be 16 to 16384 px each way, found {size[0]}"):
        opening.fitting_screen(Show("x", screen=screen))


def test_where_a_show_will_listen_is_not_known_of_one_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "torn.toml").write_text("[osc")
    for show in ("nowhere", str(tmp_path / "torn.toml"), str(tmp_path)):
        assert opening.find_osc(options.parse("--show", show)) is None
    (tmp_path / "whole.toml").write_text("[osc]\nport = 9123")
    found = opening.find_osc(options.parse("--show", str(tmp_path / "whole.toml")))
    assert found is not None and found.port == 9123


def test_two_models_of_one_name_cannot_be_told_apart_by_a_knob() -> None:
    show = Show("x", generator=Part("pattern"), cues=(Cue("1", model="a/rose"), Cue("2", model="b/rose")))
    with pytest.raises(SettingsError, match="are both called rose"):
        leading.models_of(show)


def test_a_link_and_a_file_are_no_folder_of_pieces(tmp_path: Path) -> None:
    folder = tmp_path / "film.mp4.making-1"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "file").touch()
    found = [leftovers._is_of_pieces(tmp_path / name) for name in ("film.mp4.making-1", "link", "file", "none")]
    assert found == [True, False, False, False]


def test_a_show_whose_file_went_cannot_be_saved_into(tmp_path: Path) -> None:
    for show in ("nowhere", str(tmp_path / "gone.toml"), str(tmp_path)):
        with pytest.raises(SettingsError, match="has no file any more"):
            saving.find(show)


def test_a_moment_remembers_what_belongs_to_its_picture_and_to_no_other() -> None:
    plan = Plan(Memory(Plan.bytes_of(64)), 64)
    assert plan.memory_of(1) == {}
    plan.note({1: np.array([0.5, 0.25]), 2: np.array([0.75, 1.0])})
    assert list(plan.memory_of(2).values()) == [0.75, 1.0] and plan.memory_of(3) == {}


def test_a_sheet_that_is_blank_or_was_left_alone_is_no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, sheet = Plan(Memory(Plan.bytes_of(64)), 64), np.full((8, 8, 1), 255, np.uint8)
    assert plan.drawn() is None
    plan.drawing.write(sheet)
    assert plan.drawn() is None
    sheet[2:4] = 0
    plan.drawing.write(sheet)
    drawn = plan.drawn()
    assert drawn is not None and drawn.shape == (8, 8, 3)
    monkeypatch.setattr("installation.live.plan.DRAWN_S", -1.0)
    assert plan.drawn() is None


def test_a_show_that_fails_for_ever_is_started_again_at_a_bounded_pace() -> None:
    waits = [keeper._wait_s(failures) for failures in (0, 1, 2, 5_000)]
    assert waits == [keeper.FIRST_WAIT_S, 2 * keeper.FIRST_WAIT_S, 4 * keeper.FIRST_WAIT_S, keeper.LONGEST_WAIT_S]


def test_a_film_of_few_frames_has_pieces_of_one_and_a_sheet_that_cannot_be_written_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SimpleNamespace(fps=0.01, preview=tmp_path / "o.preview.jpg")
    making = filming.Making(slow, None, tmp_path, "")  # type: ignore[arg-type]
    assert making.piece_frames == 1

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("installation.rendering.pieces.first_frame", lambda path, px: np.zeros((4, 4, 3), np.uint8))
    monkeypatch.setattr("installation.rendering.sheet.save_sheet", full)
    making._preview([tmp_path / "piece"])


def test_what_is_longer_than_there_is_room_for_leaves_the_page_what_it_has() -> None:
    words = Words(Memory(Words.bytes_of(64)), 0, 64)
    words.write({"a": 1})
    Panel._write(None, words, {"a": "x" * 1000})  # type: ignore[arg-type]
    assert words.read() == {"a": 1}


def test_a_show_whose_keeper_ended_while_it_was_started_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(kept, "end_with_parent", asked.append)
    monkeypatch.setenv(kept.KEPT, f"5:{os.getppid() + 1}")
    with pytest.raises(RuntimeError, match="ended while it was being started"):
        kept.Kept.found()
    assert asked == [signal.SIGTERM] and kept.KEPT not in os.environ and kept.Kept.found() is None


@pytest.mark.parametrize("ending", [False, True])
def test_a_film_that_is_told_to_end_leaves_no_half_of_a_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: bool
) -> None:
    whole: list[bool] = []

    @contextlib.contextmanager
    def piece(*_: object) -> Iterator[SimpleNamespace]:
        whole.append(False)
        yield SimpleNamespace(write=lambda frame: None)
        whole[-1] = True

    monkeypatch.setattr("installation.rendering.pieces.piece", piece)
    screen = SimpleNamespace(screen=SimpleNamespace(size=(4, 4)))
    plan = SimpleNamespace(fps=2.0, frames=6, show=screen, coding=SimpleNamespace(container="mp4"))
    show = SimpleNamespace(remembers=False, remember=dict, follow=float, draw=lambda controls: None)
    making = filming.Making(plan, show, tmp_path, "")  # type: ignore[arg-type]
    making.ending = ending
    making._make_piece(SimpleNamespace(update=lambda: None))
    assert whole == [not ending] and making.frame == (0 if ending else min(6, making.piece_frames))
    assert (tmp_path / leftovers.KEPT).exists() is not ending
