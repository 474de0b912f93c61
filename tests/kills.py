"""A folder in; a show in it killed again and again, alone or with everything, and what was wrong afterwards out."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from stormed import BLACK, Stormed, frames_of, free_port, make_scene, wait_for

FILMED_FRAMES = 100  # so many into its life a show has at least one piece of film on the disk


def kill(home: Path, kills: int, seed: int) -> list[str]:
    """The show, by turns with its keeper and all else, killed; back with all that was set, and never light."""
    dice, wrong, port = random.Random(seed), list[str](), free_port()
    make_scene(home, weights=False)
    films: list[tuple[Path, bool, bool]] = []  # of each life: black at its beginning, and at its end
    stormed, born, black, asked = None, 0, False, dict[str, object]()
    began_s, back_s = time.monotonic(), {"begun by hand": list[float](), "by its keeper": list[float]()}
    for life in range(kills + 1):
        who = "by its keeper" if stormed else "begun by hand"
        if stormed is None:
            born += 1
            stormed = Stormed(home, port, home / f"film{born}.mp4", home / "moments", home / f"log{born}.gz")
            in_keep = 0
        turns, started_s = stormed.told().get("turns", -1.0), time.monotonic()
        stormed.status.clear()
        wait_for(lambda s=stormed: "frame" in s.status, "a show that says how it is", 180.0)
        back_s[who].append(time.monotonic() - started_s)
        wait_for(lambda s=stormed, t=turns: s.told().get("turns", t) != t, "the show's walk", 180.0)
        stormed.status.clear()
        wait_for(lambda s=stormed: int(s.status.get("frame", 0)) > FILMED_FRAMES, "a piece of film")
        told = stormed.told()
        found = {"cue": told["cue"], "blackout": told["blackout"], "master": told["master"][1]}
        found["held"] = told["held"].get("generator.x", [0, None])[1]
        if asked and found != asked:
            wrong.append(f"life {life}: asked for {asked}, found {found}")
        begins_black, black = black, life % 3 != 2
        if life == kills:
            films.append((home / f"film{born}.mp4", begins_black, begins_black))
            break
        value = round(dice.random(), 3)
        asked = {"cue": str(1 + life % 2), "blackout": black, "master": 0.25 + 0.5 * (life % 2), "held": None}
        told = {}

        def is_set(s: Stormed = stormed, want: dict[str, object] = asked, x: float = value) -> bool:
            told = s.told()
            want["held"] = told["held"].get("generator.x", [0, None])[1]
            return (
                all(told[k] == want[k] for k in ("cue", "blackout"))
                and told["master"][1] == want["master"]
                and (
                    abs(float(want["held"] or 9.0) - x) < 1e-3  # type: ignore[arg-type]
                )
            )

        for address, argument in (("cue", asked["cue"]), ("generator/x", value), ("master", asked["master"])):
            stormed.send(address, argument)  # type: ignore[arg-type]
        stormed.send("blackout", int(black))
        wait_for(is_set, f"what was set, on the disk: {asked}")
        whole = dice.random() < 0.4
        kept = f".kept-{in_keep + 1}" if not whole else ""
        part = home / f"film{born}{kept}.mp4"
        films.append((part.with_name(part.name + ".part") if whole else part, begins_black, black))
        show = stormed.show()
        assert show
        if whole:
            stormed.close()
            stormed = None
        else:
            in_keep += 1
            show.kill()
            wait_for(lambda s=stormed, p=show.pid: (a := s.show()) is not None and a.pid != p, "another show")
    assert stormed
    stormed.keeper.send_signal(signal.SIGTERM)
    code = stormed.keeper.wait(120)
    wrong += [f"exit code {code}"] * (code != 0)
    stormed.close()
    return wrong + judge(films, kills, born, back_s, time.monotonic() - began_s)


def judge(
    films: list[tuple[Path, bool, bool]], kills: int, born: int, back_s: dict[str, list[float]], lasted_s: float
) -> list[str]:
    """Look at every film: all black where black was asked for throughout, and at its beginning where only then."""
    wrong, looked = list[str](), 0
    for film, begins_black, ends_black in films:
        light = [brightest >= BLACK for _, brightest in frames_of(film)]
        must = light if begins_black and ends_black else light[:3] if begins_black else []
        looked += len(must)
        if any(must):
            wrong.append(f"{film.name}: light in {sum(must)} of {len(must)} frames that had to be black")
    wrong += ["the films show nothing that had to be black"] * (not looked)
    print(f"\n{kills} kills, {born - 1} of them of everything, in {lasted_s:.0f} s")
    print(f"  saw     {looked} filmed frames that had to be black, in {len(films)} films")
    for who, taken_s in back_s.items():
        if taken_s:
            print(f"  saw     {who}: back, and a desk was told so, in {min(taken_s):.1f} to {max(taken_s):.1f} s")
    return wrong
