"""The service as a gallery's technician meets it: what is written, what is refused, what systemd is told and tells."""

from __future__ import annotations

import json
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from installation.__main__ import main
from installation.machine.doctor import service as doctor_service
from installation.machine.service import asking, systemd, unit

ME = pwd.getpwuid(os.getuid()).pw_name
SHOW = """
[generator]
name = "pattern"
[[inputs]]
name = "recording"
[[effects]]
file = "grain.fs"
[screen]
size = [320, 180]
working_size = [160, 90]
fps = 20.0
"""
STAND_IN = """\
#!/bin/sh
program=$(basename "$0")
for verb; do case $verb in --*) ;; *) break ;; esac; done
echo "$program $*" >> "{here}/log"
cat "{here}/$program.$verb" 2> /dev/null
if [ -e "{here}/refused.$verb" ]; then echo "Access denied" >&2; exit 1; fi
"""
AWKWARD = [
    *(
        "two words",
        "",
        ";",
        "a;b",
        "#",
        "'",
        '"',
        "\\",
        "tail\\",
        "\\n",
        "\\x41",
        '\\"',
        'a\'b "c" d',
        "%h",
        "100%",
        "%%",
    ),
    *(
        "$HOME",
        "${HOME}",
        "$$",
        "$1 $",
        "-",
        "@",
        ":",
        "!",
        "+x",
        "~",
        "*",
        "é ü ß",
        "画廊",
        "🎞 reel",
        "\u00ad\u2028",
        " lead",
    ),
    *("trail ", "`id`", "$(id)", "a=b", "|&<>", "".join(map(chr, range(0x20, 0x7F)))),
]
PLAYS = """\
LoadState=loaded
UnitFileState=enabled
ActiveState=active
SubState=running
Result=success
ActiveEnterTimestamp=Sat 2026-11-28 09:00:00 UTC
NRestarts=2
StatusText=light is on the wall
"""


class Gallery:
    """A folder with a show, a home of its own, and a systemd that is played by scripts."""

    def __init__(self, home: Path) -> None:
        self.home, self.played, self.state = home, home / "played", home / "state/installation"
        self.floor = home / "floor $1 50% é"
        self.units = home / "config/systemd/user"
        self.unit = self.units / "installation-small.service"
        for folder in (self.floor, self.played):
            folder.mkdir()
        (self.floor / "small.toml").write_text(SHOW)
        for program in ("systemctl", "loginctl", "journalctl"):
            (self.played / program).write_text(STAND_IN.format(here=self.played))
            (self.played / program).chmod(0o755)
        self.answer("systemctl", "is-system-running", "running\n")
        self.answer("loginctl", "show-user", "Linger=yes\n")

    def answer(self, program: str, verb: str, text: str) -> None:
        (self.played / f"{program}.{verb}").write_text(text)

    def refuse(self, verb: str) -> None:
        (self.played / f"refused.{verb}").touch()

    def told(self, program: str = "systemctl") -> list[str]:
        """What a program was told that is no question, oldest first."""
        path = self.played / "log"
        lines = path.read_text().splitlines() if path.is_file() else []
        return [
            line for line in lines if line.split()[0] == program and not re.search("is-system-running| show ", line)
        ]


