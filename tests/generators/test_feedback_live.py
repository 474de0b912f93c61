"""A generator that looks at its own pictures: it drifts, holds, is pushed away, and its memory belongs to a moment."""

from __future__ import annotations

import numpy as np
import pytest
import small
import torch
from test_generators import make

from installation import weights
from installation.generators import feedback, stylegan2
from installation.latent.likeness import Eye, resized
from installation.live.plan import MEMORIES, Plan
from installation.memory import Memory
from installation.networks.encoder import looked_at, open_encoder
from installation.settings import Part, SettingsError
from installation.signals import Controls

STEP_S = 0.25


def made(seed: int = 3) -> feedback.Feedback:
    generator: feedback.Feedback = make("feedback", seed=seed)
    return generator


def play(one: feedback.Feedback, seconds: float, start_s: float = 0.0, turns: float = 0.2, **knobs: float) -> list:
    """A picture every STEP_S; the controls of the last lie in `one.last`."""
    values = {f"generator.{name}": value for name, value in knobs.items()}
    pictures = []
    for n in range(round(seconds / STEP_S)):
        one.last = Controls(start_s + n * STEP_S, values, turns)
        pictures.append(one.render(one.last).pixels.clone())
    return pictures


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().mean())


def test_two_films_of_it_are_the_same_and_another_seed_drifts_elsewhere() -> None:
    one, same = (play(made(), 3.0, camera=0.0) for _ in range(2))
    assert all(a.equal(b) for a, b in zip(one, same, strict=True))
    one, other = (made(seed)._side(2.0) for seed in (3, 4))
    assert not torch.allclose(one, other, atol=0.1)


def test_without_feedback_the_generator_behind_paints_bit_for_bit() -> None:
    assert all(picture.equal(play(made(), STEP_S)[0]) for picture in play(made(), 2.0, feedback=0.0))


def test_what_it_remembers_comes_nearer_to_what_is_seen_in_its_picture() -> None:
    one = made()
    play(one, 2 * STEP_S, drift=0.0, hold=0.0)
    seen, before = one._restored(one._read), one.memory
    play(one, STEP_S, 2 * STEP_S, drift=0.0, hold=0.0)
    assert (one.memory - seen).norm() < 0.5 * (before - seen).norm()


def test_what_holds_keeps_what_it_began_with_wherever_the_walk_goes() -> None:
    one = made()
    first = play(one, 1.0, hold=1.0, feedback=1.0)[-1]
    assert play(one, 1.0, 1.0, turns=0.7, hold=1.0, feedback=1.0)[-1].equal(first)
    assert not play(one, 1.0, 2.0, turns=0.7, hold=0.0, feedback=1.0)[-1].equal(first)


def stubborn() -> feedback.Feedback:
    """One that sees the same in whatever it looks at."""
    one = made()
    one.encoder.read.weight.zero_()
    one.encoder.read.bias.fill_(1.0)
    return one


def test_drift_keeps_it_moving_where_it_would_come_to_rest() -> None:
    still, moved = (play(stubborn(), 8.0, drift=drift, escape=0.0, hold=0.2, feedback=1.0) for drift in (0.0, 1.0))
    assert apart(still[-4], still[-1]) < 0.01 < 0.1 * apart(moved[-8], moved[-1])


def test_from_a_fixed_point_it_is_pushed_away_and_without_escape_it_stays() -> None:
    for escape in (0.0, 1.0):
        one, seen = stubborn(), []
        for n in range(70):
            play(one, STEP_S, n * STEP_S, drift=0.0, hold=0.0, escape=escape, feedback=1.0)
            seen.append(one.novelty)
        rests = next(n for n, novelty in enumerate(seen) if n > 8 and novelty < feedback.SAME)
        assert (max(seen[rests:]) > 2 * feedback.SAME) == (escape > 0)


def test_the_camera_draws_it_by_a_w_and_no_pixel_of_it_is_kept() -> None:
    room = np.random.RandomState(1).randint(0, 255, (96, 128, 3)).astype(np.uint8)
    one = made()
    one.look = lambda: room
    play(one, 8.0, drift=0.0, hold=0.0, camera=1.0, feedback=1.0)
    planes = torch.from_numpy(room).permute(2, 0, 1)[None].float() / 127.5 - 1
    seen = one._restored(one.encoder.invert(planes))
    assert (one.memory - seen).norm() < 0.05 * one.reach
    kept = [value for value in vars(one).values() if isinstance(value, (torch.Tensor, np.ndarray))]
    assert max(value.size if isinstance(value, np.ndarray) else value.numel() for value in kept) <= 24 * 24


