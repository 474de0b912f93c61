"""A film of a show to a piece of music: every frame, the same every time, whole after a kill; or one clear refusal."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import librosa
import numpy as np
import pytest
import soundfile
from filelock import FileLock

from installation.__main__ import main
from installation.clock import WallClock
from installation.live import film_plan, filming, leftovers
from installation.live.senses import Senses
from installation.rendering import encoding
from installation.settings import Part, Show

FPS, SECONDS, RATE_HZ = 25, 9, 44100
SHOW = """
[generator]
name = "pattern"
settings = { size = [64, 36], detail = 16 }
[[inputs]]
name = "recording"
[[features]]
name = "sound"
[[routes]]
source = "music.beat"
target = "effect.trail.beat"
[[routes]]
source = "sound.level"
target = "generator.x"
attack_s = 0.5
[[effects]]
file = "trail.fs"
[[cues]]
number = "1"
[[cues]]
number = "2"
at = "00:00:06:00"
fade_s = 1.0
values = { "generator.y" = 0.7 }
[screen]
size = [64, 36]
fps = 25.0
"""
TRAIL = """/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}, {"NAME": "beat", "TYPE": "float", "DEFAULT": 0.0}],
"PASSES": [{"TARGET": "trail", "FLOAT": true, "PERSISTENT": true}, {}]}*/
void main() {
    vec4 old = IMG_THIS_PIXEL(trail), picture = IMG_THIS_PIXEL(inputImage);
    if (PASSINDEX == 0) gl_FragColor = mix(picture, old, FRAMEINDEX == 0 ? 0.0 : 0.98);
    else gl_FragColor = vec4(mix(old.rgb * 0.5, vec3(1.0), 0.5 * beat) + vec3(0.0, 0.0, 0.2 * fract(DATE.w)), 1.0);
}
"""
KILLED_LATER = """
import sys, threading
from installation.__main__ import main
from installation.live.stepped import Stepped
draw = Stepped.draw
def slow(self, controls):
    if controls.time_s > 6.5:
        print("in the midst of the second piece", flush=True)
        threading.Event().wait()
    return draw(self, controls)
Stepped.draw = slow
main(sys.argv[1:])
"""
GONE_ON = """
import json, sys
from installation.__main__ import main
from installation.live.stepped import Stepped
draw, drawn = Stepped.draw, []
def told(self, controls):
    drawn.append((controls.time_s, controls["generator.y"]))
    return draw(self, controls)
