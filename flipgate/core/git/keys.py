"""A private key as it is pasted: what can be said of it before anybody is connected to."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Final

_OPENSSH: Final = "-----BEGIN OPENSSH PRIVATE KEY-----"
_PLAIN: Final = b"openssh-key-v1\0\0\0\0\4none"
"""How such a key begins that no cipher was used on (PROTOCOL.key of OpenSSH)."""


def locked(private_key: str) -> bool:
    """Whether a key is encrypted with a passphrase. ssh does not say so where it may not ask for one: it only goes on
    without the key."""
    head, _, rest = private_key.strip().partition("\n")
    if head.strip() != _OPENSSH:
        # RFC 1421 for the old form, RFC 5958 for PKCS 8.
        return "Proc-Type: 4,ENCRYPTED" in private_key or head.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    try:
        begins = b64decode("".join(rest.partition("-----")[0].split())[:64])
    except binascii.Error:
        return False  # no key at all: ssh says so
    return not begins.startswith(_PLAIN)
