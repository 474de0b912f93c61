"""The doctor as people call it: two ways to say the same, a verdict, an exit code, and nothing missing that is here."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installation.machine import doctor
from installation.machine.doctor import desk, finding, wired
from installation.machine.doctor.finding import Finding

ROOT = Path(__file__).resolve().parents[2]
NOTES = (
    Finding("machine", "ok", "here"),
    Finding("camera", "note", "none", "do", "none"),
    Finding("monitor", "note", "HDMI-A-1: connected, but asleep", "do", "asleep"),
)


@functools.cache
def consult(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What it says, in a process of its own, and on stderr what was imported; the same question is asked once."""
    command = [sys.executable, "-X", "importtime", "-m", "installation", "doctor", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=180, cwd=ROOT, env=os.environ | environment, encoding="utf-8"
    )


def test_a_machine_that_is_set_up_is_ready_and_nothing_is_called_missing() -> None:
    told, table = consult(PYTHONUTF8="1"), json.loads(consult("--json").stdout)
    missing = [f for f in table["findings"] if f["state"] == "missing"]
    assert told.returncode == 0 and table["ready"] and not missing
    subjects = {f["subject"] for f in table["findings"]}
    assert {"machine", "disk", "OpenGL", "GPU", "monitor", "camera", "microphone", "model", "OSC"} <= subjects
    assert told.stdout.rstrip().splitlines()[-1].startswith("Ready: ")


def test_its_json_says_the_same_and_every_line_that_is_not_well_says_what_to_do() -> None:
    told, table = consult(PYTHONUTF8="1"), json.loads(consult("--json").stdout)
    assert set(table) == {"version", "ready", "verdict", "findings"}
    for found in table["findings"]:
        assert set(found) == {"part", "subject", "state", "found", "advice", "cause"}
        assert found["subject"] in told.stdout and found["part"] in told.stdout
        assert found["state"] == "ok" or (found["advice"] and found["cause"]), f"{found} says no way out"
        if found["subject"] not in ("disk", "microphone"):  # these change between two calls
            assert found["found"] in told.stdout and found["advice"] in told.stdout


def test_torch_is_not_imported_before_the_first_line() -> None:
    answer = consult(PYTHONUTF8="1")
    imported = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    assert answer.returncode == 0 and not {"torch", "scipy", "cv2"} & imported


def test_lines_are_printed_as_they_are_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    seen = []

    def late(subject: str) -> Iterator[Finding]:
        seen.append(capsys.readouterr().out)
        yield Finding(subject, "ok", "here")

    parts = {"first": {"early": lambda s: iter([Finding(s, "ok", "at once")])}, "second": {"late": late}}
    monkeypatch.setattr(doctor, "PARTS", parts)
    assert doctor.main(doctor.Namespace(json=False)) == 0
    assert "at once" in seen[0] and "here" not in seen[0]


def test_the_report_is_aligned_and_names_a_part_and_a_subject_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [Finding("model", "ok", "bloom"), Finding("model", "note", "nima", "curl", "optional")]
    monkeypatch.setattr(doctor, "PARTS", {"weights": {"model": lambda s: iter(models)}})
    assert doctor.main(doctor.Namespace(json=False)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:3]] == [[], ["weights"], [lines[2].split()[0], "model", "bloom"]]
    assert lines[2].index("bloom") == lines[3].index("nima") and "model" not in lines[3]
    assert lines[4].strip().endswith("curl") and len(lines) == 7


def test_the_verdict_names_what_is_missing_and_what_does_not_work_as_it_is() -> None:
    assert doctor.conclude(NOTES[:2]) == "Ready: the show and the print chain can run."
    assert "To look at: monitor (asleep)" in doctor.conclude(NOTES)
    lost = Finding("model", "missing", "bloom   for the show: not here", "copy it", "absent")
    assert "Not ready: model bloom." in doctor.conclude([*NOTES, lost])


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("note", 0), ("missing", 1)])
@pytest.mark.parametrize("as_json", [False, True])
def test_only_what_is_missing_makes_the_exit_code_one(
    monkeypatch: pytest.MonkeyPatch, state: str, code: int, as_json: bool
) -> None:
    monkeypatch.setattr(doctor, "PARTS", {"part": {"thing": lambda s: iter([Finding(s, state, "so", "do", "asleep")])}})
    assert doctor.main(doctor.Namespace(json=as_json)) == code


@pytest.mark.parametrize(
    ("error", "state"),
    [(RuntimeError("the driver fell over"), "note"), (ImportError("No module named 'glfw'"), "missing")],
)
def test_an_examination_that_breaks_is_a_line_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, error: Exception, state: str
) -> None:
    def broken(subject: str) -> Iterator[Finding]:
        raise error

    parts: dict[str, dict[str, Callable]] = {
        "part": {"first": broken, "second": lambda s: iter([Finding(s, "ok", "fine")])}
    }
    monkeypatch.setattr(doctor, "PARTS", parts)
    first, second = doctor.examine("part")
    assert first.state == state and str(error) in first.found and first.advice
    assert second.state == "ok"


def test_where_marks_cannot_be_printed_words_stand_for_them() -> None:
    plain = consult(PYTHONIOENCODING="ascii")
    assert plain.returncode == 0 and "  ok      machine" in plain.stdout and "  note    " in plain.stdout
    assert "✓" in consult(PYTHONUTF8="1").stdout


def test_every_cause_that_is_looked_at_is_one_that_is_found() -> None:
    folder = Path(doctor.__file__).parent
    text = "".join(path.read_text("utf-8") for path in folder.glob("*.py") if path.stem != "finding")
    assert all(f'"{cause}"' in text for cause in finding.UNWELL)


@pytest.mark.parametrize(("name", "kind"), desk.KINDS.items())
def test_either_of_the_desks_ports_may_be_taken_by_another_program(
    monkeypatch: pytest.MonkeyPatch, name: str, kind: int
) -> None:
    import socket

    from installation import settings

    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        taken = settings.Osc(port=other.getsockname()[1])
        monkeypatch.setattr(settings, "Osc", lambda: taken)
        monkeypatch.setattr(desk, "ANSWER_S", 0.05)
        (found,) = desk.look_at_ports("OSC")
    assert found.state == "missing" and f"{name} port {taken.port} is taken" in found.found and found.advice


def test_a_show_that_runs_here_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    from installation import settings
    from installation.control.desk import Desk
    from installation.signals import Knob

    running = Desk(settings.Osc(port=0), {"a.b": Knob("a.b", 0.0, 1.0, 0.0, "a knob")}, ())
    running.start()
    try:
        taken = settings.Osc(port=running.port)
        monkeypatch.setattr(settings, "Osc", lambda: taken)
        monkeypatch.setattr(desk, "ANSWER_S", 20.0)
        (found,) = desk.look_at_ports("OSC")
    finally:
        running.close()
    assert found.state == "ok" and "a show is running" in found.found


def test_midi_ports_are_named_and_a_system_that_hangs_is_a_note() -> None:
    assert wired.judge_midi("MIDI", False, None).cause == "optional"
    assert wired.judge_midi("MIDI", True, None).unwell and wired.judge_midi("MIDI", True, "oops").unwell
    assert wired.judge_midi("MIDI", True, "[]\n").cause == "none"
    found = wired.judge_midi("MIDI", True, 'JACK said something\n["a", "b", "c", "d", "e"]\n')
    assert found.state == "ok" and found.found == "a, b, c, d and 1 more"
