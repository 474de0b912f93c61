"""The commands around the show: effects check, the OSC table in the docs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from installation.__main__ import main

ROOT = Path(__file__).resolve().parent.parent
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """run(words): the exit code of a command, what it said and what it complained of."""

    def do(*words: str) -> tuple[int, str, str]:
        return main(list(words)), *capsys.readouterr()

    return do


def test_effects_check_says_ok_or_why_not_and_fails_when_one_does(run: Run, tmp_path: Path) -> None:
    good = ROOT / "shaders" / "effects" / "grain.fs"
    bad = tmp_path / "typo.fs"
    bad.write_text(
        '/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/\nvoid main() {\n  gl_FragColor = vec5(1.0);\n}\n'
    )
    assert run("effects", "check", str(good))[0] == 0
    code, said, _ = run("effects", "check", str(good), str(bad))
    lines = said.strip().splitlines()
    assert code == 1 and len(lines) >= 2 and "ok" in lines[0]
    assert "typo.fs" in said and ":3" in said


def test_a_fixture_sheet_is_written_in_each_form_that_its_name_asks_for(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    show = tmp_path / "mine.toml"
    more = '[dmx]\nuniverse = 7\naddress = 201\nknobs = ["generator.x"]\n'
    show.write_text('[generator]\nname = "pattern"\n[[cues]]\nnumber = "1"\n' + more)
    code, said, _ = run("desk", "sheet", "a.pdf", "b.PNG", "c.csv", "d.gdtf", "--show", str(show))
    assert code == 0 and said.splitlines() == [f"wrote {name}" for name in ("a.pdf", "b.PNG", "c.csv", "d.gdtf")]
    starts = {"a.pdf": b"%PDF", "b.PNG": b"\x89PNG", "c.csv": b"channel,", "d.gdtf": b"PK"}
    assert all((tmp_path / name).read_bytes().startswith(start) for name, start in starts.items())
    assert "210-211,10-11,Knob 1,16,0,0,65535,generator.x" in (tmp_path / "c.csv").read_text()
    code, _, complained = run("desk", "sheet", "a.xlsx", "--show", str(show))
    assert code == 2 and ".pdf, .png, .csv, .gdtf" in complained
    show.write_text(show.read_text().replace("generator.x", "generator.xx"))
    code, _, complained = run("desk", "sheet", "e.pdf", "--show", str(show))
    assert code == 2 and "did you mean 'generator.x'?" in complained
    assert not (tmp_path / "e.pdf").exists()


def test_the_page_shows_the_osc_table_of_the_default_show(run: Run) -> None:
    page = (ROOT / "docs/desks.md").read_text("utf-8")
    shown = page.partition("<!-- osc-table -->\n")[2].partition("<!-- /osc-table -->")[0]
    assert shown.strip() == run("live", "--osc-table")[1].strip()
