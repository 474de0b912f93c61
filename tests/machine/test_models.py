"""`installation models`: kept whole or not at all, under names of their own, listed, shown, removed, fetched."""

from __future__ import annotations

import errno
import hashlib
import http.server
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from installation import files, sources, weights
from installation.__main__ import main
from installation.machine.models import getting

sys.path.append(str(Path(__file__).parent.parent / "formats"))
import originals


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's models lie; the working folder holds net.pkl."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    originals.nvidia(Path("net.pkl"), originals.stylegan2(size=8, layers=2))
    return tmp_path / "data/installation/models"


def add(*words: str) -> int:
    return main(["models", "add", *words])


@pytest.mark.parametrize("name", ["net", "bloom"])
def test_a_name_that_a_model_has_is_asked_anew_and_nothing_is_overwritten(mine, capsys, name):
    """bloom comes with the program: a second one would hide it."""
    if name == "net":
        assert add("net.pkl") == 0
    before = {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert add("net.pkl", "--name", name) == 2
    said = capsys.readouterr().err
    assert "ask for another: --name" in said and said.count("\n") == 1
    assert before == {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["../net", "a/b", ".hidden", "con", ""])
def test_a_name_is_one_name(mine, name):
    expected = 0 if name == "" else 2
    assert add("net.pkl", "--name", name) == expected
    assert [path.name for path in mine.glob("*")] == (["net"] if name == "" else [])


@pytest.mark.parametrize("at", ["weights", "card", "sheet"])
def test_a_disk_that_fills_up_leaves_nothing(mine, monkeypatch, capsys, at):
    def full(*args: object, **words: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = {
        "weights": "safetensors.torch.save_file",
        "card": "pathlib.Path.write_text",
        "sheet": "PIL.Image.Image.save",
    }
    monkeypatch.setattr(target[at], full)
    assert add("net.pkl") == 2
    assert "No space left" in capsys.readouterr().err
    assert not mine.exists()


def test_what_a_kill_left_half_written_is_no_model_and_goes_with_the_next(mine, capsys):
    part = mine / f".old.99999999-{files.HERE}-0123abcd.part"
    part.mkdir(parents=True)
    (part / "model.toml").write_text('kind = "stylegan2"\nname = "old"\n')
    assert main(["models", "list"]) == 0
    assert "old" not in capsys.readouterr().out
    assert add("net.pkl") == 0
    assert not part.exists()


def test_a_model_is_listed_shown_and_played_by_its_name(mine, capsys):
    assert add("net.pkl", "--name", "flowers", "--credit", "me") == 0
    capsys.readouterr()
    assert main(["models", "list"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("flowers ")]
    assert "stylegan2" in line and "yours" in line
    assert main(["models", "show", "flowers"]) == 0
    said = capsys.readouterr().out
    assert "credit   me" in said and "licence  unknown" in said and "net.pkl (nvidia)" in said
    assert weights.open_model("flowers")[0]["network"]["resolution"] == 8


def test_a_model_that_was_changed_after_it_was_kept_is_not_opened(mine, capsys):
    assert add("net.pkl") == 0
    path = mine / "net/weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    assert main(["models", "render", "net", "--seeds", "0", "--out", "out"]) == 2
    assert "expected sha256" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("w_dim = 16", "w_dim = 160000", "expected"),
        ("resolution = 8", "resolution = 1048576", "power of two"),
        ("mapping_layers = 2", "mapping_layers = 2000000000", "mapping_layers"),
        ("z_dim = 12", "z_dim = 13", "mapping.fc0.weight"),
    ],
)
def test_a_card_that_lies_about_shapes_is_refused_before_anything_is_made(mine, capsys, before, after, says):
    assert add("net.pkl") == 0
    card = mine / "net/model.toml"
    assert before in card.read_text()
    card.write_text(card.read_text().replace(before, after))
    capsys.readouterr()
    assert main(["models", "render", "net", "--seeds", "0", "--out", "out"]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1


def test_a_model_is_removed_and_what_the_artist_put_beside_it_stays(mine, capsys):
    assert add("net.pkl") == 0 and add("net.pkl", "--name", "other") == 0
    (mine / "other/favourite.txt").write_text("seed 85")
    assert main(["models", "remove", "net"]) == 0
    assert not (mine / "net").exists()
    assert main(["models", "remove", "other"]) == 0
    assert [path.name for path in (mine / "other").iterdir()] == ["favourite.txt"]
    assert "favourite.txt is yours and stays" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["bloom", "nobody", "../models/net", "linked", "trained"])
def test_only_what_models_add_wrote_is_removed(mine, name):
    assert add("net.pkl") == 0
    (mine / "linked").symlink_to(mine / "net")
    (mine / "trained").mkdir()
    (mine / "trained/model.toml").write_text('kind = "stylegan2"\n')
    there = sorted(path for path in mine.parent.rglob("*"))
    assert main(["models", "remove", name]) == 2
    assert there == sorted(path for path in mine.parent.rglob("*"))


def test_a_model_folder_from_elsewhere_is_kept_like_any_file(mine, tmp_path, capsys):
    assert add("net.pkl", "--licence", "CC0") == 0
    (mine / "net").rename(tmp_path / "from a friend")
    assert add(str(tmp_path / "from a friend"), "--name", "friend") == 0
    card = weights.read_config("friend")
    assert card["licence"] == "CC0" and card["source_file"]["format"] == "own"
    capsys.readouterr()
    words = ["--seeds", "4", "--out"]
    assert main(["models", "render", "friend", *words, "a"]) == 0
    assert main(["models", "render", str(tmp_path / "from a friend"), *words, "b"]) == 0
    assert Path("a/seed0004.png").read_bytes() == Path("b/seed0004.png").read_bytes()


@pytest.mark.parametrize("seeds", ["3-1", "x", "", "-1", "0-99999999999", "0-4294967296", "1;2"])
def test_what_is_no_list_of_seeds_is_refused(mine, capsys, seeds):
    assert add("net.pkl") == 0
    capsys.readouterr()
    assert main(["models", "render", "net", f"--seeds={seeds}", "--out", "out"]) == 2
    assert "expected seeds such as" in capsys.readouterr().err and not Path("out").exists()


@pytest.mark.parametrize("shape", [(2, 13), (24,), (2, 0)])
@pytest.mark.parametrize("option", ["--z", "--w"])
def test_points_of_another_length_are_refused_in_one_line(mine, capsys, option, shape):
    assert add("net.pkl") == 0
    np.save("points.npy", np.zeros(shape))
    capsys.readouterr()
    assert main(["models", "render", "net", option, "points.npy", "--out", "out"]) == 2
    said = capsys.readouterr().err
    assert "points.npy: expected" in said and said.count("\n") == 1 and not Path("out").exists()


def test_seeds_are_ranges_and_single_ones_and_each_is_one_file(mine):
    assert add("net.pkl") == 0
    assert main(["models", "render", "net", "--seeds", "0-2, 85", "--out", "out"]) == 0
    assert sorted(p.name for p in Path("out").iterdir()) == [f"seed{n:04d}.png" for n in (0, 1, 2, 85)]


class Shop(http.server.BaseHTTPRequestHandler):
    """Serves one file; the first answer breaks off in the middle, as lines do."""

    content = b""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        self.send_response(206 if wanted else 200)
        rest = self.content[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest if len(self.asked) > 1 else rest[: len(rest) // 2])

    def log_message(self, *words: object) -> None:
        """Quiet."""


@pytest.fixture
def shop(mine: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A catalogue of one model, whose file is at a real address; its entry."""
    Shop.content, Shop.asked = Path("net.pkl").read_bytes(), []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(sources, "HTTPS", re.compile(r"https?://\S+"))  # no certificates for one's own machine
    url = f"http://127.0.0.1:{server.server_port}/net.pkl"
    entry = {"name": "wild", "about": "a net", "licence": "CC0", "credit": "them", "url": [url]}
    entry["sha256"] = [hashlib.sha256(Shop.content).hexdigest()]
    monkeypatch.setattr(getting, "read_catalogue", lambda: {"wild": entry})
    yield entry
    server.shutdown()


def test_a_fetch_that_broke_off_goes_on_where_it_was_and_is_kept_with_its_licence(shop, mine, capsys):
    assert main(["models", "get", "wild"]) == 2
    assert "it goes on from there" in capsys.readouterr().err
    assert not mine.exists()
    assert main(["models", "get", "wild"]) == 0
    assert Shop.asked == ["", f"bytes={len(Shop.content) // 2}-"]
    card = weights.read_config("wild")
    assert card["licence"] == "CC0" and card["credit"] == "them"
    assert not list((mine.parents[2] / "cache").rglob("*.pk*")), "the original is not kept twice"


def test_a_fetched_file_that_is_another_is_not_kept(shop, mine, capsys):
    Shop.asked.append("")  # no broken line this time
    shop["sha256"] = ["0" * 64]
    assert main(["models", "get", "wild"]) == 2
    assert "expected sha256" in capsys.readouterr().err
    assert not mine.exists() and not list((mine.parents[2] / "cache").rglob("net.pkl*"))


def test_the_catalogue_is_listed_and_each_entry_can_be_fetched_as_it_says(mine, capsys):
    assert main(["models", "get"]) == 0
    listed = capsys.readouterr().out
    for name, entry in getting.read_catalogue().items():
        assert name in listed and files.is_one_name(name) and entry["licence"] and entry["credit"]
        if "url" in entry:
            assert all(sources.HTTPS.fullmatch(url) for url in entry["url"])
        else:
            sources.check_card({"source": [entry | {"kind": "package", "sha256": entry["sha256"][0]}]}, Path("x"))
    assert main(["models", "get", "nobody"]) == 2
