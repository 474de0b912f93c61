"""Addresses of senders in, yes or no out: who may speak (CIDR allow-list), and how fast (a token bucket each)."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence

from installation.settings import SettingsError

SENDERS_KEPT = 256
TOGETHER = 4.0  # all senders together may send this many times what one may: addresses can be forged


class AllowList:
    """Networks that may speak. Raises SettingsError, naming the setting `where`, for what is not a network."""

    def __init__(self, allow: Sequence[str], where: str = "osc.allow") -> None:
        try:
            self._networks = [ipaddress.ip_network(text, strict=False) for text in allow]
        except ValueError as error:
            raise SettingsError(f"{where}: {error}; expected networks such as '10.0.0.0/24'") from error
        self._known: OrderedDict[str, bool] = OrderedDict()

    def __contains__(self, host: object) -> bool:
        known = self._known.get(host)  # type: ignore[call-overload]
        if known is None:
            known = self._look_up(str(host))
            self._known[str(host)] = known
            if len(self._known) > SENDERS_KEPT:
                self._known.popitem(last=False)
        return known

    def _look_up(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network or address in network for network in self._networks)


class Buckets:
    """Token buckets, one per sender and one for all: `rate_hz` a second, and `at_once` (else as many) after silence."""

    def __init__(self, rate_hz: float, at_once: float = 0.0, where: str = "osc.packets_per_s") -> None:
        if not rate_hz > 0:
            raise SettingsError(f"{where}: must be above 0, found {rate_hz}")
        self._rate_hz, self._most = rate_hz, at_once or rate_hz
        self._senders: OrderedDict[str, list[float]] = OrderedDict()  # host -> [tokens, last seen]
        self._all = [TOGETHER * self._most, 0.0]

    def take(self, host: str, now_s: float, tokens: float = 1.0) -> bool:
        """Whether this sender may go on now; takes the tokens if so."""
        mine = self._senders.get(host)
        if mine is None:
            mine = self._senders[host] = [self._most, now_s]
            if len(self._senders) > SENDERS_KEPT:
                self._senders.popitem(last=False)
        elif len(self._senders) > 1:
            self._senders.move_to_end(host)
        self._fill(mine, 1.0, now_s)
        self._fill(self._all, TOGETHER, now_s)
        if mine[0] < tokens or self._all[0] < tokens:
            return False
        mine[0] -= tokens
        self._all[0] -= tokens
        return True

    def _fill(self, bucket: list[float], share: float, now_s: float) -> None:
        bucket[0] = min(share * self._most, bucket[0] + max(0.0, now_s - bucket[1]) * share * self._rate_hz)
        bucket[1] = now_s
