"""A sheet of paper in; a page out on which people draw, and see what the show makes of it at once."""

from __future__ import annotations

from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from installation.pages.answers import answer
from installation.pages.feed import Feed

NEWS_EVERY_S = 0.1


class Paper(Protocol):
    """What the page draws on; called from several threads at once."""

    def state(self) -> dict[str, Any]: ...
    def news(self) -> dict[str, Any]: ...
    def hear(self, text: str) -> None: ...


def create(paper: Paper) -> list[BaseRoute]:
    """The page's routes, beside its files. Strokes come over the socket; sheet and wall go back over it."""
    feed = Feed(paper.news, NEWS_EVERY_S, paper.hear)

    def state(_: Request) -> Response:
        return answer(paper.state)

    return [Route("/state", state), WebSocketRoute("/follow", feed.serve)]
