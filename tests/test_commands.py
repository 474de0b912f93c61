"""The commands around the show: effects check, the OSC table in the README."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "installation", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=cwd)


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
