"""What a page's script sent in, as a table; what a page's own side makes of it out, as an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from installation.pages.guard import refuse


def parse(body: bytes) -> dict[str, Any]:
    """A JSON object; {} for anything else."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def answer(ask: Callable[[], dict[str, Any]]) -> Response:
    """What it gives, as JSON; what it will not do, or a disk or desk cannot, in a line."""
    try:
        return Response(json.dumps(ask(), allow_nan=False), media_type="application/json")
    except ValueError as error:
        return refuse(HTTPStatus.BAD_REQUEST, str(error))
    except OSError as error:  # a full disk, a file that may not be written, a desk that is not there
        return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
