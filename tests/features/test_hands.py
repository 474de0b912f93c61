"""Hands on film and photographs are found, named, smoothed, let go gently, and followed by a process that may die."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from installation import weights
from installation.features import hands
from installation.features.euro import OneEuro
from installation.features.hand_shape import shape_of
from installation.features.hand_tracker import HandTracker, TrackerSettings
from installation.signals import CameraFrame


def flat_hand(x: float, y: float, size: float = 0.1) -> np.ndarray:
    """An upright open hand as 21 landmarks around (x, y)."""
    points = np.zeros((21, 3), np.float32)
    for finger in range(5):
        for joint in range(4):
            points[1 + 4 * finger + joint] = (finger - 2) * 0.3 * (1 + 0.3 * joint), -0.6 - 0.35 * joint, 0
    points[0] = 0, 0.5, 0
    points[1:5, 0] -= 0.8
    return points * size + np.array([x, y, 0], np.float32)


def played(extractor: hands.Hands, frames: list[CameraFrame]) -> np.ndarray:
    return np.array([list(extractor.extract(frame, frame.time_s).values()) for frame in frames])


def synchronous() -> hands.Hands:
    made = hands.create(hands.Settings(synchronous=True))
    made.start()
    return made


@pytest.fixture(scope="module")
def spelled(clip):
    """Features of a whole film of one fingerspelling hand."""
    frames = clip("asl_hand.25fps.mp4", 125, every=2)
    made = synchronous()
    values = played(made, frames)
    made.close()
    return frames, dict(zip(made.names, values.T, strict=True)), values


def test_a_hand_is_present_in_nearly_every_frame_of_a_film_of_one_hand(spelled):
    _, at, _ = spelled
    present = np.maximum(at["hands.left.present"], at["hands.right.present"])
    assert (present > 0.5).mean() >= 0.95 and (at["hands.count"] >= 0.5).mean() >= 0.95


def test_one_hand_keeps_one_name(spelled):
    _, at, _ = spelled
    assert min((at["hands.left.present"] > 0.5).mean(), (at["hands.right.present"] > 0.5).mean()) < 0.02


def test_smoothed_features_do_not_flicker(spelled):
    _, at, _ = spelled
    for side in ("left", "right"):
        for name in ("x", "y", "height"):
            assert np.abs(np.diff(at[f"hands.{side}.{name}"][10:])).max() < 0.12


def test_a_film_replayed_gives_identical_features(spelled):
    frames, _, values = spelled
    again = synchronous()
    assert np.array_equal(played(again, frames[:40]), values[:40])
    again.close()


def test_two_hands_are_told_apart_by_place_and_the_second_is_soon_found(clip):
    made = synchronous()
    frames = clip("two_hands_derived.mp4", 45, every=2)
    at = dict(zip(made.names, played(made, frames).T, strict=True))
    made.close()
    assert (at["hands.count"][12:] == 1.0).mean() >= 0.9
    both = at["hands.count"] == 1.0
    assert (at["hands.left.x"] < at["hands.right.x"])[both][5:].all() and at["hands.distance"].max() > 0.2


def test_pinches_on_photographs_are_told_from_other_hands(shared):
    import cv2

    model = str(weights.hand_model())
    pinches: dict[bool, list[float]] = {True: [], False: []}
    for path in sorted(Path(shared / "data" / "hands" / "digits").glob("*.[Jj][Pp]*[Gg]")):
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        picture = cv2.resize(cv2.copyMakeBorder(picture, 40, 40, 40, 40, cv2.BORDER_REPLICATE), (480, 480))
        tracker = HandTracker(model, TrackerSettings(hands=1))
        found, _ = tracker.track(picture, 0.0)
        tracker.close()
        if len(found):
            pinches[path.name.startswith("pinch")].append(shape_of(found[0], 1.0)["pinch"])
    assert len(pinches[True]) >= 3 and len(pinches[False]) >= 12
    assert min(pinches[True]) > 0.8 and max(pinches[False]) < 0.3


def test_an_open_upright_hand_reads_as_one():
    shape = shape_of(flat_hand(0.5, 0.5), 1.0)
    assert shape["openness"] > 0.7 and shape["pinch"] == 0 and shape["roll"] == pytest.approx(0.5, abs=0.05)
    assert shape["x"] == pytest.approx(0.5, abs=0.05)


def test_a_tilted_hand_rolls_the_way_it_leans_whatever_the_picture_is_shaped_like():
    for aspect in (0.5625, 1.0, 1.7):
        turned = flat_hand(0.0, 0.0) @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]], np.float32)  # up becomes right
        turned = turned / np.array([1.0, aspect, 1.0], np.float32) + np.array([0.5, 0.5, 0], np.float32)
        assert shape_of(turned, aspect)["roll"] == pytest.approx(1.0, abs=0.05)


def seen(
    made: hands.Hands,
    now_s: float,
    *centres: tuple[float, float],
    right: tuple[float, ...] = (),
    mirrored: bool = False,
) -> dict[str, float]:
    points = np.array([flat_hand(*c) for c in centres], np.float32).reshape(-1, 21, 3)
    made._in_process = Seen(points, np.array(right or [0.5] * len(centres), np.float32))  # type: ignore[assignment]
    return made.extract(CameraFrame(np.zeros((4, 4, 3), np.uint8), now_s, 1, mirrored), now_s)


class Seen:
    """A tracker that has seen what it is told."""

    def __init__(self, points: np.ndarray, right: np.ndarray) -> None:
        self.points, self.right = points, right

    def track(self, rgb: np.ndarray, time_s: float) -> tuple[np.ndarray, np.ndarray]:
        return self.points, self.right


def test_hands_that_cross_keep_their_names_and_the_order_of_detection_does_not_matter():
    made = hands.create(hands.Settings(synchronous=True))
    for i in range(60):
        x = i / 59
        centres = [(0.2 + 0.6 * x, 0.3), (0.8 - 0.6 * x, 0.7)]
        values = seen(made, i * 0.04, *(centres if i % 2 else centres[::-1]))
    for i in range(60, 90):
        values = seen(made, i * 0.04, *centres)
    assert values["hands.left.x"] > 0.7 and values["hands.right.x"] < 0.3


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("x", [0.2, 0.5, 0.8])
def test_a_right_hand_is_right_wherever_it_comes_in_and_a_mirror_is_seen_through(x, mirrored):
    made = hands.create(hands.Settings(synchronous=True))
    for i in range(30):
        values = seen(made, i * 0.04, (x, 0.4), right=(0.03 if mirrored else 0.97,), mirrored=mirrored)
    assert values["hands.right.present"] > 0.9 and values["hands.left.present"] == 0.0
    assert values["hands.right.x"] == pytest.approx(x, abs=0.02)


@pytest.mark.parametrize(("frames", "blind"), [(60, 0), (60, 4), (16, 0), (16, 2)])
def test_hands_that_cross_at_one_height_do_not_swap_even_where_their_shapes_mislead(frames, blind):
    """Where one covers the other only one is seen for a few frames, and which it is like is anybody's guess."""
    made, guesses = hands.create(hands.Settings(synchronous=True)), np.random.default_rng(3)
    for i in range(frames):
        x = 0.2 + 0.6 * i / (frames - 1)
        right = (0.95, 0.04) if abs(x - 0.5) > 0.12 else tuple(guesses.uniform(0, 1, 2))
        centres = [(x, 0.5), (1.0 - x, 0.5)]
        if abs(i - (frames - 1) / 2) < blind / 2:
            centres, right = centres[:1], right[:1]
        order = 1 if i % 2 else -1
        values = seen(made, i * 0.04, *centres[::order], right=right[::order])
    assert values["hands.right.x"] > 0.7 and values["hands.left.x"] < 0.3 and values["hands.count"] == 1.0


