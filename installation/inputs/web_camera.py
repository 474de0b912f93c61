"""The address of a network camera in; its newest JPEG pictures out, whatever dialect of MJPEG it speaks.

What is between the pictures (boundaries before or behind them, lengths or none) is not looked at: a JPEG says itself
where it ends. An address of a single picture is asked again and again.
"""

from __future__ import annotations

import http.client
import re
import time
import urllib.request
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit, urlunsplit

TIMEOUT_S = 5.0
READ_BYTES = 1 << 20
LONGEST_PICTURE_BYTES = 1 << 24
BEGIN = b"\xff\xd8\xff"
ENDS_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # in a scan, FF is stuffed with 0 or restarts it
LONE = frozenset(range(0xD0, 0xD8)) | {0x01}  # markers without a length
ANOTHER, END, SCAN = 0xD8, 0xD9, 0xDA


class WebCameraError(RuntimeError):
    """The camera answers with something that is no picture, or with none; the text says what was found."""


def pictures(url: str, every_s: float) -> Iterator[bytes] | None:
    """Pictures (JPEG) of an http address, newest first; None when it gives a film rather than pictures.

    A single picture is asked for every_s. Raises WebCameraError when nobody answers, or answers with a page.
    """
    try:
        answer = _ask(url)
    except http.client.HTTPException:  # no HTTP as we know it; a decoder of films may still understand it
        return None
    kind = answer.headers.get_content_type()
    if kind.startswith("multipart/"):
        return _streamed(answer)
    if kind.startswith("image/"):
        return _polled(url, answer, every_s)
    answer.close()
    if kind == "text/html":
        raise WebCameraError(
            f"{_spoken(url)}: expected pictures or a film, found a web page; give the picture's address"
        )
    return None


def _streamed(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    waiting = b""
    with answer:
        while piece := answer.read1(READ_BYTES):
            newest, waiting = newest_of(waiting + piece)
            if newest is not None:
                yield newest
    raise WebCameraError("the stream ended")


def _polled(url: str, answer: http.client.HTTPResponse, every_s: float) -> Iterator[bytes]:
    while True:
        asked_s = time.monotonic()
        with answer:
            yield answer.read(LONGEST_PICTURE_BYTES)
        time.sleep(max(0.0, asked_s + every_s - time.monotonic()))
        answer = _ask(url)


def newest_of(heard: bytes) -> tuple[bytes | None, bytes]:
    """The last whole JPEG in what was heard, and what is left behind it: the beginning of the next."""
    newest, first = None, 0
    while (begin := heard.find(BEGIN, first)) >= 0:
        end = end_of(heard, begin)
        if end is None:
            if len(heard) - begin > LONGEST_PICTURE_BYTES:  # damaged: it will never end
                return newest, b""
            return newest, heard[begin:]
        newest, first = heard[begin:end], end
    return newest, heard[max(first, len(heard) - len(BEGIN) + 1) :]


def end_of(heard: bytes, begin: int) -> int | None:
    """Where the JPEG that begins there ends; None when that has not come yet. A thumbnail within ends nothing."""
    at = begin + 2
    while at + 4 <= len(heard) or heard[at : at + 2] == b"\xff\xd9":
        marker = heard[at + 1]
        if heard[at] != 0xFF or marker == ANOTHER:  # damaged, or cut short: look for the next
            return at
        if marker == END:
            return at + 2
        if marker == 0xFF:
            at += 1
        elif marker in LONE:
            at += 2
        else:
            at += 2 + int.from_bytes(heard[at + 2 : at + 4], "big")
            if marker == SCAN:
                found = ENDS_SCAN.search(heard, at)
                if found is None:
                    return None
                at = found.start()
    return None


def _ask(url: str) -> http.client.HTTPResponse:
    """Open an address; user and password in it are given as the camera asks for them (basic or digest)."""
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    request = urllib.request.Request(bare)
    openers: list[urllib.request.BaseHandler] = []
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
        known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        known.add_password(None, bare, user, password)
        openers.append(urllib.request.HTTPDigestAuthHandler(known))
        openers.append(urllib.request.HTTPBasicAuthHandler(known))
    try:
        answer: http.client.HTTPResponse = urllib.request.build_opener(*openers).open(request, timeout=TIMEOUT_S)
    except OSError as error:
        raise WebCameraError(f"{_spoken(url)}: {error}") from error
    return answer


def _spoken(url: str) -> str:
    """An address without password and query (where some cameras take it), fit for a log."""
    return url.partition("?")[0].rpartition("@")[2]
