"""What is asked of the panel in, where browsers find it out: its addresses, said once and shown as a code to scan."""

from __future__ import annotations

import ipaddress
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from installation.settings import Panel, Show

EVERYWHERE = ("0.0.0.0", "::", "")


def asked_for(show: Show, options: Namespace) -> Panel:
    """The panel as the command line has it. A show of limited length, or a replay, has one only if it is asked for."""
    asked = {"host": options.panel_host, "port": options.panel_port}
    asked = {name: value for name, value in asked.items() if value is not None}
    short = options.seconds or options.replay
    return replace(show.panel, on=not options.no_panel and bool(asked or (show.panel.on and not short)), **asked)


def beyond_loopback(asked: Panel) -> bool:
    """Whether other machines can open the page."""
    return not (asked.host.startswith("127.") or asked.host in ("::1", "localhost"))


def addresses(asked: Panel, port: int, token: str) -> list[str]:
    """Where a browser opens it; of a page that listens everywhere, in every network that this machine is in."""
    hosts = _own() or ["127.0.0.1"] if asked.host in EVERYWHERE else [asked.host]
    return [f"http://{f'[{host}]' if ':' in host else host}:{port}/?token={token}" for host in hosts]


def say_address(found: Sequence[str], asked: Panel, draws: bool = False) -> None:
    """On the terminal, once; where telephones can come, the first one as a code. draws: there is a page to draw on."""
    for address in found:
        print(f"panel: {address}", flush=True)
        if draws:
            print(f"draw:  {address.replace('/?', '/draw/?')}", flush=True)
    if beyond_loopback(asked):
        import segno

        segno.make(found[0], micro=False).terminal(sys.stdout, compact=True)
        sys.stdout.flush()


def _own() -> list[str]:
    """Addresses of this machine that others may know, IPv4, private networks first."""
    import psutil

    rows = [row.address for rows in psutil.net_if_addrs().values() for row in rows if row.family.name == "AF_INET"]
    found = [ipaddress.ip_address(address) for address in rows]
    there = [one for one in found if not (one.is_loopback or one.is_link_local)]
    return [str(one) for one in sorted(there, key=lambda one: not one.is_private)]
