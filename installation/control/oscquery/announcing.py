"""A name, an address and a port in; `_oscjson._tcp` in the network's mDNS out: other software finds the show by it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re

from zeroconf import InterfaceChoice, IPVersion, get_all_addresses
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from installation.files import HERE

KIND = "_oscjson._tcp.local."
LONGEST_NAME = 60  # bytes; mDNS has room for 63
LEAVING_S = 1.0
EVERYWHERE = ("0.0.0.0", "::")


class Announced:
    """One show, under a name of its own: another that is called so already makes it `NAME-2`."""

    def __init__(self, show: str, host: str, port: int) -> None:
        plain = re.sub(r"[^\w -]", "_", show).encode()[:LONGEST_NAME].decode("utf-8", "ignore") or "installation"
        self.server = f"installation-{HERE}-{port}.local."  # ours alone: the machine's own name has another speaker
        self._service = AsyncServiceInfo(
            KIND, f"{plain}.{KIND}", addresses=_packed(host), port=port, server=self.server, properties={"txtvers": "1"}
        )
        self._host = host
        self._zeroconf: AsyncZeroconf | None = None

    async def begin(self) -> None:
        """Say it, on the interfaces that are listened on. Raises OSError where the network cannot."""
        choice = InterfaceChoice.All if self._host in EVERYWHERE else [self._host]
        version = IPVersion.V6Only if ":" in self._host else IPVersion.V4Only
        self._zeroconf = AsyncZeroconf(interfaces=choice, ip_version=version)
        await (await self._zeroconf.async_register_service(self._service, allow_name_change=True))

    async def end(self) -> None:
        """Take it back."""
        gone, self._zeroconf = self._zeroconf, None
        for say in (gone.async_unregister_all_services, gone.async_close) if gone else ():
            with contextlib.suppress(Exception):  # a network that is gone does not keep a show from ending
                async with asyncio.timeout(LEAVING_S):
                    await say()


def _packed(host: str) -> list[bytes]:
    hosts = [host] if host not in EVERYWHERE else [one for one in get_all_addresses() if not one.startswith("127.")]
    return [ipaddress.ip_address(one).packed for one in hosts]
