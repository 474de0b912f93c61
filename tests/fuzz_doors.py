"""The doors of the house through which foreign files come: whole ones made small, what opens them, what may be said."""

from __future__ import annotations

import gzip
import json
import math
import os
import pickle
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fuzz_files import Door
from PIL import Image
from safetensors.torch import save_file

from installation import settings, weights
from installation.pictures import PictureError
from installation.settings import SettingsError
from installation.signals import Command, Knob
from installation.weight_files import WeightsError

TESTS = Path(__file__).resolve().parent
CANARY = Path("canary")  # the place of a folder that is made when a pickle is run; set by who fuzzes


class Canary:
    def __reduce__(self) -> tuple:
        return os.mkdir, (str(CANARY),)


# ---- weights
def make_weights(folder: Path) -> Sequence[Path]:
    import h5py

    from installation.bending.slomo import NetworkConfig, SloMo
    from installation.networks import esrgan

    torch.manual_seed(0)
    table = {"a.weight": torch.randn(3, 4), "a.bias": torch.arange(3), "half": torch.ones(2).half()}
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    torch.save({"params": table, "more": Canary()}, folder / "new.pth")
    torch.save({"params": table, "more": Canary()}, folder / "old.pth", _use_new_zipfile_serialization=False)
    torch.save(module, folder / "module.pt")
    for protocol in (0, 2, 4, 5):
        said = {"G_ema": module, "more": [Canary(), np.ones((2, 3), "f4"), np.float32(2), {"x"}, b"\xff"]}
        (folder / f"net{protocol}.pkl").write_bytes(pickle.dumps(said, protocol))
    save_file(table, folder / "x.safetensors")
    torch.save(esrgan.RRDBNet(4, 1, 2, 2, 1).state_dict(), folder / "rrdb.pth")
    torch.save({"params": esrgan.SRVGGNetCompact(4, 2, 2).state_dict()}, folder / "compact.pth")
    nets = SloMo(NetworkConfig((2, 2, 2, 2, 2, 2), leaky_end=True))
    state = {"state_dictFC": nets.flow.state_dict(), "state_dictAT": nets.blend.state_dict()}
    torch.save(state, folder / "slomo.ckpt")
    with h5py.File(folder / "keras.h5", "w") as file:
        file["conv1/kernel:0"] = np.zeros((3, 3, 3, 4), "f4")
    ncnn = "7767517\n2 2\nInput data 0 1 data\nConvolution conv 1 1 data out 0=2 1=1 5=1 6=2\n"
    (folder / "x.param").write_text(ncnn)
    (folder / "x.bin").write_bytes(bytes(4) + np.ones(4, "f4").tobytes())
    return sorted(folder.iterdir())


def open_weights(path: Path) -> None:
    from installation.bending import slomo
    from installation.networks import esrgan, ncnn, nima, reading

    if path.suffix in (".param", ".bin"):
        ncnn.read_layers(path.with_name("x.param"), path.with_name("x.bin"))
    elif path.suffix == ".h5":
        nima.read_keras(path)
    elif path.name in ("rrdb.pth", "compact.pth"):
        esrgan.read_network(path)
    elif path.suffix == ".ckpt":
        slomo.read_published(path)
    else:
        reading.read_tensors(path, "weights")


def make_model(folder: Path) -> Sequence[Path]:
    from installation.generators.stylegan2.network import Generator, NetworkConfig

    torch.manual_seed(0)
    net = Generator(NetworkConfig(8, 4, 4, 1, {4: 4, 8: 4}))
    model = folder / "model"
    model.mkdir()
    tensors = net.state_dict() | {"anchors": torch.randn(6, 4)}
    save_file({k: v.contiguous() for k, v in tensors.items()}, model / "weights.safetensors")
    table = {"name": "model", "sha256": weights.digest(model / "weights.safetensors"), "network": net.config.to_dict()}
    table |= {"about": "small", "licence": "CC0", "train": {"images": 12, "steps": 3}}
    from fuzz_files import as_toml

    (model / "model.toml").write_text("\n".join(f"{k} = {as_toml(v)}" for k, v in table.items()))
    return [model / "model.toml", model / "weights.safetensors"]


