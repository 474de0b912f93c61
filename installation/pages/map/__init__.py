"""A model's map in; a page out on which the show is led over it by hand, and ways over it are kept."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from installation.pages.answers import answer, parse
from installation.pages.feed import Feed
from installation.pages.guard import refuse


class Sheet(Protocol):
    """What the page shows; called from several threads at once."""

    def state(self) -> dict[str, Any]: ...
    def picture(self) -> bytes: ...
    def news(self) -> dict[str, Any]: ...
    def go(self, x: float, y: float) -> dict[str, Any]: ...
    def release(self) -> dict[str, Any]: ...
    def save_path(self, name: str, stops: list[tuple[float, float]], seconds: float) -> dict[str, Any]: ...


def create(sheet: Sheet) -> list[BaseRoute]:
    """The page's routes, beside its files."""
    feed = Feed(sheet.news, 2.0)

    def state(_: Request) -> Response:
        return answer(sheet.state)

    def atlas(_: Request) -> Response:
        return Response(sheet.picture(), media_type="image/jpeg")

    async def go(request: Request) -> Response:
        said = parse(await request.body())
        place = _place(said.get("to"))
        if place is None:
            return refuse(HTTPStatus.BAD_REQUEST, 'expected {"to": [x, y]}, each 0..1')
        return await run_in_threadpool(answer, lambda: sheet.go(*place))

    async def release(_: Request) -> Response:
        return await run_in_threadpool(answer, sheet.release)

    async def save(request: Request) -> Response:
        said = parse(await request.body())
        stops = [_place(stop) for stop in said["stops"]] if isinstance(said.get("stops"), list) else [None]
        name, seconds = said.get("name"), said.get("seconds")
        if not isinstance(name, str) or not _is_number(seconds) or not all(stops):
            return refuse(HTTPStatus.BAD_REQUEST, 'expected {"name": ..., "stops": [[x, y], ...], "seconds": ...}')
        kept = [stop for stop in stops if stop]
        return await run_in_threadpool(answer, lambda: sheet.save_path(name, kept, float(seconds or 0)))

    return [
        Route("/state", state),
        Route("/atlas", atlas),
        Route("/go", go, methods=["POST"]),
        Route("/release", release, methods=["POST"]),
        Route("/path", save, methods=["POST"]),
        WebSocketRoute("/follow", feed.serve),
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _place(said: Any) -> tuple[float, float] | None:
    """x and y, 0..1; None for anything else."""
    if not isinstance(said, list) or len(said) != 2 or not all(_is_number(one) and 0 <= one <= 1 for one in said):
        return None
    return float(said[0]), float(said[1])
