"""What the wheel installs, away from the checkout: every command works there, and none writes into the package."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import installation

ROOT = Path(__file__).resolve().parent.parent
PATHS = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Installed:
    """A new environment with the wheel in it, and a folder elsewhere where somebody works."""

    environment: Path
    cwd: Path

    @property
    def site(self) -> Path:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.environment / "lib" / version / "site-packages"

    @property
    def package(self) -> Path:
        return self.site / "installation"

    def start(self, program: str, *words: str) -> subprocess.Popen[str]:
        """A program of the environment, which knows nothing of the checkout."""
        environ = {name: value for name, value in os.environ.items() if name not in PATHS}
        environ |= {"XDG_DATA_HOME": str(self.cwd / "share"), "PYTHONUNBUFFERED": "1"}
        command = [str(self.environment / "bin" / program), *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=self.cwd, env=environ)

    def run(self, *words: str, program: str = "installation") -> str:
        """What a command that succeeds prints."""
        process = self.start(program, *words)
        told, complained = process.communicate(timeout=400)
        assert process.returncode == 0, told + complained
        return told

    def listing(self) -> dict[str, int]:
        """Every file of the package, and when it was written."""
        return {str(path): path.stat().st_mtime_ns for path in sorted(self.package.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make dist` makes, the wheel out of the sdist, in an environment that is lent this one's other packages."""
    folder = tmp_path_factory.mktemp("dist")
    python, home = sys.executable, folder / "environment"
    subprocess.run([python, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    assert list(folder.glob("*.tar.gz"))
    subprocess.run([python, "-m", "venv", "--without-pip", home], check=True)
    pip = [python, "-m", "pip", "--python", home / "bin" / "python", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, wheel], check=True, env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    # Named in a .pth file, a folder's own .pth files are not read: the editable install of the checkout stays unseen.
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Installed(home, folder).site / "lent.pth").write_text("\n".join(lent) + "\n")
    return home


@pytest.fixture
def installed(environment: Path, tmp_path: Path) -> Iterator[Installed]:
    here = Installed(environment, tmp_path)
    before = here.listing()
    yield here
    assert here.listing() == before, "something was written into the installed package"


def test_the_package_lies_in_its_environment_and_the_checkout_on_no_path(installed: Installed) -> None:
    asked = "import installation, json, sys; print(json.dumps([installation.__file__, *sys.path]))"
    file, *path = json.loads(installed.run("-c", asked, program="python"))
    assert Path(file).parent == installed.package
    assert not [entry for entry in path if entry and (Path(entry) / "pyproject.toml").is_file()], path


def test_the_version_and_the_extras_are_those_of_the_checkout(installed: Installed) -> None:
    assert installed.run("--version").strip() == f"installation {installation.__version__}"
    card = PathDistribution(installed.site / f"installation-{installation.__version__}.dist-info")
    assert card.version == installation.__version__
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert set(card.metadata.get_all("Provides-Extra") or ()) == set(extras)
    assert any(line.startswith("ray") and "cluster" in line for line in card.requires or ())
    assert {"Summary", "License-Expression", "License-File", "Classifier", "Description-Content-Type"} <= {
        *card.metadata
    }


def test_what_lies_beside_the_package_travels_inside_it_and_weights_with_their_terms(installed: Installed) -> None:
    beside = [
        *(ROOT / "shaders").rglob("*.*"),
        *(ROOT / "calibration").glob("*.toml"),
        *ROOT.glob("models/*/model.toml"),
    ]
    for file in (*beside, ROOT / "models" / "bloom" / "ATTRIBUTION.tsv"):
        assert (installed.package / file.relative_to(ROOT)).read_bytes() == file.read_bytes()


def test_the_show_plays(installed: Installed) -> None:
    options = ("--camera", "none", "--microphone", "none", "--osc-port", "0", "--report", "report.json")
    installed.run("live", "--headless", "--seconds", "2", *options)
    assert json.loads((installed.cwd / "report.json").read_text())["frames_presented"] > 0


def test_cutouts_become_a_print_whose_takes_can_be_chosen(installed: Installed) -> None:
    cutouts = installed.cwd / "cutouts"
    cutouts.mkdir()
    y, x = np.mgrid[-1:1:160j, -1:1:160j]
    for name, inside, colour in (("disc", x**2 + y**2 < 0.7, (200, 60, 30)), ("bar", abs(x - y) < 0.4, (30, 90, 160))):
        rgb = np.array(colour) * (0.7 + 0.3 * np.sin(9 * x * y))[..., None]
        Image.fromarray(np.dstack([rgb, 255 * inside]).astype(np.uint8)).save(cutouts / f"{name}.png")
    style = ("--style", str(cutouts / "disc.png"))
    installed.run("still", "cutouts", *style, "--effort", "proof", "--size", "96x96", "--variants", "1", "--seed", "3")
    (made,) = (installed.cwd / "prints").glob("*.tif")
    assert Image.open(made).size == (96, 96)
    page = installed.start("installation", "select", "prints", "--no-browser")
    assert page.stdout
    assert "http://127.0.0.1:" in page.stdout.readline()
    page.send_signal(signal.SIGINT)
    _, complained = page.communicate(timeout=60)
    assert "Traceback" not in complained


def test_the_doctor_finds_what_came_along(installed: Installed) -> None:
    process = installed.start("installation", "doctor", "--json")
    findings = json.loads(process.communicate(timeout=400)[0])["findings"]
    well = [f"{finding['subject']} {finding['found']}" for finding in findings if finding["state"] == "ok"]
    for part in ("OpenGL", "bloom", "slomo"):
        assert any(part in line for line in well), f"no {part} in {well}"


def test_an_effect_that_came_along_passes_the_check(installed: Installed) -> None:
    assert ": ok" in installed.run("effects", "check", str(installed.package / "shaders" / "effects" / "oil.fs"))


def test_what_somebody_made_is_found_where_they_work(installed: Installed) -> None:
    shutil.copytree(installed.package / "models" / "bloom", installed.cwd / "models" / "mine")
    for name in ("mine", "models/bloom"):
        assert "/installation/effect/oil/amount" in installed.run("live", "--osc-table", "--model", name)
    (installed.cwd / "models" / "mine" / "model.toml").unlink()
    process = installed.start("installation", "live", "--osc-table", "--model", "mine")
    assert "no model 'mine'" in process.communicate(timeout=400)[1] and process.returncode == 2
