"""Pod addresses: handed out in order, and not again for a while, so that nobody meets a stranger behind an old one."""

import ipaddress
import time
from collections.abc import Callable

REST_SECONDS = 120.0


class NoAddressLeftError(Exception):
    """Every address of the range is in use, or was until a moment ago."""


class AddressPool:
    """Addresses of a range, ascending, wrapping round at its end."""

    def __init__(
        self,
        first: str = "10.244.1.1",
        last: str = "10.244.255.254",
        rest_seconds: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first = int(ipaddress.IPv4Address(first))
        self._size = int(ipaddress.IPv4Address(last)) - self._first + 1
        self._next = 0
        self._in_use: set[str] = set()
        self._freed: dict[str, float] = {}
        self._rest_seconds = rest_seconds
        self._clock = clock

    def allocate(self) -> str:
        """Raises NoAddressLeftError."""
        for _ in range(self._size):
            address = str(ipaddress.IPv4Address(self._first + self._next))
            self._next = (self._next + 1) % self._size
            if self._usable(address):
                self._in_use.add(address)
                return address
        raise NoAddressLeftError(
            f"all {self._size} pod addresses are in use or were until {self._rest_seconds:g} s ago"
        )

    def reserve(self, address: str) -> bool:
        """Take this very address; False when somebody has it."""
        if address in self._in_use:
            return False
        self._in_use.add(address)
        return True

    def release(self, address: str) -> None:
        if address in self._in_use:
            self._in_use.remove(address)
            self._freed[address] = self._clock()

    def _usable(self, address: str) -> bool:
        if address in self._in_use or address.endswith((".0", ".255")):
            return False
        freed = self._freed.get(address)
        return freed is None or self._clock() - freed >= self._rest_seconds
