"""The packaged performance moves every feature, rests sometimes, and loops without a seam."""

import numpy as np
import pytest

from installation import plugins
from installation.inputs import recording


@pytest.fixture(scope="module")
def played():
    made = recording.create(recording.Settings())
    made.start()
    return made


def test_it_lasts_thirty_seconds_and_speaks_every_feature_of_hands_motion_and_sound(played):
    assert played.length_s == pytest.approx(30.0, abs=0.1) and played.alive
    for name in ("hands", "motion", "sound"):
        module = plugins.load("features", name)
        extractor = module.create(module.Settings())
        assert set(extractor.names) <= set(played.names)


def test_every_value_is_between_0_and_1_at_every_instant(played):
    for now_s in np.arange(0, 70, 0.173):
        assert all(0.0 <= value <= 1.0 for value in played.read(float(now_s)).values())


def test_it_loops_without_a_seam(played):
    frames = np.array(
        [[v for n, v in played.read(t).items() if n.startswith("hands")] for t in np.arange(0, 60, 1 / 60)]
    )
    steps = np.abs(np.diff(frames, axis=0)).max(axis=1)
    assert steps[1795:1805].max() <= steps.max() * 0.5
    assert played.read(3.3) == pytest.approx(played.read(33.3), abs=1e-4)


def test_the_hands_come_play_stand_still_and_go(played):
    times = np.arange(0, 30, 0.04)
    at = {n: np.array([played.read(t)[n] for t in times]) for n in played.names if n.startswith("hands")}
    assert at["hands.count"].max() == 1.0 and at["hands.count"][[0, -1]].max() == 0.0
    assert at["hands.right.pinch"].max() > 0.9 and np.ptp(at["hands.right.height"]) > 0.7
    here = at["hands.right.present"] > 0.9
    assert (at["hands.right.speed"][here] < 0.06).mean() > 0.1 and at["hands.right.speed"].max() > 0.3


def test_the_beat_phase_goes_round_and_never_back(played):
    phases = np.array([played.read(t)["sound.beat"] for t in np.arange(0, 61, 0.013)])
    steps = (np.diff(phases) + 0.5) % 1.0 - 0.5
    assert steps == pytest.approx(np.full(len(steps), 0.013 * 96 / 60), abs=4e-3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "time_s,a\n",
        "time_s,a\n0,x\n1,1\n",
        "a,b\n0,1\n1,1\n",
        "time_s,a\n0,1\n1,nan\n",
        "time_s,a\n0,1,1\n1,1,1\n",
        "time_s,a\n0,1\n0,1\n",
        'time_s,"a\n' + "0,1\n" * 50_000,
    ],
    ids=lambda text: repr(text)[:40],
)
def test_a_torn_recording_is_one_fault_and_gives_nothing(tmp_path, text):
    (tmp_path / "torn.csv").write_text(text)
    made = recording.create(recording.Settings(file=str(tmp_path / "torn.csv")))
    made.start()
    assert made.read(0.0) is None and made.faults == {"recording": 1}


def test_a_table_saved_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "saved.csv").write_text("time_s,a\n0,0\n1,1\n", "utf-8-sig")
    made = recording.create(recording.Settings(file=str(tmp_path / "saved.csv")))
    made.start()
    assert made.read(0.5) == {"a": 0.5} and not made.faults