def open_model(path: Path) -> None:
    from installation.generators import stylegan2

    card = path.with_name("model.toml")
    if path.suffix == ".safetensors":  # whoever sends other weights sends their hash
        whole = card.read_text("utf-8")
        known = whole.partition('sha256 = "')[2][:64]
        card.write_text(whole.replace(known, weights.digest(path)))
    made = stylegan2.create(stylegan2.Settings(model=str(path.parent)))
    made.render(rest({}))


# ---- shows
SHOW = """
about = "small"
seed = 7
moment_every_s = 1.0
[generator]
name = "pattern"
[[inputs]]
name = "recording"
[[inputs]]
name = "ticker"
settings = { source = "prices.csv", step_s = 1.0 }
[[inputs]]
name = "camera"
settings = { device = "none.avi" }
[[features]]
name = "hands"
settings = { rate_hz = 15.0 }
[[features]]
name = "sound"
[[features]]
name = "ticker"
[[routes]]
source = "hands.right.x"
target = "generator.x"
gain = 0.7
offset = -0.5
curve = "smooth"
attack_s = 0.15
[[bends]]
name = "melt"
layer = "field"
operation = "translate"
share = 0.35
[[effects]]
file = "echo.fs"
knobs = { amount = 0.5 }
[[effects]]
file = "own.fs"
name = "other"
[[cues]]
number = "1"
name = "one"
fade_s = 3.0
values = { "generator.speed" = 0.7 }
[[cues]]
number = "2.5"
values = { "effect.echo.amount" = 0.2 }
[screen]
size = [64, 36]
working_size = [64, 36]
fps = 24.0
venue = ""
[osc]
port = 9000
allow = ["127.0.0.0/8", "::1/128"]
[osc.aliases]
"/a" = "/installation/master"
"/xy" = ["generator.x", "generator.y"]
"/z" = { argument = 1, to = "generator.x" }
[dmx]
protocol = "both"
universe = 3
address = 11
allow = ["10.0.0.0/8"]
knobs = ["generator.x", ""]
"""


def make_show(folder: Path) -> Sequence[Path]:
    (folder / "small.toml").write_text(SHOW)
    shutil.copy(TESTS / "written_before/old.toml", folder / "old.toml")
    shutil.copy(TESTS.parent / "shaders/effects/mirror.fs", folder / "own.fs")
    (folder / "prices.csv").write_text("0,1\n1,2\n")
    return [folder / "small.toml", folder / "small.toml", folder / "small.toml", folder / "old.toml"]


def made_generator(bends: Sequence[Any]) -> Any:
    from installation.generators import pattern

    return pattern.create(pattern.Settings(), bends=bends, seed=0)


def open_show(path: Path) -> None:
    from installation.control.desk import Desk
    from installation.control.dmx.listener import Dmx
    from installation.live import modulation, opening
    from installation.live.senses import Senses
    from installation.rendering import isf
    from installation.rendering.link import find_file
    from installation.rendering.wall.keeping import read_venue

    show = settings.open_show(str(path))
    try:
        senses = Senses(show.inputs, show.features)
        senses.close()
    except OSError as error:
        raise SettingsError(str(error)) from error
    read_venue(show.screen.venue)
    knobs: dict[str, Knob] = {}
    if show.generator.name == "pattern":
        generator = opening.open_generator(show)
        generator.render(rest({name: knob.default for name, knob in generator.knobs.items()}))
        knobs |= generator.knobs
    for wish in show.effects:
        isf.read(find_file(wish.file))
        name = f"effect.{wish.name or Path(wish.file).stem}.amount"
        knobs[name] = Knob(name, 0.0, 1.0, 0.0)
    if show.generator.name != "pattern":
        return
    board = opening.open_board(show, knobs)
    for cue in show.cues:
        board.apply(Command("cue", name=cue.number), 0.0)
    base = board.levels(0.5).base
    state = modulation.begin(show.routes)
    controls, _ = modulation.modulate(knobs, show.routes, base, {"hands.right.x": 0.5}, state, 0.1)
    check_numbers(controls.values)
    Desk(show.osc, knobs, show.cues)
    if show.dmx:
        Dmx(show.dmx, knobs, show.cues)