@pytest.fixture
def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    made = Gallery(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", f"{made.played}:{os.environ['PATH']}")
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(systemd, "MACHINE_FOLDER", tmp_path / "etc/systemd/system")
    monkeypatch.setattr(systemd, "LINGERING", tmp_path / "linger")
    monkeypatch.setattr(asking, "RUN", tmp_path / "run")
    monkeypatch.setattr(asking, "X_SOCKETS", tmp_path / "x11")
    monkeypatch.chdir(made.floor)
    return made


def service(*words: str) -> int:
    return main(["service", *words])


def settings_of(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in path.read_text().split("\n"):
        name, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def words_of(value: str) -> list[str]:
    """A value's words: our quotes are a shell's too, but for the per cent signs."""
    return [word.replace("%%", "%") for word in shlex.split(value.removeprefix(":"))]


def verify(path: Path, scope: str, **more: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here: apt install systemd")
    run = path.parent / "run"
    run.mkdir(exist_ok=True)
    environment = os.environ | {"XDG_RUNTIME_DIR": str(run)} | more
    return subprocess.run([program, scope, "verify", str(path)], env=environment, capture_output=True, text=True)


def read_by_systemd(path: Path) -> list[str]:
    """The words of ExecStart= as systemd's own parser has them, said by it in a shell's quotes."""
    told = verify(path, "--user", SYSTEMD_LOG_LEVEL="debug")
    (line,) = re.findall(r"Command Line: (.*)", told.stdout + told.stderr)
    words = re.findall(r'"((?:\\.|[^"\\])*)"|([^ ]+)', line)
    return [bare if bare else re.sub(r"\\(.)", r"\1", quoted) for quoted, bare in words]


# ---- what is written


def test_a_show_is_installed_with_one_line_and_systemd_is_told_of_it(gallery: Gallery, capsys) -> None:
    assert service("install", "--show", "small.toml", "--headless") == 0
    assert f"wrote {gallery.unit}" in capsys.readouterr().out
    name = gallery.unit.name
    assert gallery.told() == [
        "systemctl --user daemon-reload",
        f"systemctl --user enable {name}",
        f"systemctl --user restart --no-block {name}",  # it would wait for the display; and new words are to count
    ]
    written = settings_of(gallery.unit)
    assert written["Type"] == ["notify"] and written["Restart"] == ["always"] and written["KillMode"] == ["mixed"]
    assert written["StartLimitIntervalSec"] == ["0"] and written["TimeoutStartSec"] == ["infinity"]
    assert written["LimitCORE"] == ["0"] and written["NoNewPrivileges"] == ["yes"]
    assert "User" not in written and "Wants" not in written
    assert written["WorkingDirectory"] == [str(gallery.floor).replace("%", "%%")]


def test_systemds_patience_is_longer_than_the_keepers(gallery: Gallery) -> None:
    from installation.live import keeper

    assert service("install", "--show", "small.toml") == 0
    (watchdog,) = settings_of(gallery.unit)["WatchdogSec"]
    assert float(watchdog) > keeper.OPENING_S + keeper.LONGEST_WAIT_S + keeper.SILENT_S


def test_the_words_of_the_show_are_handed_over_in_their_order_whichever_side_of_the_dashes(gallery: Gallery) -> None:
    words = ["--monitor", "HDMI 1", "--osc-port", "0", "--", "--record", "a $b.mp4", "--osc-host=::1"]
    assert service("install", "--no-start", "--show", "small.toml", *words) == 0
    (line,) = settings_of(gallery.unit)["ExecStart"]
    words.remove("--")
    start = [sys.executable, "-m", "installation", "live", "--unattended", "--show", str(gallery.floor / "small.toml")]
    assert words_of(line) == [*start, *words]
    assert not any("restart" in told for told in gallery.told())


@pytest.mark.parametrize("at", [["--show=small.toml"], ["--", "--show", "small.toml"], ["--sho", "small.toml"]])
def test_a_show_given_by_path_is_found_from_anywhere(gallery: Gallery, at: list[str]) -> None:
    assert service("install", *at) == 0
    (line,) = settings_of(gallery.unit)["ExecStart"]
    assert words_of(line)[5:] == ["--show", str(gallery.floor / "small.toml")]


def test_what_is_printed_is_what_would_be_written_and_nothing_is(gallery: Gallery, capsys) -> None:
    assert service("print", "--show", "small.toml", "--headless") == 0
    printed = capsys.readouterr().out
    assert not gallery.unit.exists() and not gallery.told()
    assert service("install", "--show", "small.toml", "--headless") == 0
    assert gallery.unit.read_text() == printed


def test_systemd_has_no_complaint_about_either_unit(gallery: Gallery, tmp_path: Path) -> None:
    for user in ("", "root"):
        one = unit.Unit("small.toml", ("--monitor", "a b"), gallery.floor, user, {"DISPLAY": ":0"})
        path = tmp_path / one.name
        path.write_text(one.text)
        told = verify(path, "--system" if user else "--user")
        assert told.returncode == 0 and one.name not in told.stdout + told.stderr, told.stderr


def test_every_word_comes_out_of_systemds_own_parser_as_it_was_typed(gallery: Gallery, tmp_path: Path) -> None:
    path = tmp_path / "installation-small.service"
    path.write_text(unit.Unit("small", tuple(AWKWARD), gallery.floor).text)
    assert read_by_systemd(path)[5:] == AWKWARD
    (line,) = settings_of(path)["ExecStart"]
    assert line.startswith(":"), "without it systemd puts its environment in where a word has a $"
    assert words_of(line)[5:] == AWKWARD


@pytest.mark.parametrize("word", ["two\nlines", "\r", "\0", "\x1b[0m", "\x85", "\udcff", "\uffff", "\ufdd0"])
def test_what_no_unit_can_hold_is_refused_before_anything_is_written(gallery: Gallery, word: str, capsys) -> None:
    assert service("install", "--show", "small.toml", "--monitor", word) == 2
    assert "can stand in a service's unit" in capsys.readouterr().err
    assert not gallery.units.exists() and not gallery.told()


@pytest.mark.parametrize("ending", [" ", "\\"])
def test_a_folder_whose_name_would_be_read_as_another_is_refused(gallery: Gallery, ending: str, monkeypatch) -> None:
    folder = gallery.home / f"floor{ending}"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert service("install") == 2 and not gallery.units.exists()


def test_the_name_of_a_unit_is_one_safe_name_and_two_shows_never_share_it(gallery: Gallery) -> None:
    shows = ["bloom", "müll", "mäll", "a b", "a-b", "x@y", "50%", "é" * 300, "../../etc/passwd.toml", "\udcff"]
    names = [unit.unit_name(show) for show in shows]
    assert names[0] == "installation-bloom.service" and len(set(names)) == len(names)
    assert all(re.fullmatch(r"installation-[A-Za-z0-9_.-]{1,130}\.service", name) for name in names)


# ---- what is refused


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--show", "nowhere.toml"], "no show"),
        (["--show", "small.toml", "--fps", "-1"], "fps: must be above 0"),
        (["--show", "small.toml", "--seconds", "3"], "--seconds"),
        (["--show", "small.toml", "--no-guard"], "--no-guard"),
        (["--show", "small.toml", "--osc-table"], "--osc-table"),
    ],
)
def test_what_could_not_play_for_months_is_refused_before_anything_is_written(
    gallery: Gallery, words: list[str], why: str, capsys
) -> None:
    assert service("install", *words) == 2
    assert why in capsys.readouterr().err
    assert not gallery.units.exists() and not gallery.told()


def test_a_word_that_the_show_does_not_know_is_refused(gallery: Gallery) -> None:
    with pytest.raises(SystemExit) as ended:
        service("install", "--show", "small.toml", "--shader", "x")
    assert ended.value.code == 2 and not gallery.units.exists()


@pytest.mark.parametrize("what", ["install", "remove"])
@pytest.mark.parametrize("kind", ["foreign", "edited", "link", "dangling", "folder", "masked"])
def test_what_we_did_not_write_or_another_edited_is_left_as_it_is(
    gallery: Gallery, what: str, kind: str, capsys
) -> None:
    assert service("install", "--show", "small.toml", "--no-start") == 0
    ours = gallery.unit.read_bytes()
    elsewhere = gallery.home / "elsewhere"
    if kind != "edited":
        gallery.unit.unlink()
    if kind == "foreign":
        gallery.unit.write_text("[Service]\nExecStart=/bin/true\n")
    elif kind == "edited":
        gallery.unit.write_bytes(ours.replace(b"RestartSec=2", b"RestartSec=9"))
    elif kind == "folder":
        gallery.unit.mkdir()
    else:
        if kind == "link":
            elsewhere.write_bytes(ours)
        gallery.unit.symlink_to("/dev/null" if kind == "masked" else elsewhere)
    before = (os.readlink(gallery.unit) if gallery.unit.is_symlink() else "", _content(gallery.unit))
    (gallery.played / "log").unlink()
    assert service(what, "--show", "small.toml") == 2
    assert "move" in capsys.readouterr().err and not gallery.told()
    after = (os.readlink(gallery.unit) if gallery.unit.is_symlink() else "", _content(gallery.unit))
    assert after == before and (kind == "link") == elsewhere.exists()


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def test_a_link_that_leads_out_of_the_folder_of_units_is_not_followed(gallery: Gallery, capsys) -> None:
    outside = gallery.home / "outside"
    outside.mkdir()
    gallery.units.parent.mkdir(parents=True)
    gallery.units.symlink_to(outside)
    assert service("install", "--show", "small.toml") == 2
    assert "leads out" in capsys.readouterr().err and not list(outside.iterdir()) and not gallery.told()


def test_our_own_untouched_unit_is_replaced_by_what_is_asked_for_now(gallery: Gallery, capsys) -> None:
    for words in (["--osc-port", "9001"], ["--osc-port", "9002"]):
        assert service("install", "--show", "small.toml", *words) == 0
    assert "replaced" in capsys.readouterr().out
    assert words_of(settings_of(gallery.unit)["ExecStart"][0])[-2:] == ["--osc-port", "9002"]
    assert [path.name for path in gallery.units.iterdir()] == [gallery.unit.name]


# ---- the machine's own systemd


def test_the_machines_unit_is_roots_to_write_and_the_line_to_type_is_said(
    gallery: Gallery, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert service("install", "--system", "--show", "small.toml", "--monitor", "HDMI 1") == 2
    line = f"sudo {sys.executable} -m installation service install --system --show small.toml --monitor 'HDMI 1'"
    assert line in capsys.readouterr().err and not systemd.MACHINE_FOLDER.exists()
    assert service("remove", "--system") == 2


def test_sudo_without_system_is_refused_as_it_would_be_roots_own_service(gallery: Gallery, monkeypatch, capsys) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", ME)
    assert service("install", "--show", "small.toml") == 2
    assert "without sudo" in capsys.readouterr().err and not gallery.units.exists()


def test_a_service_of_the_machine_runs_as_somebody_with_the_screen_that_was_found(
    gallery: Gallery, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"):
        monkeypatch.delenv(name, raising=False)
    assert service("install", "--system", "--show", "small.toml") == 2
    assert "--as NAME" in capsys.readouterr().err
    assert service("install", "--system", "--as", "nobody-here", "--show", "small.toml") == 2
    run = asking.RUN / str(os.getuid())
    (run / "gdm").mkdir(parents=True)
    (run / "gdm/Xauthority").touch()
    asking.X_SOCKETS.mkdir()
    (asking.X_SOCKETS / "X5").touch()
    monkeypatch.setenv("SUDO_USER", ME)
    assert service("install", "--system", "--show", "small.toml") == 0
    path = systemd.MACHINE_FOLDER / "installation-small.service"
    written, said = settings_of(path), capsys.readouterr().out
    assert written["User"] == [ME] and "Wants" in written and written["WantedBy"] == ["multi-user.target"]
    environment = {words_of(value)[0] for value in written["Environment"]}
    keys = {f"XDG_RUNTIME_DIR={run}", "DISPLAY=:5"}
    assert keys <= environment and any(value.startswith("XAUTHORITY=") for value in environment)
    assert "DISPLAY=:5" in said and f"as {ME}" in said
    assert not any(value.startswith("XDG_STATE_HOME") for value in environment), "that is root's"
    assert gallery.told()[0] == "systemctl daemon-reload"
    monkeypatch.delenv("SUDO_USER")
    assert service("install", "--show", "small.toml") == 2, "the same show twice on one screen"
    assert service("remove", "--system") == 0 and not path.exists()


# ---- systemd that refuses, or is not there


def test_where_no_systemd_answers_the_unit_is_there_and_what_to_type_is_said(gallery: Gallery, capsys) -> None:
    gallery.answer("systemctl", "is-system-running", "offline\n")
    assert service("install", "--show", "small.toml") == 0
    said = capsys.readouterr().out
    assert gallery.unit.is_file() and not gallery.told()
    for words in ("daemon-reload", f"enable {gallery.unit.name}", f"restart --no-block {gallery.unit.name}"):
        assert f"systemctl --user {words}" in said
    wants = gallery.units / "default.target.wants" / gallery.unit.name
    wants.parent.mkdir()
    wants.symlink_to(gallery.unit)
    assert service("remove") == 0
    assert not os.path.lexists(wants) and not gallery.unit.exists()


def test_where_systemctl_is_not_even_installed_the_unit_is_written_all_the_same(gallery: Gallery, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(gallery.home))
    assert service("install", "--show", "small.toml") == 0 and gallery.unit.is_file()


@pytest.mark.parametrize("verb", ["daemon-reload", "enable", "restart"])
def test_what_systemd_refuses_is_said_and_is_a_failure(gallery: Gallery, verb: str, capsys) -> None:
    gallery.refuse(verb)
    assert service("install", "--show", "small.toml") == 1
    assert f"{verb}" in (said := capsys.readouterr().err) and "Access denied" in said


@pytest.mark.parametrize(("linger", "says"), [("Linger=no\n", True), ("Linger=yes\n", False)])
def test_a_user_who_does_not_linger_is_told_the_one_line(gallery: Gallery, linger: str, says: bool, capsys) -> None:
    gallery.answer("loginctl", "show-user", linger)
    assert service("install", "--show", "small.toml") == 0
    assert (f"loginctl enable-linger {ME}" in capsys.readouterr().out) is says


# ---- remove and status


def test_removing_stops_it_first_and_leaves_nothing_of_ours(gallery: Gallery, capsys) -> None:
    assert service("install", "--show", "small.toml") == 0
    (gallery.played / "log").unlink()
    assert service("remove") == 0
    assert gallery.told() == [f"systemctl --user disable --now {gallery.unit.name}", "systemctl --user daemon-reload"]
    assert not list(gallery.units.iterdir()) and "removed" in capsys.readouterr().out
    assert service("remove") == 2 and service("remove", "--show", "small") == 2


def test_a_service_that_systemd_does_not_let_go_keeps_its_unit(gallery: Gallery) -> None:
    assert service("install", "--show", "small.toml") == 0
    gallery.refuse("disable")
    assert service("remove") == 1 and gallery.unit.is_file()


def test_with_two_installed_the_one_to_remove_is_to_be_named(gallery: Gallery, capsys) -> None:
    (gallery.floor / "other.toml").write_text(SHOW)
    for show in ("small.toml", "other.toml"):
        assert service("install", "--show", show) == 0
    assert service("remove") == 2
    assert "small" in (said := capsys.readouterr().err) and "other" in said
    assert service("remove", "--show", "other.toml") == 0 and gallery.unit.is_file()


def test_status_says_how_it_is_since_when_what_it_said_last_and_what_it_died_of(gallery: Gallery, capsys) -> None:
    assert service("install", "--show", "small.toml") == 0
    gallery.answer("systemctl", "show", PLAYS)
    gallery.answer("journalctl", "-u", "a camera came back\n")
    (gallery.state / "crashes").mkdir(parents=True)
    (gallery.state / "small.state.json").write_text(json.dumps({"blackout": True}))
    for day in range(1, 6):
        (gallery.state / f"crashes/2026-11-0{day}T03-00-00.txt").write_text(f"day {day}  it ended with SIGKILL\nmore\n")
    capsys.readouterr()
    assert service("status") == 0
    said = capsys.readouterr().out
    assert "enabled, active (running) since Sat 2026-11-28 09:00:00 UTC, 2 restarts" in said
    assert "light is on the wall" in said and "a camera came back" in said and "journalctl --user -u" in said
    assert "small.state.json, written 20" in said and ", blackout" in said
    assert "5 kept in" in said and "day 5  it ended with SIGKILL" in said and "day 2" not in said


@pytest.mark.parametrize("state", ["inactive", "failed", "activating"])
def test_status_of_what_does_not_play_is_three(gallery: Gallery, state: str, capsys) -> None:
    assert service("status") == 3
    assert "no service is installed" in capsys.readouterr().out
    assert service("install", "--show", "small.toml") == 0
    told = PLAYS.replace("=active", f"={state}").replace("Result=success", "Result=watchdog")
    gallery.answer("systemctl", "show", told)
    assert service("status", "--show", "small") == 3
    said = capsys.readouterr().out
    assert state in said and "since" not in said and "ended by watchdog" in said


@pytest.mark.parametrize("text", ["{", "[" * 100000, "\x00", "[]"])
def test_status_reads_a_torn_note_of_what_was_set(gallery: Gallery, text: str) -> None:
    assert service("install", "--show", "small.toml") == 0
    gallery.state.mkdir(parents=True)
    (gallery.state / "small.state.json").write_text(text)
    assert service("status") == 3


@pytest.mark.parametrize(
    ("told", "linger", "state", "cause"),
    [
        (PLAYS, "yes", "ok", ""),
        (PLAYS, "no", "note", "no-linger"),
        (PLAYS.replace("=enabled", "=disabled"), "yes", "note", "disabled"),
        (PLAYS.replace("=active", "=failed"), "yes", "note", "stopped"),
        ("", "yes", "note", "unreachable"),
    ],
)
def test_the_doctor_has_a_line_about_the_service_only_where_one_is_installed(
    gallery: Gallery, told: str, linger: str, state: str, cause: str
) -> None:
    assert not list(doctor_service.look_at_service("service"))
    assert service("install", "--show", "small.toml") == 0
    gallery.answer("systemctl", "show", told)
    gallery.answer("loginctl", "show-user", f"Linger={linger}\n")
    (found,) = doctor_service.look_at_service("service")
    assert (found.state, found.cause) == (state, cause) and gallery.unit.name in found.found
    assert bool(found.advice) is (state != "ok")


# ---- the line that systemd would run, run


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(120)
        yield listening


def test_the_very_line_of_the_unit_says_ready_alive_and_stopping(
    gallery: Gallery, manager: socket.socket, wait_for: Callable[..., object]
) -> None:
    words = ["--headless", "--osc-port", "0", "--", "--record", "a $1 film.mp4"]
    assert service("install", "--show", "small.toml", *words) == 0
    written = settings_of(gallery.unit)
    environment = dict(words_of(value)[0].split("=", 1) for value in written["Environment"])
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "PYTHONPATH"))}
    process = subprocess.Popen(
        words_of(written["ExecStart"][0]),
        cwd=written["WorkingDirectory"][0].replace("%%", "%"),
        env=bare | environment | {"NOTIFY_SOCKET": str(manager.getsockname())},
        stderr=subprocess.DEVNULL,
    )
    try:
        heard = [manager.recv(4096).decode()]
        assert "READY=1" in heard[0]
        while "WATCHDOG=1" not in heard:
            heard.append(manager.recv(4096).decode())
        process.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in heard:
            heard.append(manager.recv(4096).decode())
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()
    with av.open(str(gallery.floor / "a $1 film.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) > 0
    assert (gallery.state / "small.state.json").is_file()
