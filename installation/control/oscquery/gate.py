"""A request's headers in, whether it may be answered out: by address, by Host, by Origin, and who may turn knobs."""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import parse_qs

from websockets.datastructures import Headers, MultipleValuesError

from installation.senders import AllowList
from installation.settings import OscQuery, SettingsError

SHORTEST_TOKEN = 8


class Gate:
    """Who may look, and who may turn.

    A Host that is a name could be anybody's, bent to this machine (DNS rebinding): numbers, localhost and the name that
    mDNS gives us are answered to. A browser's page of elsewhere says its Origin, and is refused; desks have none.
    """

    def __init__(self, asked: OscQuery) -> None:
        if not 0 <= asked.port <= 65535:
            raise SettingsError(f"oscquery.port: must be 0 to 65535, found {asked.port}")
        if not _is_number(asked.host):
            raise SettingsError(f"oscquery.host: expected an address of this machine's, found {asked.host[:60]!r}")
        if asked.write and len(asked.token) < SHORTEST_TOKEN:
            raise SettingsError(f"oscquery.write needs a token of {SHORTEST_TOKEN} characters or more")
        self._asked, self._allow = asked, AllowList(asked.allow, "oscquery.allow")
        self.name = ""  # ours in mDNS, once we have one

    def may_come(self, host: str) -> bool:
        """Whether this network may look."""
        return host in self._allow

    def knows_page(self, headers: Headers) -> bool:
        """Whether the request was meant for us, and is no other page's doing."""
        try:
            host, origin = headers.get("Host", ""), headers.get("Origin")
        except MultipleValuesError:
            return False
        name = host[: host.rindex(":")] if host.rpartition(":")[2].isdecimal() and ":" in host else host
        if not (_is_number(name.strip("[]")) or name in ("localhost", self.name or "localhost")):
            return False
        same = headers.get_all("Sec-Fetch-Site") in ([], ["none"], ["same-origin"])
        return same and origin in (None, f"http://{host}")

    def may_write(self, host: str, query: str, headers: Headers) -> bool:
        """Whether what this one sends turns knobs: on this machine, or with the token where the show allows it."""
        if ipaddress.ip_address(host.partition("%")[0]).is_loopback:
            return True
        if not self._asked.write:
            return False
        try:
            told = parse_qs(query, max_num_fields=8).get("token", [])
        except ValueError:
            told = []
        told += [line.removeprefix("Bearer ") for line in headers.get_all("Authorization")]
        ours = self._asked.token.encode()
        return any(hmac.compare_digest(one.encode("utf-8", "replace"), ours) for one in told)


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
