"""The takes of a job in; a page out on which an artist keeps and rejects them, and which follows the job as it runs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from installation.pages.feed import Feed
from installation.pages.guard import refuse

log = logging.getLogger("installation.pages")
SIZES_PX = {"small": 640, "large": 1600}
CHOICES = ("keep", "reject", "")
AT_ONCE = 2  # pictures drawn at the same time


class Wall(Protocol):
    """What hangs on the wall; called from several threads at once."""

    def state(self) -> dict[str, Any]:
        """All takes with their figures, ranks and choices: plain JSON values."""

    def news(self) -> dict[str, Any]:
        """{"wall": the state, "work": what is being made now}; the same objects while nothing has changed."""

    def judge(self, key: str, choice: str) -> dict[str, Any]:
        """Write down "keep", "reject" or "" (not judged), then the new state. Raises KeyError for an unknown take."""

    def picture(self, key: str, longest_px: int) -> bytes:
        """A take as JPEG. Raises KeyError for an unknown take."""


def create(wall: Wall) -> list[BaseRoute]:
    """The page's routes, beside its files."""
    feed, drawing = Feed(wall.news), anyio.CapacityLimiter(AT_ONCE)

    def takes(_: Request) -> Response:
        return _answer(wall.state)

    async def choose(request: Request) -> Response:
        said = _parse(await request.body())
        if said is None:
            return refuse(HTTPStatus.BAD_REQUEST, 'expected {"key": ..., "choice": "keep", "reject" or ""}')
        answer = await run_in_threadpool(_answer, lambda: wall.judge(*said))
        feed.nudge()
        return answer

    async def picture(request: Request) -> Response:
        key = request.path_params["key"]
        longest_px = SIZES_PX.get(request.query_params.get("size", ""), SIZES_PX["small"])
        draw = anyio.to_thread.run_sync  # what is still drawn when the server ends is not waited for
        return await draw(_show, wall, key, longest_px, abandon_on_cancel=True, limiter=drawing)

    return [
        Route("/takes", takes),
        Route("/choice", choose, methods=["POST"]),
        Route("/picture/{key}", picture),
        WebSocketRoute("/follow", feed.serve),
    ]


def _parse(body: bytes) -> tuple[str, str] | None:
    """The take and what was said of it; None when a body is no choice."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    key, choice = said.get("key"), said.get("choice")
    return (key, choice) if isinstance(key, str) and choice in CHOICES else None


def _answer(ask: Callable[[], dict[str, Any]]) -> Response:
    try:
        return Response(json.dumps(ask(), allow_nan=False), media_type="application/json")
    except KeyError:
        return refuse(HTTPStatus.NOT_FOUND, "no such take; reload the page")
    except (OSError, ValueError) as error:  # a full disk: the page says so, the artist's choice is not lost unseen
        log.error("the select page: %s", error)
        return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))


def _show(wall: Wall, key: str, longest_px: int) -> Response:
    try:
        jpeg = wall.picture(key, longest_px)
    except KeyError:
        return refuse(HTTPStatus.NOT_FOUND, "no such take")
    except (OSError, ValueError) as error:
        log.error("the select page cannot show %s: %s", key, error)
        return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})