def rest(values: dict[str, float]) -> Any:
    from installation.signals import Controls

    return Controls(0.0, values, 0.2)


def check_numbers(values: dict[str, float]) -> None:
    for name, value in values.items():
        assert isinstance(value, int | float) and math.isfinite(value), f"{name} became {value!r}"


def open_state(path: Path) -> None:
    """What a show remembers of the last one, taken up by a board."""
    from installation.live import kept, modulation, opening

    os.environ["XDG_STATE_HOME"] = str(path.parent.parent)
    before = kept.read_state("bloom")
    generator = made_generator(())
    board = opening.open_board(settings.Show("bloom"), generator.knobs)
    kept.Kept.make().words.write(before)
    if before:
        board.recall(before, 0.0)
        modulation.resume(modulation.begin(()), before.get("turns"))
    check_numbers(board.levels(0.1).base)
    board.describe(0.1)


def make_state(folder: Path) -> Sequence[Path]:
    from installation.live import opening

    board = opening.open_board(settings.Show("bloom"), made_generator(()).knobs)
    for name in list(board.knobs)[:3]:
        board.apply(Command("set", name, 0.4), 0.0)
    board.apply(Command("master", value=0.5), 0.0)
    told = board.remember(0.0)
    (folder / "installation").mkdir()
    path = folder / "installation" / "bloom.state.json"
    path.write_text(json.dumps(told | {"turns": 0.5}))
    return [path]


# ---- moments, jobs, labs
def make_moment(folder: Path) -> Sequence[Path]:
    from installation.live import moments

    shutil.copy(TESTS.parent / "shaders/effects/mirror.fs", folder / "own.fs")
    (folder / "small.toml").write_text(SHOW)
    show = settings.open_show(str(folder / "small.toml"))
    controls = rest({"generator.speed": 0.5, "effect.echo.amount": 0.4})
    from installation.signals import Moment

    moment = Moment("small", controls, "", (64, 36), 3, json.loads(json.dumps(settings.to_table(show))))
    (folder / "m.json").write_text(json.dumps(moments.as_table(moment)))
    old = sorted((TESTS / "written_before/moments").glob("*.json"))[0]
    shutil.copy(old, folder / "old.json")
    return [folder / "m.json", folder / "m.json", folder / "old.json"]


def open_moment(path: Path) -> None:
    from installation.live import moments
    from installation.stills import lineage, repainting

    moment = moments.open_moment(path)
    show = settings.check(settings.Show, dict(moment.settings), "moment")
    lineage.of_moment(moment)
    if show.generator.name == "pattern":
        made = repainting.render(moment, (64, 36))
        assert made.shape == (36, 64, 3)


def make_job(folder: Path) -> Sequence[Path]:
    shutil.copytree(TESTS / "written_before", folder / "was")
    for path in (folder / "was").rglob("*.json"):
        path.write_text(path.read_text("utf-8").replace("{folder}", str(folder / "was").replace("/whole/", "/place/")))
    return [folder / "was/job.toml", folder / "was/prints/leaf.json"]


