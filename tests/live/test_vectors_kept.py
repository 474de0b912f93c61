"""The point that is on the wall is kept when a person asks for it: by key, by desk, as often as is sensible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from test_studio import Inside, inside  # noqa: F401 (the fixture)

from installation import files
from installation.control.desk import Desk
from installation.control.table import osc_table
from installation.latent import vectors
from installation.live.chronicle import Chronicle
from installation.live.journal import Entry
from installation.live.keeping import Album, Footsteps
from installation.live.opening import pressed
from installation.live.options import parse
from installation.live.studio import VECTORS
from installation.packets import encode
from installation.settings import Osc, Part, Screen, Show
from installation.signals import Command, Controls

Wait = Callable[..., object]


def test_the_point_of_the_picture_on_the_wall_is_what_is_kept(inside, tmp_path: Path, wait_for: Wait) -> None:  # noqa: F811
    here: Inside = inside()
    here.room.album = Album(here.room.album.show, str(tmp_path / "kept"))
    here.draw(**{"generator.x": 0.7})
    shown = here.room.painter.newest().controls
    here.memory.counts[VECTORS] += 1
    here.draw(**{"generator.x": -0.7})
    [path] = wait_for(lambda: list((tmp_path / "kept").glob("small-*.npz")))
    kept = vectors.read(path)
    assert kept.sha256 == here.room.painter.generator.weights_sha256
    after = here.room.painter.newest().controls
    where = here.room.painter.generator.where
    assert any(kept.w.equal(where(controls)) for controls in (shown, after)) and not where(shown).equal(where(after))
    here.draw()
    assert len(list((tmp_path / "kept").glob("small-*.npz"))) == 1, "once for each press"


def test_without_a_folder_vectors_lie_with_the_users_own(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    class Still:
        weights_sha256 = "abc"

        def where(self, controls: Controls) -> torch.Tensor:
            return torch.ones(2, 3)

    Album(Show("garden")).keep(Still(), Controls(0.0, {})).join()
    [path] = (tmp_path / "installation/vectors").glob("garden-*.npz")
    assert vectors.find(path.name) == vectors.find(path.stem) == files.find("vectors", path.name)


def test_a_disk_that_takes_nothing_is_said_and_the_show_goes_on(tmp_path: Path, caplog) -> None:
    (tmp_path / "full").write_text("a file where a folder belongs")
    Album(Show("garden"), str(tmp_path / "full")).keep(None, Controls(0.0, {})).join()
    assert "no vector was kept" in caplog.text


def test_on_such_a_disk_it_is_said_once_that_nobody_counts_where_visitors_linger(
    tmp_path: Path, monkeypatch, caplog
) -> None:
    (tmp_path / "full").write_text("a file where a folder belongs")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "full"))
    steps = Footsteps(Show("garden", generator=Part("stylegan2", {"model": "bloom"})))
    for second in (0.0, 40.0, 80.0):
        steps.note(Controls(second, {"generator.to.map": 1.0}), second)
    assert caplog.text.count("where visitors linger is not counted") == 1


class Keys:
    def keys(self) -> list[str]:
        return ["v", "m"]


def test_v_keeps_a_vector_as_m_keeps_a_moment() -> None:
    assert [command.verb for command in pressed(Keys(), None, 0.0)] == ["vector", "moment"]  # type: ignore[arg-type]


def test_the_desk_keeps_a_vector_and_a_sender_that_never_lets_go_is_held_back() -> None:
    import socket

    desk = Desk(Osc(port=0), {}, ())
    desk.start()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(40):
                sender.sendto(encode("/installation/vector/keep"), ("127.0.0.1", desk.port))
                sender.sendto(encode("/installation/ping"), ("127.0.0.1", desk.port))
                sender.recv(512)  # what came before it has been done
        verbs = [command.verb for command in desk.poll(0.0)]
        assert set(verbs) == {"vector"} and 1 <= len(verbs) < 20
        assert desk.faults["vector dropped"] == 40 - len(verbs)
    finally:
        desk.close()
    assert "/installation/vector/keep" in osc_table({}, ())


class Asked:
    vectors = 0

    def keep_vector(self) -> None:
        self.vectors += 1


def test_no_more_are_kept_than_people_may_ask_for(tmp_path: Path) -> None:
    from contextlib import ExitStack

    studio, options = Asked(), parse("--vectors", str(tmp_path))
    with ExitStack() as closing:
        show = Show("garden", screen=Screen(size=(64, 36), working_size=(64, 36)))
        chronicle = Chronicle(show, options, None, studio, closing)  # type: ignore[arg-type]
        for _ in range(50):
            chronicle.note(Entry(1.0, {}, (Command("vector"),)), Controls(1.0, {}), None, None)
    assert studio.vectors == 5 and chronicle.faults["vector dropped"] == 45
