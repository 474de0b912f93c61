"""Points of a latent space: kept as files, named in a show, faded to by cue, walked in a loop."""

from __future__ import annotations

import dataclasses
import io
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from installation.control.cues import Board
from installation.latent import arrays, reaching, vectors
from installation.live import opening
from installation.live.leading import led_by
from installation.settings import Cue, Keyframes, Part, SettingsError, Show, Vector, check, open_show, to_table
from installation.signals import Command, Controls


def paint(generator, turns: float = 0.2, time_s: float = 0.0, **knobs: float) -> torch.Tensor:
    values = {f"generator.{k}".replace("to_", "to.", 1): v for k, v in knobs.items()}
    return generator.render(Controls(time_s, values, turns)).pixels


def test_a_seed_is_the_point_that_nvidias_tools_draw(generator) -> None:
    z = torch.from_numpy(np.random.RandomState(23).randn(1, 16)).float()
    expected = generator.net.broadcast(generator.net.mapping(z, 0.7))[0]
    assert torch.allclose(generator.of_seed(23, truncation=0.7), expected)


def test_a_kept_vector_comes_back_to_the_last_digit_and_numpy_reads_it_as_nvidias(generator, tmp_path: Path) -> None:
    point = generator.of_seed(5)
    path = vectors.write(tmp_path / "rose.npz", point, "small", "abc", seed=5)
    found = vectors.read(path)
    assert found.w is not None and found.w.equal(point) and (found.model, found.sha256) == ("small", "abc")
    assert np.load(path, allow_pickle=False)["w"].shape == (1, *point.shape)


def test_a_file_with_z_alone_goes_through_the_mapping(generator, tmp_path: Path) -> None:
    z = np.random.RandomState(9).randn(1, 16).astype("f4")
    np.savez(tmp_path / "z.npz", z=z)
    assert torch.allclose(vectors.point_of(str(tmp_path / "z.npz"), generator), generator.of_seed(9))


def test_a_bare_array_is_a_point_too_however_it_lies_in_the_file(generator, tmp_path: Path) -> None:
    point = generator.of_seed(5)
    np.save(tmp_path / "w.npy", np.asfortranarray(point.numpy()))
    assert vectors.point_of(str(tmp_path / "w.npy"), generator).equal(point)