def open_job(path: Path) -> None:
    from installation import plugins
    from installation.__main__ import parser
    from installation.stills import job, ledger, lineage, sources

    order = job.ask(parser().parse_args(["still", str(path)]))
    here = Path.cwd().resolve()
    out = Path(order.out).resolve()
    assert out == here or here in out.parents, f"it would write to {out}"
    sources.check_hashes(order)
    found = sources.find_sources(order)
    for kind in ("references", "picture"):
        for stage in job.chain(order, kind):
            table = job.stage_settings(order, stage, (96, 72), kind)
            module = plugins.load("stages", stage)
            settings.check(module.Settings, table, stage)
            lineage.of_stage(stage)
    for one in found.sets:
        for source in one:
            job.working_size(source.size)
    ledger.own_names(path.parent)
    ledger.Ledger(path.parent).hashes()


def make_lab(folder: Path) -> Sequence[Path]:
    from installation.stages.print_file.labs import FOLDER

    for path in FOLDER.glob("*.toml"):
        shutil.copy(path, folder)
    (folder / "all.toml").write_text(
        'name = "mine"\nabout = "x"\nformat = "tiff"\nprofile = "srgb"\nbits = 16\ncompression = "lzw"\nquality = 90\n'
        'tiled = false\nsize = ["10cm", "4in"]\ndpi = 100.0\nbleed = "3mm"\nfit = "pad"\nground = [1.0, 1.0, 1.0]\n'
        'intent = "relative"\nblack_point = true\nlargest_mb = 0.0\nsoft_proof = ""\n'
    )
    return [*sorted(folder.glob("*.toml")), *[folder / "all.toml"] * 9]


def open_lab(path: Path) -> None:
    from installation.stages.print_file import labs

    lab = labs.open_lab(str(path))
    layout = labs.lay_out(lab, (400, 300), 254.0)
    assert min(layout.whole_px) > 0 and layout.bleed_px >= 0 and max(layout.whole_px) < 10**7, layout
    labs.fingerprint(lab)
    assert Path("x", f"rose.{lab.name}.tif").resolve().parent == Path("x").resolve()


def make_choices(folder: Path) -> Sequence[Path]:
    (folder / "choices.json").write_text(json.dumps({"a1b2": "keep", "c3": "reject", "d4": "keep"}))
    return [folder / "choices.json"]


def open_choices(path: Path) -> None:
    from installation.stills import choices

    found = choices.read_choices(path.parent)
    whole = path.read_bytes()
    made = choices.change_choices(path.parent, lambda said: said | {"new": "keep"})
    assert made.said["new"] == "keep" and set(made.said.values()) <= {"keep", "reject"}
    assert not found.fault or (path.parent / made.aside).read_bytes() == whole, "what could not be read is gone"


def make_log(folder: Path) -> Sequence[Path]:
    said = [{"t": t / 30, "f": {"x": 0.5}, "k": [{"verb": "cue", "name": "1"}], "c": {"turns": 0.0}} for t in range(20)]
    text = "\n".join(json.dumps(one) for one in ({"show": "x", "version": 1}, *said))
    with gzip.open(folder / "show.log.gz", "wt") as file:
        file.write(text)
    (folder / "plain.json").write_text(json.dumps(said[:4]))
    return [folder / "show.log.gz", folder / "plain.json", folder / "plain.json"]


def open_log(path: Path) -> None:
    """A log that is played again: to board and modulation, as the show does it."""
    from installation.live import journal, modulation, opening

    if path.name == "plain.json":  # its lines changed as JSON, then packed
        try:
            lines = json.loads(path.read_text("utf-8"))
        except (ValueError, RecursionError):
            lines = [path.read_text("latin-1").replace("\n", " ")]
        path = path.with_name("packed.log.gz")
        with gzip.open(path, "wt", encoding="utf-8", errors="replace") as file:
            file.write("{}\n" + "\n".join(json.dumps(one) for one in (lines if isinstance(lines, list) else [lines])))
    knobs = made_generator(()).knobs
    board, state = opening.open_board(settings.Show("x"), knobs), modulation.begin(())
    for entry in journal.read_log(path):
        for command in entry.commands:
            board.apply(command, entry.now_s)
        levels = board.levels(entry.now_s)
        controls, state = modulation.modulate(knobs, (), levels.base, entry.features, state, entry.now_s)
        check_numbers(controls.values)


