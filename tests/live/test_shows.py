"""Every show that came along opens, names only what is there, and draws pictures that are neither flat nor frozen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from installation import files
from installation.__main__ import main
from installation.features import hands, motion, music, sound
from installation.inputs import recording
from installation.live import modulation, opening
from installation.live.hearing import open_desk
from installation.rendering.readback import Whole
from installation.settings import Show, open_show
from installation.signals import Command

SHOWS = sorted(path.stem for path in files.shipped("shows").glob("*.toml"))
HEARD = {*sound.Sound.names, *motion.Motion.names, *music.Music.names}
SHORT_S, FPS = 1.0, 6


@pytest.fixture(params=SHOWS)
def show(request) -> Show:
    return open_show(request.param)


def play(show: Show, closing: ExitStack, cue: str = "", from_s: float = 4.0) -> Iterator[np.ndarray]:
    """A second of the show at a stepped clock, (H, W, 3) uint8, the packaged recording in every part."""
    generator, easel = opening.open_generator(show, lambda: None), opening.open_easel(show, closing)
    knobs = generator.knobs | easel.knobs
    board = opening.open_board(show, knobs)
    if cue:
        board.apply(Command("cue", cue, fade_s=0.0), 0.0)
    state, played, read = modulation.begin(show.routes), recording.create(recording.Settings()), Whole()
    played.start()
    easel.chain.sheds = False
    for n in range(int(SHORT_S * FPS)):
        now_s = from_s + n / FPS
        base = board.levels(now_s).base
        controls, state = modulation.modulate(knobs, show.routes, base, played.read(now_s) or {}, state, now_s)
        drawn = easel.draw(generator.render(controls), controls.values, now_s)
        assert drawn is not None and not easel.faults
        yield read.read_rgba(drawn.framebuffer)[..., :3].astype(np.float32) / 255


def test_there_are_shows_to_choose_from() -> None:
    assert {"bloom", "marble", "mirror", "tide"} <= set(SHOWS)
    pictures = [files.shipped("shows") / f"{name}.jpg" for name in SHOWS]
    assert all(Image.open(path).size[0] > 1200 for path in pictures), "each has its sheet"


def test_its_cues_have_names_and_fades_and_hands_sound_and_motion_steer_it(show: Show) -> None:
    assert len(show.cues) >= 4
    assert all(cue.name and cue.fade_s > 0 for cue in show.cues)
    sources = {route.source for route in show.routes}
    assert all(any(source.startswith(f"{kind}.") for source in sources) for kind in ("hands", "sound", "motion"))
    known = HEARD | set(hands.create(hands.Settings()).extract(None, 0.0))
    assert sources <= known, "no route waits for what nobody says"


def test_its_cues_and_aliases_name_knobs_that_are_there(show: Show) -> None:
    with ExitStack() as closing:
        knobs = opening.open_generator(show).knobs | opening.open_easel(show, closing).knobs
        opening.open_board(show, knobs)
        for cue in show.cues:
            for name, value in cue.values.items():
                assert knobs[name].low <= value <= knobs[name].high, (cue.number, name)
        anywhere = dataclasses.replace(show, osc=dataclasses.replace(show.osc, port=0))
        open_desk(anywhere, knobs, closing)  # refuses an alias that leads nowhere


def test_a_second_of_every_cue_is_neither_flat_nor_frozen(show: Show) -> None:
    firsts = []
    for cue in show.cues:
        with ExitStack() as closing:
            frames = list(play(show, closing, cue.number))
        last = frames[-1]
        assert last.std() > 0.04, f"{cue.number}: a picture, not a plain surface"
        assert np.abs(frames[-1] - frames[-3]).mean() > 0.0004, f"{cue.number}: it moves"
        blocks = last[: last.shape[0] // 16 * 16, : last.shape[1] // 16 * 16].mean(-1)
        light = blocks.reshape(blocks.shape[0] // 16, 16, -1, 16).mean((1, 3))
        assert light.max() - light.min() > 0.15, f"{cue.number}: there is something to look at"
        firsts.append(last)
    apart = [np.abs(one - other).mean() for i, one in enumerate(firsts) for other in firsts[:i]]
    assert max(apart) > 0.05, "its cues look different"


def test_shows_look_nothing_like_each_other() -> None:
    lasts = []
    for name in SHOWS:
        with ExitStack() as closing:
            *_, last = play(open_show(name), closing)
        lasts.append(last[:288, :512])
    apart = [np.abs(one - other).mean() for i, one in enumerate(lasts) for other in lasts[:i]]
    assert min(apart) > 0.12, dict(zip(SHOWS, apart, strict=False))


def test_the_list_says_of_every_show_what_it_is_and_what_plays_it(capsys) -> None:
    assert main(["shows", "list"]) == 0
    said = capsys.readouterr().out
    for name in SHOWS:
        assert f"installation live --show {name}" in said
        assert open_show(name).about[:40] in " ".join(said.split())
    assert "model bloom: here" in said


def test_a_show_of_ones_own_is_listed_and_a_broken_one_says_why(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    files.write_text(tmp_path / "shows" / "mine.toml", 'about = "ours"\n[generator]\nname = "pattern"\n')
    files.write_text(tmp_path / "shows" / "torn.toml", "rout = 1")
    files.write_text(
        tmp_path / "shows" / "far.toml", '[generator]\nname = "stylegan2"\nsettings = { model = "nowhere" }\n'
    )
    assert main(["shows", "list"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "mine ours no weights installation live --show mine" in said
    assert "torn cannot be played: torn.toml: unknown key 'rout'" in said
    assert "model nowhere: NOT HERE" in said


def test_a_show_that_is_described_names_its_cues_and_what_it_listens_to(capsys) -> None:
    assert main(["shows", "show", "tide"]) == 0
    said = capsys.readouterr().out
    show = open_show("tide")
    assert all(cue.name in said for cue in show.cues) and "sound.bass" in said
    assert main(["shows", "show"]) == 2
    assert "which one?" in capsys.readouterr().err


def test_a_sheet_shows_twelve_instants(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "mine.toml"
    path.write_text('[generator]\nname = "pattern"\nsettings = { size = [32, 18] }\n[screen]\nsize = [64, 36]\n')
    assert main(["shows", "sheet", str(path), "--seconds", "1.5", "--out", str(tmp_path / "mine.png")]) == 0
    with Image.open(tmp_path / "mine.png") as sheet:
        assert sheet.size == (4 * 64 + 3 * 4, 3 * 36 + 2 * 4)
        instants = np.asarray(sheet.convert("RGB"), float)
    assert instants[:36, :64].std() > 5 and instants[-36:, -64:].std() > 5, "the first and the last"