def test_a_hand_that_was_taken_for_the_other_at_first_gets_its_name_and_a_glance_changes_none():
    made = hands.create(hands.Settings(synchronous=True))
    for i in range(6):
        values = seen(made, i * 0.04, (0.3, 0.4), right=(0.1,))
    assert values["hands.left.present"] > 0.5
    for i in range(6, 80):
        values = seen(made, i * 0.04, (0.3, 0.4), right=(0.97,))
    assert values["hands.right.present"] > 0.9 and values["hands.left.present"] < 0.1
    for i in range(80, 88):  # its edge is turned to the camera
        values = seen(made, i * 0.04, (0.3, 0.4), right=(0.05,))
        assert values["hands.right.present"] > 0.9 and values["hands.left.present"] < 0.1


def test_palms_on_photographs_are_told_right_from_left_by_their_thumbs(shared):
    import cv2

    model, told = str(weights.hand_model()), []
    for path in sorted(Path(shared / "data" / "hands" / "digits").glob("open*.[Jj][Pp]*[Gg]")):
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        picture = cv2.resize(cv2.copyMakeBorder(picture, 40, 40, 40, 40, cv2.BORDER_REPLICATE), (480, 480))
        for shown in (picture, np.ascontiguousarray(picture[:, ::-1])):
            tracker = HandTracker(model, TrackerSettings(hands=1))
            points, right = tracker.track(shown, 0.0)
            tracker.close()
            told += [(right[0] > 0.5) == (hand[2, 0] > hand[17, 0]) for hand in points]
    assert len(told) >= 6 and all(told)