# ---- what lies beside
def make_tables(folder: Path) -> Sequence[Path]:
    (folder / "performance.csv").write_text("time_s,hands.right.x,sound.beat\n0,0.1,0.2\n0.1,0.5,0.9\n0.2,0.4,0.1\n")
    (folder / "prices.csv").write_text("time,value\n0,10.5\n1,11\n2,9.25\n")
    return sorted(folder.iterdir())


def open_table(path: Path) -> None:
    from installation.inputs import recording, ticker

    if path.name == "prices.csv":
        ticker.read_series(path, 1.0)
        source = ticker.create(ticker.Settings(source=str(path)))
    else:
        source = recording.create(recording.Settings(file=str(path)))
    source.start()
    for now_s in (0.0, 0.15, 3.0):
        found = source.read(now_s)
        check_numbers(found if isinstance(found, dict) else {"value": found.value} if found else {})


def make_venue(folder: Path) -> Sequence[Path]:
    from installation.rendering.wall.keeping import as_toml
    from installation.rendering.wall.mesh import straight
    from installation.rendering.wall.venue import Blend, Edge, Mask, Output, Venue

    (folder / "hall.toml").write_text("corners = [[0.1, 0.1], [0.9, 0.0], [1.0, 1.0], [0.0, 0.9]]\nabout = 'x'\n")
    mask = Mask(((0.1, 0.1), (0.3, 0.1), (0.2, 0.4)), 0.05)
    left = Output("left", "DP-1", source=(0.0, 0.0, 0.6, 1.0), blend=Blend(right=Edge(0.3)), masks=(mask,))
    right = Output("right", mesh=straight(4, 3), rotation=90, black=(0.1, 0.1, 0.1))
    (folder / "yard.toml").write_text(as_toml(Venue((left, right))))
    return [folder / "hall.toml", folder / "yard.toml"]


def open_venue(path: Path) -> None:
    from installation.rendering.wall import light, mesh
    from installation.rendering.wall.keeping import as_toml, read_venue

    venue = read_venue(path.stem, path.parent.absolute())
    assert len(as_toml(venue)) < 1e6
    for output in venue.outputs:
        within, frame, depth = mesh.fine(output.mesh)
        assert np.isfinite(frame).all() and np.isfinite(depth).all()
        gain, lift = light.shade(light.turn(within[::8, ::8], output), output)
        assert np.isfinite(gain).all() and gain.min() >= 0 and (lift is None or np.isfinite(lift).all())
        light.mask_of(replace(output, mask_file=""), (64, 36), path.parent)


def make_effects(folder: Path) -> Sequence[Path]:
    for source in (TESTS / "rendering/isf", TESTS.parent / "shaders/effects"):
        for path in source.iterdir():
            if path.suffix in (".fs", ".vs", ".png"):
                shutil.copy(path, folder)
    shutil.copytree(TESTS.parent / "shaders/effects/images", folder / "images")
    return sorted(folder.glob("*.fs"))


def open_effect(path: Path) -> None:
    from installation.rendering import isf

    isf.read(path)


def make_archive(folder: Path) -> Sequence[Path]:
    from installation.signals import Still
    from installation.stages.selection import taste
    from installation.stills.archive import Archive

    archive, still = (
        Archive(folder / "work"),
        Still(np.zeros((4, 4, 3), np.uint16), "a", "k1", 3, {"m": np.ones((4, 4))}, {}, ()),
    )
    with archive.begin("selection", "k1") as part:
        archive.write(part, still)
    (folder / "work/progress.json").write_text('{"stage": "a", "name": "b", "fraction": 0.5}')
    (folder / "work/selection.json").write_text('{"keys": ["k1"]}')
    memory = taste.Memory(("k1",), (True,), np.ones((1, 4), "f4"), np.ones((1, 2), "f4"), ("x", "y"))
    taste.remember(folder / "taste.npz", memory)
    return sorted(p for p in folder.rglob("*") if p.is_file())