def promise() -> bytes:
    """A header that promises ten gigabytes."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (1, 10**5, 25_000)})
    return head.getvalue()


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", promise())
    return file.getvalue()


def pickled() -> bytes:
    file = io.BytesIO()
    np.savez(file, w=np.array([print], dtype=object))
    return file.getvalue()


def swollen() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", bytes(arrays.LARGEST_BYTES + 1))
    return file.getvalue()


def odd(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def test_what_a_header_promises_is_not_believed(tmp_path: Path) -> None:
    for content in (bomb(), promise()):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(SettingsError, match="not as large as it says"):
            vectors.read(tmp_path / "x.npz")


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"",
        lambda: b"PK\x03\x04 torn",
        lambda: b"\x80\x04 a pickle",
        bomb,
        promise,
        pickled,
        swollen,
        lambda: odd(w=np.array([["a"]])),
        lambda: odd(w=np.full((1, 2, 3), np.nan)),
        lambda: odd(w=np.zeros((2, 2, 3))),
        lambda: odd(other=np.zeros(3)),
    ],
    ids=[
        "empty",
        "torn",
        "pickle",
        "promises 10 GB",
        "a bare promise",
        "objects",
        "bomb",
        "text",
        "nan",
        "two points",
        "another",
    ],
)
def test_a_file_that_is_no_vector_is_refused_in_one_line(make: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(make())
    with pytest.raises(SettingsError) as refused:
        vectors.read(path)
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)


def test_a_cue_fades_to_a_vector_a_seed_or_a_file_and_back_to_the_walk(generator, show, tmp_path: Path) -> None:
    vectors.write(tmp_path / "kept one.npz", generator.of_seed(8))
    cues = (
        Cue("1"),
        Cue("2", fade_s=4.0, vector="rose"),
        Cue("3", fade_s=4.0, vector="seed 23"),
        Cue("4", vector=str(tmp_path / "kept one.npz")),
        Cue("5", fade_s=4.0, vector="walk"),
    )
    show = dataclasses.replace(show, cues=cues, vectors=(Vector("rose", seed=4),))
    reaching.reach(generator, show)
    board = Board(generator.knobs, led_by(show))
    controls = Controls(0.0, board.levels(0.0).base, 0.3)
    walking = generator.where(controls)

    def after(cue: str, now_s: float) -> torch.Tensor:
        board.apply(Command("cue", cue), now_s)
        return torch.stack([generator.where(Controls(0.0, board.levels(now_s + s).base, 0.3)) for s in (2.0, 4.0)])

    half, there = after("2", 10.0)
    assert torch.allclose(there, generator.of_seed(4), atol=1e-5)
    assert torch.allclose(half, (walking + generator.of_seed(4)) / 2, atol=1e-5)
    half, there = after("3", 20.0)
    assert torch.allclose(there, generator.of_seed(23), atol=1e-5), "the vector before is let go of"
    assert torch.allclose(half, (generator.of_seed(4) + generator.of_seed(23)) / 2, atol=1e-5)
    assert torch.allclose(after("4", 30.0)[1], generator.of_seed(8), atol=1e-5)
    assert torch.allclose(after("5", 40.0)[1], walking, atol=1e-5)


def test_a_cue_that_names_no_vector_leaves_the_picture_where_it_is(generator, show) -> None:
    show = dataclasses.replace(show, cues=(Cue("1", vector="seed 2"), Cue("2", values={"generator.kick": 0.0})))
    assert [cue.values.get("generator.to.seed_2") for cue in led_by(show)] == [1.0, None]


def test_what_a_cue_says_of_a_knob_itself_goes_before(show) -> None:
    show = dataclasses.replace(show, cues=(Cue("1", vector="seed 2", values={"generator.to.seed_2": 0.5}),))
    assert led_by(show)[0].values["generator.to.seed_2"] == 0.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cues": (Cue("1", vector="tulip"),)}, r"no vector 'tulip'; there are: rose"),
        ({"vectors": (Vector("a rose", seed=1),)}, "cannot be a name"),
        ({"vectors": (Vector("walk", seed=1),)}, "cannot be a name"),
        ({"vectors": (Vector("rose"),)}, "a seed or a file"),
        ({"vectors": (Vector("rose", seed=-1),)}, "from 0 to"),
        ({"vectors": (Vector("rose", file="nowhere.npz"),)}, "no vector 'nowhere.npz'"),
        ({"keyframes": (Keyframes("rose", ("seed 1", "seed 2")),)}, "a vector's name too"),
        ({"keyframes": (Keyframes("dance", ("seed 1",)),)}, "2 vectors or more"),
        ({"keyframes": (Keyframes("dance", ("seed 1", "seed 2"), 0.0),)}, "seconds above 0"),
        ({"cues": (Cue("1", vector="seed 1"), Cue("2", vector="seed_1.npz"))}, "both called seed_1"),
    ],
)
def test_what_no_model_could_have_is_refused_when_the_show_opens(generator, show, change, said) -> None:
    show = dataclasses.replace(show, **({"vectors": (Vector("rose", seed=1),)} | change))
    with pytest.raises(SettingsError, match=said):
        reaching.reach(generator, show)


def test_another_models_vector_moves_nothing_and_the_show_plays_on(generator, show, tmp_path, caplog) -> None:
    vectors.write(tmp_path / "other.npz", torch.randn(10, 512))
    show = dataclasses.replace(show, vectors=(Vector("other", file=str(tmp_path / "other.npz")),))
    before = paint(generator)
    with caplog.at_level(logging.WARNING):
        reaching.reach(generator, show)
    assert "vector other is another model's" in caplog.text and len(caplog.records) == 1
    assert paint(generator, to_other=1.0).equal(before)


def test_a_show_files_vectors_lie_beside_it_and_survive_the_way_to_the_process_that_paints(tmp_path, generator) -> None:
    vectors.write(tmp_path / "rose.npz", generator.of_seed(1))
    (tmp_path / "s.toml").write_text(
        '[[vectors]]\nname = "rose"\nfile = "rose.npz"\n[[cues]]\nnumber = "1"\nvector = "rose"'
    )
    show = open_show(str(tmp_path / "s.toml"))
    assert show.vectors[0].file == str(tmp_path / "rose.npz")
    assert check(Show, to_table(show), "show").vectors == show.vectors


def test_keyframes_are_all_passed_and_close_exactly_in_their_time(generator, show) -> None:
    frames = Keyframes("dance", ("seed 1", "seed 2", "rose"), 6.0)
    show = dataclasses.replace(show, vectors=(Vector("rose", seed=3),), keyframes=(frames,))
    reaching.reach(generator, show)
    at = {s: generator.where(Controls(s, {"generator.to.dance": 1.0}, s / 60)) for s in (0.0, 2.0, 4.0, 6.0, 1.5, 7.5)}
    for seed, second in ((1, 0.0), (2, 2.0), (3, 4.0)):
        assert torch.allclose(at[second], generator.of_seed(seed), atol=1e-5)
    assert at[6.0].equal(at[0.0]) and at[7.5].equal(at[1.5])
    assert not torch.allclose(at[1.5], at[2.0])


def test_keyframes_without_a_loop_come_back_the_way_they_went(generator, show) -> None:
    show = dataclasses.replace(show, keyframes=(Keyframes("dance", ("seed 1", "seed 2", "seed 3"), 8.0, False),))
    reaching.reach(generator, show)
    there, end, back = (generator.where(Controls(s, {"generator.to.dance": 1.0})) for s in (2.0, 4.0, 6.0))
    assert torch.allclose(there, back) and torch.allclose(end, generator.of_seed(3), atol=1e-5)


def test_a_cue_may_lead_onto_keyframes(show) -> None:
    show = dataclasses.replace(
        show, keyframes=(Keyframes("dance", ("seed 1", "seed 2")),), cues=(Cue("1", vector="dance"),)
    )
    assert led_by(show)[0].values == {"generator.to.dance": 1.0}


def test_the_walk_passes_vectors_that_are_among_its_stations(model, show) -> None:
    stations = [3, "seed 23", "rose", 7]
    show = dataclasses.replace(
        show,
        generator=Part("stylegan2", show.generator.settings | {"stations": stations}),
        vectors=(Vector("rose", seed=4),),
    )
    generator = opening.open_generator(show)
    lap = torch.stack([generator.where(Controls(0.0, {"generator.truncation": 1.0}, i / 400)) for i in range(400)])
    for station in (generator.of_seed(23), generator.of_seed(4), generator.latent.styles[3].expand_as(lap[0])):
        nearest = (lap - station).norm(dim=(1, 2)).min()
        assert nearest < 0.1 * (lap - station).norm(dim=(1, 2)).max()
    assert torch.allclose(lap[0], generator.where(Controls(0.0, {"generator.truncation": 1.0}, 1.0)), atol=1e-5)


@pytest.mark.parametrize("stations", [[3, "seed 23"], [3, 4, 999_999, "seed 1"]])
def test_a_walk_of_too_few_stations_or_one_that_is_not_there_is_refused(show, stations) -> None:
    show = dataclasses.replace(show, generator=Part("stylegan2", show.generator.settings | {"stations": stations}))
    with pytest.raises(SettingsError, match="stations"):
        opening.open_generator(show)


@pytest.mark.parametrize("name", ["pattern", "slomo"])
def test_generators_of_other_kinds_are_led_too(name: str, show) -> None:
    part = Part("slomo", {"generator": {"name": "pattern"}}) if name == "slomo" else Part("pattern")
    show = dataclasses.replace(show, generator=part, cues=(Cue("1", vector="seed 4"),))
    generator = opening.open_generator(show)
    knobs = {"generator.to.seed_4": 1.0, "slomo.amount": 0.0, "generator.truncation": 1.0}
    one, other = (generator.where(Controls(0.0, knobs, turns)) for turns in (0.1, 0.7))
    assert torch.allclose(one, other), "wherever the walk is"
    moved = generator.render(Controls(0.0, knobs, 0.1)).pixels
    assert not moved.equal(generator.render(Controls(0.0, knobs | {"generator.to.seed_4": 0.0}, 0.1)).pixels)