def test_nobody_looks_while_the_knob_is_at_0() -> None:
    one, looked = made(), []
    one.look = lambda: looked.append(1)
    play(one, 1.0, camera=0.0)
    assert not looked and not one.wants_camera
    play(one, 0.5, 1.0)
    assert looked and one.wants_camera


def test_a_moment_has_the_memory_in_its_values_and_comes_back_bit_for_bit() -> None:
    one = made()
    shown = play(one, 5.0)[-1]
    memory = Memory(Plan.bytes_of(64))
    studio, show = (Plan(memory, 64) for _ in range(2))
    for number in range(MEMORIES):
        studio.note({number: np.zeros(24), 40 + number: one.memory_of(one.last)})
    values = show.memory_of(43)
    assert len(values) == 24 and show.memory_of(39) == {}
    moment = Controls(one.last.time_s, one.last.values | values, one.last.turns)
    again = made()
    for before_s in (0.5, 0.25, 0.0):  # as the print leads up to it
        picture = again.render(Controls(moment.time_s - before_s, moment.values, moment.turns)).pixels
    assert picture.equal(shown)
    assert not made().render(one.last).pixels.equal(shown), "without its memory it is another picture"


def test_the_point_of_a_picture_is_known_while_the_show_goes_on() -> None:
    one = made()
    play(one, 2.0)
    then, point = one.last, one.where(one.last)
    play(one, 1.0, 2.0)
    assert one.where(then).equal(point) and not one.where(one.last).equal(point)


def test_time_that_jumps_and_pictures_that_are_forgotten_do_no_harm() -> None:
    one = made()
    first = play(one, 3.0)
    play(one, 1.0, 5000.0)
    play(one, 1.0, 2.0)
    one.reset()
    assert all(a.equal(b) for a, b in zip(first, play(one, 3.0), strict=True))


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A small StyleGAN2 `g`, and its encoder."""
    monkeypatch.chdir(tmp_path)
    folder = small.save(make("stylegan2").net, "stylegan2", tmp_path / "models" / "g")
    card = weights.read_config(folder)
    encoder = small.save(small.small_encoder(), "encoder", tmp_path / "models" / "g-encoder")
    told = (
        (encoder / "model.toml")
        .read_text()
        .replace("[network]", f'of = "g"\nof_sha256 = "{card["sha256"]}"\n[network]')
    )
    (encoder / "model.toml").write_text(told)
    return tmp_path / "models"


def test_a_show_names_the_generator_and_its_encoder_is_found(models) -> None:
    one = feedback.create(feedback.Settings(Part("stylegan2", {"model": "g", "dtype": "float32"})), (), None, "cpu", 3)
    assert play(one, 1.0)[-1].shape == (3, 32, 32)
    assert {"generator.feedback", "generator.x"} <= set(one.knobs) and feedback.SHARE not in one.knobs


def test_another_models_encoder_and_what_has_no_w_are_refused_in_one_line(models) -> None:
    with pytest.raises(weights.WeightsError, match=r"reads pictures of g .*train encoder MODEL") as refused:
        open_encoder("g-encoder", "0" * 64)
    assert "\n" not in str(refused.value)
    with pytest.raises(weights.WeightsError, match="expected an encoder"):
        open_encoder("g", "0" * 64)
    with pytest.raises(SettingsError, match="cannot stand behind feedback"):
        feedback.create(feedback.Settings(Part("feedback")))
    with pytest.raises(SettingsError, match="needs a generator with w"):
        feedback.create(feedback.Settings(Part("pattern")))


def test_an_encoder_looks_at_the_middle_square_of_any_picture() -> None:
    wide = torch.zeros(1, 3, 40, 100)
    wide[..., 30:70] = 1.0
    assert looked_at(wide, 32).min() > 0.9


def test_the_encoder_that_comes_along_reads_the_default_models_pictures() -> None:
    """Its w is nearer to the picture than the average w is, for pictures by chance, as LPIPS sees it."""
    generator = stylegan2.create(stylegan2.Settings(dtype="float32"), device="cpu")
    encoder, eye = open_encoder("bloom-encoder", generator.weights_sha256), Eye()
    nearer = 0
    with torch.inference_mode():
        average = generator.painted(generator.latent.average.expand(generator.latent.rows, -1))
        for w in generator.samples(6, seed=40):
            picture = generator.painted(w.expand(generator.latent.rows, -1))
            again = generator.painted(encoder.invert(picture).expand(generator.latent.rows, -1))
            seen, *others = (eye.look(resized(one, (64, 64))) for one in (picture, again, average))
            ours, theirs = (float(eye.apart(seen, other)) for other in others)
            nearer += ours < 0.8 * theirs
    assert nearer == 6
