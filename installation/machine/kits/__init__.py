"""A show in; a folder for each desk out, made from the show's own knobs and cues: `installation kits OUT/`.

A kit is a module beside this file, found by reading: ABOUT says how the desk takes it, create(plan) gives its files.
"""

from __future__ import annotations

import hashlib
from argparse import Namespace
from pathlib import Path

from installation import files, plugins
from installation.machine.kits.plan import Plan, plan_of
from installation.settings import SettingsError, open_show

ROOM = "machine.kits"
LEDGER = "kits.json"
ANSWERING = """\
Whatever a desk sends, the others see: faders and buttons follow. A desk on TCP is told from its first message on; one
on UDP at the port that it sends from, or at [osc] reply_port, or after /installation/status/subscribe PORT.
"""


def main(options: Namespace) -> int:
    """`installation kits OUT`: every kit, or those that are named. Raises SettingsError and OSError, one line each."""
    from installation.live import opening

    show = open_show(options.show)
    plan = plan_of(show, opening.knobs_of(show), options.host, options.port)
    names = options.kits or plugins.available(ROOM)
    made = {name: plugins.load(ROOM, name) for name in names}
    written = {f"{name}/{file}": text for name, kit in made.items() for file, text in kit.create(plan).items()}
    written["README.md"] = readme(plan, {name: kit.ABOUT for name, kit in made.items()}).encode()
    for path in write(options.out, written):
        print(f"wrote {path}")
    print(f"They send to {plan.host}, port {plan.port}, UDP or TCP; README.md there says how each desk takes its own.")
    return 0


def readme(plan: Plan, told: dict[str, str]) -> str:
    """How each desk takes what lies here."""
    lines = [
        f"# Desks for {plan.show}",
        "",
        f"Made from the show file; they send OSC to {plan.host}, port {plan.port}.",
    ]
    if plan.host.startswith("127."):
        lines += ["That is this machine alone: `--host` names the address by which the desks reach it, and the show"]
        lines += ["hears them with `host` and `allow` in its [osc]."]
    lines += ["", ANSWERING]
    for name, about in told.items():
        lines += [f"## {name}", "", about.format(show=plan.name, host=plan.host, port=plan.port).strip(), ""]
    if plan.left_out:
        lines += ["Left out, as no desk takes such an address: " + ", ".join(map(files.shown, plan.left_out)), ""]
    return "\n".join(lines)


def write(folder: Path, written: dict[str, bytes]) -> list[Path]:
    """Write files whole; only what this program wrote, and nobody has changed since, is replaced. Raises SettingsError
    naming what stands in the way, and then nothing is written."""
    before = files.read_json(folder / LEDGER)
    ours = before if isinstance(before, dict) else {}
    foreign = [name for name in written if is_foreign(folder / name, ours.get(name))]
    if foreign or (before is None and (folder / LEDGER).exists()):
        raise SettingsError(
            f"{folder}: {', '.join(foreign or [LEDGER])} is not ours, or was changed; name another folder"
        )
    for name, content in written.items():
        files.write_bytes(folder / name, content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}
    files.write_json(folder / LEDGER, ours | sums)
    return [folder / name for name in written]


def is_foreign(path: Path, known: object) -> bool:
    """Whether something stands there that this program did not write so."""
    if not path.is_file():
        return path.exists() or path.is_symlink()
    return path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != known
