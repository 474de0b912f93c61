"""The commands around the show: effects check, the OSC table in the docs."""

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


def test_a_fixture_sheet_is_written_in_each_form_that_its_name_asks_for(tmp_path: Path) -> None:
    show = tmp_path / "mine.toml"
    more = '[dmx]\nuniverse = 7\naddress = 201\nknobs = ["generator.x"]\n'
    show.write_text('[generator]\nname = "pattern"\n[[cues]]\nnumber = "1"\n' + more)
    answer = run("desk", "sheet", "a.pdf", "b.PNG", "c.csv", "d.gdtf", "--show", str(show), cwd=tmp_path)
    assert answer.returncode == 0 and answer.stdout.splitlines() == [
        f"wrote {name}" for name in ("a.pdf", "b.PNG", "c.csv", "d.gdtf")
    ]
    starts = {"a.pdf": b"%PDF", "b.PNG": b"\x89PNG", "c.csv": b"channel,", "d.gdtf": b"PK"}
    assert all((tmp_path / name).read_bytes().startswith(start) for name, start in starts.items())
    assert "210-211,10-11,Knob 1,16,0,0,65535,generator.x" in (tmp_path / "c.csv").read_text()
    answer = run("desk", "sheet", "a.xlsx", "--show", str(show), cwd=tmp_path)
    assert answer.returncode == 2 and ".pdf, .png, .csv, .gdtf" in answer.stderr
    show.write_text(show.read_text().replace("generator.x", "generator.xx"))
    answer = run("desk", "sheet", "e.pdf", "--show", str(show), cwd=tmp_path)
    assert answer.returncode == 2 and "did you mean 'generator.x'?" in answer.stderr
    assert not (tmp_path / "e.pdf").exists()


def test_the_page_shows_the_osc_table_of_the_default_show() -> None:
    page = (ROOT / "docs/desks.md").read_text("utf-8")
    shown = page.partition("<!-- osc-table -->\n")[2].partition("<!-- /osc-table -->")[0]
    assert shown.strip() == run("live", "--osc-table").stdout.strip()