def open_archive(path: Path) -> None:
    from installation.stages.selection import taste
    from installation.stills import takes
    from installation.stills.archive import Archive

    folder = Path.cwd()
    taste.recall(folder / "taste.npz")
    work = folder / ".work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder / "work", work)
    part = work / f".part-{os.uname().nodename}-{os.getpid()}-selection-k9-abcdef"
    part.mkdir()
    shutil.copy(work / "progress.json", part)
    json.dumps(takes.working(folder), allow_nan=False)
    takes.find_takes(folder)
    still = Archive(work).find("selection", "k1")
    if still is not None:
        Archive(work).holds(still, "print_file")


def make_pictures(folder: Path) -> Sequence[Path]:
    rgb = np.random.default_rng(0).integers(0, 255, (24, 20, 3), np.uint8)
    picture = Image.fromarray(rgb)
    for name in ("a.png", "a.jpg", "a.tif", "a.webp", "a.bmp", "a.gif", "a.avif", "a.jp2"):
        picture.save(folder / name)
    picture.save(folder / "lzw.tif", compression="tiff_lzw")
    picture.convert("CMYK").save(folder / "cmyk.jpg")
    picture.convert("P").save(folder / "palette.png")
    Image.fromarray(rgb[..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    import tifffile

    tifffile.imwrite(folder / "deep.tif", rgb.astype(np.uint16) * 257, photometric="rgb")
    tifffile.imwrite(
        folder / "alpha.tif", np.dstack([rgb, rgb[..., :1]]), extrasamples=["unassalpha"], photometric="rgb"
    )
    cases = TESTS.parent.parent / "shared/cases/pictures"
    for path in cases.iterdir() if cases.is_dir() else ():
        if path.stat().st_size < 300_000 and path.suffix != ".heic":
            shutil.copy(path, folder)
    return sorted(folder.iterdir())


def open_picture(path: Path) -> None:
    from installation.pictures import read_picture, size_of

    size_of(path)
    read_picture(path)


def make_training(folder: Path) -> Sequence[Path]:
    from installation.training import checkpoint

    torch.manual_seed(0)
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    checkpoint.save(folder / "checkpoint.safetensors", {"net": net}, {"optimizer": optimizer}, {"step": 3})
    return [folder / "checkpoint.safetensors"]


def open_training(path: Path) -> None:
    from installation.training import checkpoint

    net = torch.nn.Linear(3, 2)
    checkpoint.load(path, {"net": net}, {"optimizer": torch.optim.Adam(net.parameters())})


SHOWS = (SettingsError, WeightsError, LookupError)
DOORS = {
    "weights": Door(make_weights, open_weights, (WeightsError, ValueError)),
    "model": Door(make_model, open_model, SHOWS),
    "show": Door(make_show, open_show, SHOWS),
    "state": Door(make_state, open_state, ()),
    "moment": Door(make_moment, open_moment, SHOWS),
    "job": Door(make_job, open_job, (SettingsError, PictureError, LookupError)),
    "lab": Door(make_lab, open_lab, (SettingsError,)),
    "choices": Door(make_choices, open_choices, ()),
    "log": Door(make_log, open_log, (OSError,)),
    "table": Door(make_tables, open_table, (ValueError,)),
    "venue": Door(make_venue, open_venue, (SettingsError,)),
    "effect": Door(make_effects, open_effect, (SettingsError,)),
    "archive": Door(make_archive, open_archive, (ValueError,)),
    "picture": Door(make_pictures, open_picture, (PictureError,)),
    "training": Door(make_training, open_training, (WeightsError,)),
}