def test_a_lost_hand_is_held_through_a_blink_and_then_eases_to_rest():
    made = hands.create(hands.Settings(synchronous=True))
    for i in range(50):
        values = seen(made, i * 0.04, (0.8, 0.2))
    assert values["hands.right.present"] > 0.99 and values["hands.right.height"] > 0.8 and values["hands.count"] == 0.5
    heights = [seen(made, 2.0 + i * 0.04)["hands.right.height"] for i in range(80)]
    assert heights[5] > 0.8, "a blink of 0.2 s shows"
    assert heights[-1] < 0.02 and np.abs(np.diff(heights)).max() < 0.12
    values = seen(made, 6.0)
    assert values["hands.right.x"] == pytest.approx(0.5, abs=0.01) and values["hands.count"] == 0.0


def test_a_hand_in_the_middle_comes_back_under_its_old_name():
    made = hands.create(hands.Settings(synchronous=True))
    for i in range(30):
        seen(made, i * 0.04, (0.47, 0.4))
    for i in range(100):
        seen(made, 1.2 + i * 0.04)
    for i in range(30):
        values = seen(made, 5.2 + i * 0.04, (0.53, 0.4))
    assert values["hands.left.present"] > 0.9 and values["hands.right.present"] < 0.1
    for i in range(30):
        values = seen(made, 9 + i * 0.04, (0.8, 0.4))
    assert values["hands.right.present"] > 0.9


def test_a_clock_that_begins_anew_does_not_stop_the_hands():
    made = hands.create(hands.Settings(synchronous=True))
    for i in range(50):
        seen(made, 100 + i * 0.04, (0.8, 0.2))
    before = seen(made, 102.0, (0.8, 0.2))
    after = [seen(made, i * 0.04, (0.8, 0.5)) for i in range(50)]
    assert after[0] == pytest.approx(before, abs=0.05)
    assert after[-1]["hands.right.height"] < 0.6 and after[-1]["hands.right.present"] > 0.99
    gone = [seen(made, 2 + i * 0.04) for i in range(80)]
    assert gone[-1]["hands.right.present"] < 0.02


def test_a_new_hand_does_not_slide_in_from_where_the_last_one_went():
    made = hands.create(hands.Settings(synchronous=True))
    for i in range(50):
        seen(made, i * 0.04, (0.9, 0.8))
    for i in range(100):
        seen(made, 2 + i * 0.04)
    xs = [seen(made, 6 + i * 0.04, (0.55, 0.2))["hands.right.x"] for i in range(20)]
    assert max(xs) < 0.6


