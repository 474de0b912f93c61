"""What a show is to be started with in; the text of its systemd unit out, and whether a text is one of ours, untouched.

The first line carries a SHA-256 of all that follows it: what somebody else wrote, or changed by hand, is known by it.
"""

from __future__ import annotations

import hashlib
import re
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from installation.live.keeper import LONGEST_WAIT_S, OPENING_S

MARK = "# Written by `installation service`, sha256 "
WATCHDOG_S = OPENING_S + LONGEST_WAIT_S + 30.0  # longer than the keeper itself lets a show take that comes back
LONGEST_NAME = 120  # characters of a show's name in its unit's
SAFE_WORD = re.compile(r"[A-Za-z0-9_@+=:,./-]+")
USERS_ORDER = "After=default.target graphical-session.target"
MACHINES_ORDER = """\
After=network-online.target multi-user.target graphical.target
Wants=network-online.target"""
TEMPLATE = """\
[Unit]
Description=installation: the show {show}
# After the target that wants it: nothing waits for a show that itself waits for its display.
{order}
StartLimitIntervalSec=0

[Service]
# READY when light is on the wall, alive while frames are presented.
Type=notify
NotifyAccess=main
{start}
# The colon: a $ in these words is a $.
ExecStart=:{line}
Restart=always
RestartSec=2
# Longer than the keeper lets a show take that is being started again: its patience ends first.
WatchdogSec={watchdog_s:.0f}
# As long as it takes: it waits for a display.
TimeoutStartSec=infinity
# The film and the log are finished first.
TimeoutStopSec=90
KillMode=mixed
LimitCORE=0
# One part that took too much memory is replaced; the others play on.
OOMPolicy=continue
NoNewPrivileges=yes

[Install]
WantedBy={target}
"""


@dataclass(frozen=True)
class Unit:
    """One show as a service: words are those of `installation live`, folder is where it works, user whom a unit of
    the machine's systemd runs as ("" for one of the user's own)."""

    show: str
    words: tuple[str, ...]
    folder: Path
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return unit_name(self.show)

    @property
    def text(self) -> str:
        """The whole file. Raises ValueError for what no unit can hold: control characters, bytes that are no UTF-8."""
        line = (sys.executable, "-m", "installation", "live", "--unattended", *self.words)
        start = [f"User={self.user}"] if self.user else []
        start += [f"WorkingDirectory={whole_line(self.folder)}"]
        start += [f"Environment={quote(f'{name}={value}')}" for name, value in self.environment.items()]
        body = TEMPLATE.format(
            show=plain(Path(self.show).stem),
            order=MACHINES_ORDER if self.user else USERS_ORDER,
            start="\n".join(start),
            line=" ".join(map(quote, line)),
            watchdog_s=WATCHDOG_S,
            target="multi-user.target" if self.user else "default.target",
        )
        return seal(body)


def unit_name(show: str) -> str:
    """The name of a show's unit: what it may not hold is replaced, and a sum of the whole tells such shows apart."""
    stem = Path(show).stem
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem)[:LONGEST_NAME]
    if safe != stem:
        safe += f"-{zlib.crc32(stem.encode('utf-8', 'surrogateescape')):08x}"
    return f"installation-{safe}.service"


def plain(text: str) -> str:
    """A text with its specifiers (%) made literal. Raises ValueError for what a unit cannot hold."""
    if any(_is_foreign(ord(letter)) for letter in text):
        raise ValueError(f"{text!r}: no line break, control character or broken UTF-8 can stand in a service's unit")
    return text.replace("%", "%%")


def whole_line(path: Path) -> str:
    """A path as the rest of a line, which knows no quotes. Raises ValueError where it would be read as another."""
    text = str(path)
    if text != text.strip() or text.endswith("\\"):
        raise ValueError(f"{text!r}: a service cannot work in a folder whose name ends so; give it another name")
    return plain(text)


def quote(word: str) -> str:
    """A word as ExecStart= and Environment= read it back. Raises ValueError for what a unit cannot hold."""
    if SAFE_WORD.fullmatch(word):
        return word
    return '"' + plain(word).replace("\\", "\\\\").replace('"', '\\"') + '"'


def seal(body: str) -> str:
    """The text with its first line before it."""
    return f"{MARK}{hashlib.sha256(body.encode()).hexdigest()}\n{body}"


def is_ours(text: bytes) -> bool:
    """Whether `installation service` wrote this, whatever became of it since."""
    return text.startswith(MARK.encode())


def is_untouched(text: bytes) -> bool:
    """Whether it is to the letter what `installation service` wrote."""
    head, _, body = text.partition(b"\n")
    return head == f"{MARK}{hashlib.sha256(body).hexdigest()}".encode()


def setting(text: str, name: str) -> str:
    """What a unit of ours says for a name that it has once; empty when it has none."""
    return next((line.partition("=")[2] for line in text.split("\n") if line.startswith(f"{name}=")), "")


def _is_foreign(code: int) -> bool:
    control, surrogate = code < 0x20 or 0x7F <= code < 0xA0, 0xD800 <= code < 0xE000
    return control or surrogate or 0xFDD0 <= code < 0xFDF0 or code & 0xFFFE == 0xFFFE
