"""A family of pictures in; a page out on which two of them are chosen as parents, and what is bred is looked at."""

from __future__ import annotations

import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, TypeGuard

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from installation.pages.answers import answer, parse
from installation.pages.guard import refuse

MOST_MUTATION = 3.0  # deviations


class Kin(Protocol):
    """Who is on the page; called from several threads at once."""

    def state(self) -> dict[str, Any]: ...
    def breed(self, first: int, second: int, mutation: float) -> dict[str, Any]: ...
    def picture(self, number: int) -> bytes: ...
    def keep(self, number: int, name: str) -> dict[str, Any]: ...
    def lead(self, number: int) -> dict[str, Any]: ...
    def release(self) -> dict[str, Any]: ...


def create(kin: Kin) -> list[BaseRoute]:
    """The page's routes, beside its files."""

    def state(_: Request) -> Response:
        return _answer(kin.state)

    async def breed(request: Request) -> Response:
        said = parse(await request.body())
        first, second, mutation = (said.get(word) for word in ("first", "second", "mutation"))
        if not _whole(first) or not _whole(second) or not _within(mutation):
            wanted = f'{{"first": 0, "second": 1, "mutation": 0..{MOST_MUTATION:g}}}'
            return refuse(HTTPStatus.BAD_REQUEST, f"expected {wanted}")
        return await run_in_threadpool(_answer, lambda: kin.breed(first, second, float(mutation)))

    async def keep(request: Request) -> Response:
        said = parse(await request.body())
        number, name = said.get("number"), said.get("name")
        if not _whole(number) or not isinstance(name, str):
            return refuse(HTTPStatus.BAD_REQUEST, 'expected {"number": 0, "name": ...}')
        return await run_in_threadpool(_answer, lambda: kin.keep(number, name))

    async def lead(request: Request) -> Response:
        number = parse(await request.body()).get("number")
        if not _whole(number):
            return refuse(HTTPStatus.BAD_REQUEST, 'expected {"number": 0}')
        return await run_in_threadpool(_answer, lambda: kin.lead(number))

    async def release(_: Request) -> Response:
        return await run_in_threadpool(_answer, kin.release)

    def picture(request: Request) -> Response:
        try:
            return Response(kin.picture(request.path_params["number"]), media_type="image/jpeg")
        except KeyError:
            return refuse(HTTPStatus.NOT_FOUND, "nobody of that number")

    return [
        Route("/state", state),
        Route("/children", breed, methods=["POST"]),
        Route("/keep", keep, methods=["POST"]),
        Route("/lead", lead, methods=["POST"]),
        Route("/release", release, methods=["POST"]),
        Route("/picture/{number:int}", picture),
    ]


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _within(value: Any) -> TypeGuard[float]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= MOST_MUTATION


def _answer(ask: Callable[[], dict[str, Any]]) -> Response:
    try:
        return answer(ask)
    except KeyError:
        return refuse(HTTPStatus.NOT_FOUND, "nobody of that number; reload the page")
