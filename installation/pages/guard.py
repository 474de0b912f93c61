"""A request's headers in, whether it may pass out: only the page that this server opened may speak to it."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
LONGEST_BODY = 4096


@dataclass(frozen=True)
class Guard:
    """Who may speak: whoever has the token that was printed once, in a browser that shows a page of this very server.

    The token is traded for a cookie at the first visit, so that it does not stay in the address. The Host has to be
    ours (no name that was bent to this machine, DNS rebinding), the Origin of what changes something too (no other
    page's script or form), and the cookie is never sent along from other sites.
    """

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def hosts(self) -> tuple[str, str]:
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    @property
    def address(self) -> str:
        """What the artist opens."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The Set-Cookie header; named by port, since cookies of one host reach all its ports."""
        return f"{self._name}={self.token}; HttpOnly; SameSite=Strict; Path=/"

    @property
    def _name(self) -> str:
        return f"installation-{self.port}"

    def knows_host(self, headers: Message) -> bool:
        return headers.get("Host", "") in self.hosts

    def knows_origin(self, headers: Message) -> bool:
        """For requests that change something: made by a page of ours, in words that only a script of ours sends."""
        ours = headers.get("Origin", "") == f"http://{headers.get('Host', '')}"
        return ours and headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"

    def knows_token(self, query: str) -> bool:
        return self._is_token(parse_qs(query, max_num_fields=8).get("token", [""])[0])

    def knows_visitor(self, headers: Message) -> bool:
        try:
            found = SimpleCookie(headers.get("Cookie", "")).get(self._name)
        except CookieError:
            return False
        return found is not None and self._is_token(found.value)

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode("utf-8", "replace"), self.token.encode())
