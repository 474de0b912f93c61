"""A path and a query in, an HTTP answer out: a node of the address space as JSON, one of its attributes, HOST_INFO."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import unquote

from websockets.datastructures import Headers
from websockets.http11 import Response

from installation.control.oscquery.tree import ATTRIBUTES, EXTENSIONS, Tree
from installation.control.told import Settings
from installation.packets import Argument
from installation.settings import Osc

FULL_TREE_COST = 40.0  # in requests for one value
EVERYWHERE = ("0.0.0.0", "::")


class Answering:
    """What is said of a show. osc_port is asked when it is needed: it may be any free one."""

    def __init__(self, tree: Tree, show: str, osc: Osc, osc_port: Callable[[], int]) -> None:
        self._tree, self._show, self._osc, self._osc_port = tree, show, osc, osc_port

    def cost(self, path: str, query: str) -> float:
        """How much of a visitor's allowance a request takes."""
        return FULL_TREE_COST if path.count("/") < 3 and _attribute(query) in ("", "CONTENTS") else 1.0

    def answer(self, path: str, query: str, settings: Settings, status: Mapping[str, Argument], port: int) -> Response:
        """The answer to GET path?query, as OSCQuery has it: 404 no such address, 204 it has no such attribute."""
        attribute = _attribute(query)
        if attribute == "HOST_INFO":
            return _told(self._host_info(port))
        if attribute and attribute not in ATTRIBUTES:
            return self.refusal(
                HTTPStatus.BAD_REQUEST, f"no such attribute; there are HOST_INFO {' '.join(ATTRIBUTES)}\n"
            )
        table = self._tree.describe("/" + unquote(path).strip("/"), settings, status)
        if table is None:
            return self.refusal(HTTPStatus.NOT_FOUND, "no such address\n")
        if attribute and attribute not in table:
            return _answer(HTTPStatus.NO_CONTENT)
        return _told({attribute: table[attribute]} if attribute else table)

    def refusal(self, status: int, why: str) -> Response:
        """A refusal in a line."""
        return _answer(HTTPStatus(status), why.encode(), "text/plain; charset=utf-8")

    def _host_info(self, port: int) -> dict[str, object]:
        """Where OSC is heard; an address only where it is one: who asks came by the right one."""
        info: dict[str, object] = {
            "NAME": self._show,
            "EXTENSIONS": EXTENSIONS,
            "OSC_PORT": self._osc_port(),
            "OSC_TRANSPORT": "UDP",
            "WS_PORT": port,
        }
        return info if self._osc.host in EVERYWHERE else info | {"OSC_IP": self._osc.host}


def _attribute(query: str) -> str:
    """What is asked for; a token in the address is for the gate."""
    parts = [part.partition("=")[0] for part in query.split("&")]
    return next((part for part in parts if part and part != "token"), "")


def _told(table: object) -> Response:
    return _answer(HTTPStatus.OK, json.dumps(table, separators=(",", ":")).encode(), "application/json")


def _answer(status: HTTPStatus, body: bytes = b"", kind: str = "") -> Response:
    headers = Headers({"Connection": "close", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
    if status != HTTPStatus.NO_CONTENT:
        headers["Content-Length"] = str(len(body))
        headers["Content-Type"] = kind
    return Response(status.value, status.phrase, headers, body)
