"""The commands around the show: doctor, bench, effects check, the OSC table in the README."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from installation import settings
from installation.machine import doctor

ROOT = Path(__file__).resolve().parent.parent


def run(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "installation", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=cwd)


def test_the_doctor_lists_every_part_and_its_json_says_the_same() -> None:
    told, table = run("doctor"), json.loads(run("doctor", "--json").stdout)
    subjects = {finding["subject"] for finding in table["findings"]}
    assert {"machine", "OpenGL", "camera", "microphone", "model", "OSC"} <= subjects
    for finding in table["findings"]:
        assert finding["subject"] in told.stdout
        assert finding["state"] == "ok" or finding["advice"], f"{finding} says no way out"


def test_the_doctor_calls_a_machine_without_opengl_ill(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(**_: object) -> None:
        raise Exception("libEGL.so.1 not found")

    monkeypatch.setattr("moderngl.create_context", nothing)
    (finding,) = doctor.EXAMINATIONS["OpenGL"]("OpenGL")
    assert finding.state == "missing" and "libEGL" in finding.found and finding.advice


@pytest.mark.parametrize(("name", "kind"), [("UDP", socket.SOCK_DGRAM), ("TCP", socket.SOCK_STREAM)])
def test_the_doctor_finds_either_of_the_desks_ports_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, kind: int
) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        taken = settings.Osc(port=other.getsockname()[1])
        monkeypatch.setattr(settings, "Osc", lambda: taken)
        (finding,) = doctor.EXAMINATIONS["OSC"]("OSC")
    assert finding.state == "missing" and f"{name} port {taken.port} is taken" in finding.found


def test_the_bench_table_and_its_json_name_every_part_of_a_frame(tmp_path: Path) -> None:
    answer = run("bench", "live", "--frames", "3", "--json", str(tmp_path / "bench.json"))
    assert answer.returncode == 0, answer.stderr
    rows = {row["part"].strip(): row["median_ms"] for row in json.loads((tmp_path / "bench.json").read_text())["rows"]}
    for part in ("generator", "generator + bends", "effects", "upload", "present", "feature sound", "loop total"):
        assert any(name.startswith(part) for name in rows), f"no {part} in {sorted(rows)}"
    assert all(ms > 0 for ms in rows.values()) and "plain eager float32 generator" in rows


def test_effects_check_says_ok_or_why_not_and_fails_when_one_does(tmp_path: Path) -> None:
    good = ROOT / "shaders" / "effects" / "grain.fs"
    bad = tmp_path / "typo.fs"
    bad.write_text(
        '/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/\nvoid main() {\n  gl_FragColor = vec5(1.0);\n}\n'
    )
    assert run("effects", "check", str(good)).returncode == 0
    answer = run("effects", "check", str(good), str(bad))
    lines = answer.stdout.strip().splitlines()
    assert answer.returncode == 1 and len(lines) >= 2 and "ok" in lines[0]
    assert "typo.fs" in answer.stdout and ":3" in answer.stdout


def test_the_readme_shows_the_osc_table_of_the_default_show() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = readme.partition("<!-- osc-table -->\n")[2].partition("<!-- /osc-table -->")[0]
    assert shown.strip() == run("live", "--osc-table").stdout.strip()
