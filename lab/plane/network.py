"""The lab's own network namespace: loopback up, and two ranges of addresses that are all this machine's.

Kubernetes refuses loopback addresses as endpoints, so pods get addresses of 10.244.0.0/16; Services have theirs from
10.96.0.0/16. An address with a prefix on
the loopback device makes the kernel treat the whole prefix as local, so every such address can be listened on. Done by
the old ioctl calls, because iproute2 is not everywhere.
"""

from __future__ import annotations

import fcntl
import socket
import struct

NODE_ADDRESS = "10.244.0.1"
FIRST_SERVICE_ADDRESS = "10.96.0.1"
PREFIX_MASK = "255.255.0.0"

_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_SIOCSIFADDR, _SIOCSIFNETMASK = 0x8916, 0x891C
_IFF_UP = 0x1


def set_up() -> None:
    """Make loopback and the ranges of pods and Services usable in this network namespace.

    Raises:
        OSError: The kernel refused; the caller has no power over this namespace.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _raise_interface(control, "lo")
        for name, address in (("lo:1", NODE_ADDRESS), ("lo:2", FIRST_SERVICE_ADDRESS)):
            _set_address(control, name, _SIOCSIFADDR, address)
            _set_address(control, name, _SIOCSIFNETMASK, PREFIX_MASK)


def _raise_interface(control: socket.socket, name: str) -> None:
    request = struct.pack("16sH22x", name.encode(), 0)
    flags = struct.unpack_from("H", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)[0]
    fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), flags | _IFF_UP))


def _set_address(control: socket.socket, name: str, request: int, address: str) -> None:
    value = struct.pack("16sHH4s16x", name.encode(), socket.AF_INET, 0, socket.inet_aton(address))
    fcntl.ioctl(control, request, value)
