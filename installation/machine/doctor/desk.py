"""The desk's ports in; whether a show can listen there out, or whether one does already."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from installation.machine.doctor.finding import Finding

ANSWER_S = 0.5
KINDS = {"UDP": socket.SOCK_DGRAM, "TCP": socket.SOCK_STREAM}


def look_at_ports(subject: str) -> Iterator[Finding]:
    """One line about UDP and TCP port 9000, or whichever is the default."""
    from installation.settings import Osc

    host, port = Osc().host, Osc().port
    taken = next((name for name, kind in KINDS.items() if not _is_free(host, port, kind)), "")
    if not taken:
        found = f"UDP and TCP port {port} of {host} are free; --osc-host lets a desk on the network in"
        yield Finding(subject, "ok", found)
    elif show_answers(host, port):
        yield Finding(subject, "ok", f"a show is running here: it answers on port {port}")
    else:
        advice = "Another program listens there: end it, or choose --osc-port."
        yield Finding(subject, "missing", f"{taken} port {port} is taken", advice, "busy")


def _is_free(host: str, port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as ear:
        if kind == socket.SOCK_STREAM:  # as the desk opens it: a show that has just ended is no hindrance
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            ear.bind((host, port))
        except OSError:
            return False
    return True


def show_answers(host: str, port: int) -> bool:
    """Whether it is a show that listens there: it answers /installation/ping."""
    from installation.packets import PacketError, decode, encode

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(ANSWER_S)
        try:
            line.connect((host, port))
            line.send(encode("/installation/ping"))
            return any(address == "/installation/pong" for address, _ in decode(line.recv(65536)))
        except (OSError, PacketError):
            return False
