"""A running show in; a page out from which it is run: cues, knobs, what is on the wall, health, messages, learning."""

from __future__ import annotations

import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from installation.pages.answers import answer, parse
from installation.pages.feed import Feed
from installation.pages.guard import refuse

NEWS_EVERY_S = 0.1
LONGEST_FADE_S = 3600.0


class Desk(Protocol):
    """What the page asks of a show; called from several threads at once."""

    def state(self) -> dict[str, Any]: ...
    def news(self) -> dict[str, Any]: ...
    def hear(self, text: str) -> None: ...
    def thumbnail(self, name: str) -> bytes: ...
    def save(self) -> dict[str, Any]: ...
    def discard(self) -> dict[str, Any]: ...
    def keep_preset(self, name: str) -> dict[str, Any]: ...
    def recall_preset(self, name: str, fade_s: float) -> dict[str, Any]: ...
    def drop_preset(self, name: str) -> dict[str, Any]: ...


def create(desk: Desk) -> list[BaseRoute]:
    """The page's routes, beside its files. What moves goes over the socket, both ways."""
    feed = Feed(desk.news, NEWS_EVERY_S, desk.hear)

    def state(_: Request) -> Response:
        return answer(desk.state)

    async def save(_: Request) -> Response:
        return await run_in_threadpool(answer, desk.save)

    async def discard(_: Request) -> Response:
        return await run_in_threadpool(answer, desk.discard)

    async def preset(request: Request) -> Response:
        told = parse(await request.body())
        act, name, fade_s = told.get("act"), told.get("name"), told.get("fade_s", 0.0)
        acts: dict[str, Callable[[], dict[str, Any]]] = {
            "keep": lambda: desk.keep_preset(str(name)),
            "recall": lambda: desk.recall_preset(str(name), float(fade_s)),
            "drop": lambda: desk.drop_preset(str(name)),
        }
        if not isinstance(name, str) or not isinstance(act, str) or act not in acts or not _is_fade(fade_s):
            wanted = '{"act": "keep" | "recall" | "drop", "name": ..., "fade_s": 0..3600}'
            return refuse(HTTPStatus.BAD_REQUEST, f"expected {wanted}")
        return await run_in_threadpool(answer, acts[act])

    def moment(request: Request) -> Response:
        try:
            kept = {"Cache-Control": "private, max-age=86400"}  # it never changes
            return Response(desk.thumbnail(request.path_params["name"]), media_type="image/jpeg", headers=kept)
        except KeyError:
            return refuse(HTTPStatus.NOT_FOUND, "no moment of that name")

    return [
        Route("/state", state),
        Route("/save", save, methods=["POST"]),
        Route("/discard", discard, methods=["POST"]),
        Route("/preset", preset, methods=["POST"]),
        Route("/moment/{name}", moment),
        WebSocketRoute("/follow", feed.serve),
    ]


def _is_fade(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= LONGEST_FADE_S
