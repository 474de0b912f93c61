"""Our shaders in; which changes to one place of their formulas no test would notice, out.

    python tests/mutate_shaders.py [--file NAME] [--count N] [--seed N]

Every mutant is compiled and judged as tests/rendering/test_golden.py and test_projector_shaders.py judge the real one.
One that passes is drawn beside the real one, as it is by itself and at settings of chance: where but a few pixels, FEW
of all, are off by more than ALIKE, there is no visible change, and nothing to notice.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent
sys.path += [path for path in (str(TESTS), str(TESTS / "rendering")) if path not in sys.path]
os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")

import golden  # noqa: E402
import moderngl  # noqa: E402
import numpy as np  # noqa: E402
import projector_shaders  # noqa: E402
from mutants import Mutant, mutants  # noqa: E402

from installation import settings  # noqa: E402
from installation.rendering import header, isf  # noqa: E402
from installation.rendering.canvas import SHADERS  # noqa: E402
from installation.rendering.effects import Chain  # noqa: E402
from installation.rendering.link import AXES  # noqa: E402

ALIKE = 2  # of 255
FEW = 1e-4
LOOKS = 12  # settings of chance
CLOCKS = {"TIME": "0.7", "TIMEDELTA": "0.05", "FRAMEINDEX": "3", "RENDERSIZE": "vec2(400.0, 250.0)"}
CONSTANTS = {"float": "0.4", "bool": "true", "int": "1", "vec2": "vec2(9.0, 7.0)", "mat3": "mat3(1.0)"}
FILES = sorted([*(SHADERS / "effects").glob("*.[fv]s"), *(SHADERS / "projector").glob("*.glsl")])


class Bench:
    """A copy of the shaders in which one is changed, and what the tests say of it."""

    def __init__(self, context: moderngl.Context, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(SHADERS, folder, dirs_exist_ok=True)
        self.easel = golden.Easel(context)

    def judge(self, file: Path, mutant: Mutant) -> str:
        """'killed' by a test, 'survived', 'alike' where nothing is to be seen, or 'broken': it does not compile."""
        changed = self.folder / file.relative_to(SHADERS)
        changed.write_text(mutant.text)
        try:
            if self.complain(file):
                return "killed"
            return "alike" if self._is_alike(file) else "survived"
        except (settings.SettingsError, moderngl.Error):
            return "broken"
        finally:
            shutil.copy(file, changed)

    def complain(self, file: Path) -> str:
        """What the tests say of a shader as it is in the copy, or ''."""
        if file.suffix == ".glsl":
            return projector_shaders.complain(self.easel.canvas, file.stem, self.folder)
        return golden.complain(self.easel.tiles(file.stem, self.folder / "effects"), file.stem)

    def _is_alike(self, file: Path) -> bool:
        look = self._look_at_projector if file.suffix == ".glsl" else self._look_at_effect
        pairs = zip(look(file.stem, SHADERS), look(file.stem, self.folder), strict=True)
        return all((np.abs(one.astype(float) - other) > ALIKE).mean() <= FEW for one, other in pairs)

    def _look_at_effect(self, name: str, folder: Path) -> Iterator[np.ndarray]:
        """Frames at knobs, instants and sizes of chance; each third as it is by itself."""
        chance = random.Random(name)
        chain = Chain(self.easel.canvas, [settings.Effect(name)], golden.SHOW, folder / "effects", sheds=False)
        knobs = isf.read(SHADERS / "effects" / f"{name}.fs").knobs
        for n in range(LOOKS):
            values = {k: v for knob in knobs for k, v in _turn(name, knob, chance).items()} if n % 3 else {}
            frames = tuple(sorted(chance.sample(range(len(golden.TIMES_S)), 2)))
            size = golden.SHOW if n % 4 else chance.choice([golden.SMALL, golden.LARGE])
            yield from self.easel.draw(chain, golden.View(values, frames, size))
        chain.release()

    def _look_at_projector(self, name: str, folder: Path) -> Iterator[np.ndarray]:
        for seed in range(1, 1 + LOOKS):
            yield from (found * 255 for found in projector_shaders.draw(self.easel.canvas, name, folder, seed))


def _turn(name: str, knob: isf.Input, chance: random.Random) -> dict[str, float]:
    """A knob, or each axis of it, somewhere in its range."""

    def pick(axis: int) -> Any:
        if knob.values:
            return chance.choice(knob.values)
        low, high = (v[axis] if isinstance(v, tuple) else v for v in (knob.low, knob.high))
        return round(chance.random()) if knob.type == "bool" else chance.uniform(low, high)

    axes = [f".{a}" for a in AXES[knob.type]] if knob.type in AXES else [""]
    return {f"effect.{name}.{knob.name}{axis}": float(pick(i)) for i, axis in enumerate(axes)}


def changes(file: Path) -> list[Mutant]:
    """Every mutant of one file."""
    text = file.read_text("utf-8")
    if file.suffix != ".glsl":
        uniforms = CLOCKS | {k.name: _constant(k) for k in isf.read(file.with_suffix(".fs")).knobs}
        begin = header.split(text).end if file.suffix == ".fs" else 0  # type: ignore[union-attr]
        return list(mutants(text, begin, uniforms))
    found = re.findall(r"uniform (\w+) (\w+);", text)
    return list(mutants(text, 0, {name: CONSTANTS[kind] for kind, name in found if kind in CONSTANTS}))


def _constant(knob: isf.Input) -> str:
    """A knob's default as GLSL."""
    if isinstance(knob.default, tuple):
        return f"vec{len(knob.default)}({', '.join(map(str, knob.default))})"
    if knob.type == "long":
        return str(int(knob.default))
    return str(bool(knob.default)).lower() if knob.type == "bool" else f"{knob.default:.9f}"


def report(file: Path, chosen: list[Mutant], judge: Callable[[Path, Mutant], str]) -> Counter[str]:
    """Judge and print what nobody would notice."""
    said: Counter[str] = Counter()
    for mutant in chosen:
        verdict = judge(file, mutant)
        said[verdict] += 1
        if verdict in ("survived", "alike"):
            print(f"  {verdict:9s}{file.name}:{mutant.line}: {mutant.before}\n{'':11s}-> {mutant.after}", flush=True)
    print(f"{file.name}: {_sum_up(said)}", flush=True)
    return said


def _sum_up(said: Counter[str]) -> str:
    seen = said["killed"] + said["survived"]
    share = 100 * said["killed"] / seen if seen else 100.0
    return (
        f"{said['killed']} of {seen} changes noticed ({share:.1f} %), {said['alike']} with no visible change, "
        f"{said['broken']} that do not compile"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", help="one shader, by name; else all")
    parser.add_argument("--count", type=int, help="so many mutants of each file, drawn by chance; else all")
    parser.add_argument("--seed", type=int, default=0)
    wish = parser.parse_args()
    chosen = [f for f in FILES if wish.file in (None, f.stem, f.name)]
    if not chosen:
        parser.error(f"no shader {wish.file!r}; there are: {', '.join(f.stem for f in FILES)}")
    from installation.rendering.surfaces import open_headless

    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Mesa writes late
        os.environ["MESA_SHADER_CACHE_DIR"] = f"{folder}/cache"
        bench = Bench(open_headless(), Path(folder, "shaders"))
        for file in chosen:
            found = changes(file)
            if wish.count:
                found = random.Random(wish.seed).sample(found, min(wish.count, len(found)))
            total += report(file, found, bench.judge)
    print(_sum_up(total))
    return 1 if total["survived"] else 0


if __name__ == "__main__":
    sys.exit(main())