Stepped.draw = told
code = main(sys.argv[1:])
print(json.dumps(drawn))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a show and its music: clicks, two a second but for the first half second, over a tone."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "small.toml").write_text(SHOW)
    (folder / "trail.fs").write_text(TRAIL)
    t = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    clicks = np.random.default_rng(3).standard_normal(len(t)) * np.exp(-(t % 0.5) / 0.01) * (t >= 0.5)
    sound = 0.3 * clicks + 0.05 * np.sin(2 * np.pi * 220 * t)
    soundfile.write(folder / "clicks.wav", np.stack([sound, 0.5 * sound], 1).astype("f4"), RATE_HZ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield folder


def words(place: Path, out: Path, *more: str) -> list[str]:
    return ["film", str(place / "clicks.wav"), "--show", str(place / "small.toml"), "--out", str(out), *more]


@pytest.fixture(scope="module")
def film(place: Path) -> Path:
    """Made without being disturbed, in a process that nothing else was done in: its last bits are those of others."""
    made = [sys.executable, "-m", "installation", *words(place, place / "film.mp4")]
    said = subprocess.run(made, check=True, capture_output=True, text=True).stdout
    assert "listening to clicks.wav, once" in said, "a minute without a word looks like a program that hangs"
    return place / "film.mp4"


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def test_a_film_has_every_frame_at_its_time_and_the_music_in_step(film: Path, place: Path) -> None:
    with av.open(str(film)) as opened:
        times = [float(frame.time) for frame in opened.decode(video=0)]
    assert times == pytest.approx([n / FPS for n in range(SECONDS * FPS)])
    with av.open(str(film)) as opened:
        assert opened.streams.audio[0].codec_context.name == "aac" and opened.streams.audio[0].channels == 2
        heard = np.concatenate([frame.to_ndarray() for frame in opened.decode(audio=0)], axis=1)
    assert heard.shape[1] / RATE_HZ == pytest.approx(SECONDS, abs=0.05)
    first_s = np.flatnonzero(np.abs(heard[0]) > 0.2)[0] / RATE_HZ
    assert first_s == pytest.approx(0.5, abs=0.005) and np.abs(heard[1]).max() < 0.7 * np.abs(heard[0]).max()
    assert (film.parent / "film.preview.jpg").is_file() and not list(film.parent.glob("film.mp4.making*"))


def test_the_picture_flashes_on_the_beats_that_librosa_hears(film: Path, place: Path) -> None:
    light = np.array([frame.mean() for frame in frames_of(film)])
    lit = (np.flatnonzero(np.diff(light) > 20) + 1) / FPS
    samples, _ = librosa.load(place / "clicks.wav")
    beats = librosa.beat.beat_track(y=samples, units="time")[1]
    assert len(beats) > 10 and np.abs(lit[:, None] - beats[None, :]).min(axis=0).max() < 0.04
    assert np.abs(lit[:, None] - beats[None, :]).min(axis=1).max() < 0.04


def test_a_film_that_was_killed_goes_on_and_is_the_same_as_one_that_was_not(film: Path, place: Path) -> None:
    out = place / "killed.mp4"
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED_LATER, *words(place, out)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout and any("in the midst" in line for line in child.stdout)
    child.kill()
    child.wait()
    assert not out.exists() and [path.name for path in place.glob("killed.mp4.making*/0*.mp4")] == ["00000.mp4"]
    line = [sys.executable, "-c", GONE_ON, *words(place, out)]
    said = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    drawn = json.loads(said.splitlines()[-1])
    assert drawn[0][0] == filming.PIECE_S and len(drawn) == (SECONDS - filming.PIECE_S) * FPS
    assert out.read_bytes() == film.read_bytes()
    assert drawn[0][1] == 0.0 and drawn[-1][1] == 0.7, "a cue was called at its time"


def test_a_generator_that_remembers_is_painted_again_up_to_where_a_film_was_stopped(place: Path, monkeypatch) -> None:
    bent = '[[bends]]\nname = "again"\nlayer = "hidden1"\noperation = "feedback"\namount = 0.5\n'
    (place / "bent.toml").write_text(SHOW + bent)
    monkeypatch.setattr(filming, "PIECE_S", 0.4)
    short = [*words(place, place / "bent.mp4", "--seconds", "1"), "--show", str(place / "bent.toml")]
    assert main(short) == 0
    whole = (place / "bent.mp4").read_bytes()
    (place / "bent.mp4").unlink()
    make, ends = filming.Making._make_piece, [0, 0, 1]
    monkeypatch.setattr(
        filming.Making, "_make_piece", lambda self, bar: self.end() if ends and ends.pop(0) else make(self, bar)
    )
    assert main(short) == filming.BROKEN_OFF and not (place / "bent.mp4").exists()
    assert main(short) == 0 and (place / "bent.mp4").read_bytes() == whole


def test_the_same_line_again_makes_nothing_anew_and_another_takes_the_place_of_ours(
    film: Path, place: Path, capsys
) -> None:
    before = film.stat().st_mtime_ns
    assert main(words(place, film)) == 0 and film.stat().st_mtime_ns == before
    said = capsys.readouterr().out
    assert "there already" in said and "listening" not in said
    again = place / "again.mp4"
    for seconds in ("0.2", "0.4"):
        assert main(words(place, again, "--seconds", seconds)) == 0
        assert len(frames_of(again)) == float(seconds) * FPS


def test_what_is_left_of_another_film_is_told_with_the_line_that_goes_on_and_goes_only_when_asked(
    place: Path, monkeypatch, capsys
) -> None:
    out, mine = place / "left.mp4", place / "left.mp4.making-0123456789ab"
    mine.mkdir()
    (mine / "mine.txt").write_text("somebody's own")
    with monkeypatch.context() as broken:
        broken.setattr(filming.Making, "_make_piece", lambda self, bar: self.end())
        assert main(words(place, out, "--seconds", "1")) == filming.BROKEN_OFF
    (left,) = leftovers.others(out)
    capsys.readouterr()
    assert main(words(place, out, "--seconds", "0.2")) == 0
    told = capsys.readouterr().out
    assert f"{left} is left of another film of this name, 0 of {FPS} frames" in told and str(mine) not in told
    assert f"goes on with: installation {' '.join(words(place, out, '--seconds', '1'))};" in told
    with FileLock(left / leftovers.LOCK):
        assert not list(leftovers.others(out)), "somebody is at it"
    assert main(words(place, out, "--seconds", "0.2", "--discard")) == 0
    assert not left.exists() and (mine / "mine.txt").exists()


def test_a_show_that_names_a_file_of_other_content_is_another_film(place: Path, tmp_path: Path) -> None:
    weights = tmp_path / "mine.pkl"
    settings = {"models": [str(weights)]}
    show = Show("one", generator=Part("pattern", settings))
    coding = encoding.choose(Path("new.mp4"), "h264", "17", "--out")
    keys = []
    for content in (b"one", b"other", b"one"):
        weights.write_bytes(content)
        plan = film_plan.Plan(show, place / "clicks.wav", None, Path("new.mp4"), coding, 10)
        keys.append(film_plan.key_of(plan, []))
    renamed = replace(plan, show=replace(show, name="two", about="the same under another name"))
    assert keys[0] == keys[2] != keys[1] and film_plan.key_of(renamed, []) == keys[2]


def silent_film(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((36, 64, 3), np.uint8))))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("music", "out", "more", "why"),
    [
        ("nothing.wav", "new.mp4", [], "no such file"),
        ("silent.mp4", "new.mp4", [], "holds no sound"),
        ("text.ogg", "new.mp4", [], "no sound that can be read"),
        ("empty.wav", "new.mp4", [], "no sound that can be read"),
        ("clicks.wav", "new.avi", [], ".mp4 or .mov"),
        ("clicks.wav", "folder.mp4", [], "is a folder"),
        ("clicks.wav", "theirs.mp4", [], "was not made by this command"),
        ("clicks.wav", "seen.mp4", [], "seen.preview.jpg is there already"),
        ("talking.mp4", "talking.mp4", [], "what the film is made of"),
        ("clicks.wav", "silent.mp4", ["--video", "silent.mp4"], "what the film is made of"),
        ("clicks.wav", "new.mp4", ["--video", "text.ogg"], "no film that can be read"),
        ("clicks.wav", "new.mp4", ["--out-codec", "prores"], "--out: ProRes goes into a .mov"),
        ("clicks.wav", "new.mp4", ["--fps", "0"], "fps: must be above 0"),
        ("clicks.wav", "new.mp4", ["--seconds", "-1"], "--seconds: must be above 0"),
        ("clicks.wav", "new.mp4", ["--seconds", "nan"], "--seconds: must be above 0"),
        ("clicks.wav", "new.mp4", ["--show", "nowhere"], "no show 'nowhere'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_nothing_is_replaced(
    place: Path, film: Path, music: str, out: str, more: list[str], why: str, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(place)
    if not Path("silent.mp4").exists():
        silent_film(Path("silent.mp4"))
        Path("text.ogg").write_text("no music, but words")
        Path("empty.wav").touch()
        Path("folder.mp4").mkdir()
        Path("theirs.mp4").write_bytes(Path("silent.mp4").read_bytes())
        Path("seen.preview.jpg").write_bytes(b"a picture of somebody's")
        Path("talking.mp4").write_bytes(film.read_bytes())
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    asked = ["film", music, "--out", out, *([] if "--show" in more else ["--show", "small.toml"]), *more]
    assert main(asked) == 2
    complaint = capsys.readouterr().err
    assert why in complaint and complaint.count("\n") == 1 and complaint.startswith("installation film: ")
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_a_live_show_that_hears_a_file_knows_its_beats(film: Path, place: Path, wait_for) -> None:
    ear = Part("microphone", {"device": str(place / "clicks.wav")})
    senses, clock = Senses([ear], [Part("music")]), WallClock()
    try:
        senses.start()
        beat = wait_for(lambda: (read := senses.read(clock.now_s()))["music.beat"] > 0.9 and read)
        assert 60 + 120 * beat["music.tempo"] == pytest.approx(120, rel=0.05)
        assert not senses.all_faults()
    finally:
        senses.close()
