"""A desk that listens, and a sender as operators use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pythonosc.udp_client import SimpleUDPClient
from rehearsal import open_desk

from installation.control.desk import Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = open_desk()
    yield made
    made.close()


@pytest.fixture
def sender(desk: Desk) -> SimpleUDPClient:
    return SimpleUDPClient("127.0.0.1", desk.port)