def test_a_tracker_process_that_is_killed_is_counted_once_and_comes_back(shared, wait_for):
    import cv2

    picture = cv2.cvtColor(cv2.imread(str(shared / "data" / "hands" / "asl_point.jpg")), cv2.COLOR_BGR2RGB)
    picture = cv2.resize(picture, (360, int(360 * picture.shape[0] / picture.shape[1])))
    made = hands.create(hands.Settings(rate_hz=1000, idle_rate_hz=1000))
    made.start()
    clock = iter(np.arange(1, 100_000) * 0.02)

    def values() -> dict[str, float]:
        now_s = float(next(clock))
        return made.extract(CameraFrame(picture, now_s, 1), now_s)

    wait_for(lambda: values()["hands.count"] > 0)
    pid = made.pids[0]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: values()["hands.count"] == 0)
    wait_for(lambda: values()["hands.count"] > 0)
    assert made.pids not in ([], [pid]) and made.faults == {"hands": 1}
    made.close()


def test_the_tracker_is_renewed_without_a_gap(wait_for):
    made = hands.create(hands.Settings(renew_s=0.0))
    made.start()
    wait_for(lambda: made.ready)
    pid, clock = made.pids[0], iter(range(1, 100_000))

    def renewed() -> bool:
        now_s = 0.2 * next(clock)
        made.extract(CameraFrame(np.zeros((90, 160, 3), np.uint8), now_s, 1), now_s)
        assert made.ready
        return made.pids != [pid]

    wait_for(renewed)
    assert not made.faults
    made.close()


@pytest.mark.parametrize("reason", [weights.WeightsError, RuntimeError, PermissionError])
def test_without_a_model_the_show_goes_on_and_says_so_once(monkeypatch, wait_for, caplog, reason):
    def nothing(progress=None):
        raise reason("no network here")

    monkeypatch.setattr(weights, "hand_model", nothing)
    made = hands.create(hands.Settings())
    made.start()
    wait_for(lambda: made.ready)
    values = made.extract(CameraFrame(np.zeros((90, 160, 3), np.uint8), 0.0, 1), 0.0)
    assert (
        values["hands.count"] == 0 and made.faults == {"hands model": 1} and caplog.text.count("no network here") == 1
    )
    made.close()


def test_landmarks_that_are_not_numbers_are_passed_over():
    shown = []
    for broken in (False, True):
        made = hands.create(hands.Settings(synchronous=True))
        for i in range(40):
            values = seen(made, i * 0.04, (0.5 + 0.01 * i, 0.4))
            if broken and i == 20:
                made._in_process.points[:] = np.nan
                values = made.extract(CameraFrame(np.zeros((4, 4, 3), np.uint8), 0.81, 1), 0.81)
        shown.append(values)
    assert shown[1] == pytest.approx(shown[0], abs=0.02)


def test_the_one_euro_filter_forgets_a_value_that_is_no_number():
    for bad in (np.nan, np.inf):
        smooth = OneEuro()
        values = [smooth(v, i / 25) for i, v in enumerate([0.1, 0.2, bad, 0.3, 0.3, 0.3])]
        assert np.isfinite(values).all() and values == sorted(values)
        assert np.isnan(OneEuro()(bad, 0.0))


def test_the_one_euro_filter_calms_a_still_hand_and_follows_a_fast_one():
    random, smooth = np.random.default_rng(1), OneEuro(1.6, 3.0)
    still = np.array([smooth(0.5 + 0.01 * random.standard_normal(), i / 25) for i in range(200)])
    assert still[50:].std() < 0.004
    fast = [smooth(min(1.0, 0.5 + 2.0 * i / 25), 8 + i / 25) for i in range(15)]
    assert fast[8] > 0.85
