"""A value out of a Secret, read by its name: no Secrets are listed, and no message has a value."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import Reader
from flipgate.core.spec.probe import SecretKey
from flipgate.core.values.errors import BadInput


def header_value(cluster: Reader, namespace: str, secret: SecretKey) -> str:
    """What a Secret's key holds, without the line's end that `echo` writes. Raises FlipgateError: NotFound, Forbidden,
    and BadInput where there is no such key, or its value can be no header's."""
    obj = f"Secret {namespace}/{secret.name}"
    data = cluster.get(address("Secret", namespace, secret.name)).get("data") or {}
    if secret.key not in data:
        known = ", ".join(sorted(data)) or "none"
        raise BadInput(f"has no key {secret.key} (it has: {known})", obj=obj)
    try:
        value = b64decode(data[secret.key]).decode("ascii").rstrip("\r\n")
    except (NotBase64, UnicodeDecodeError):
        value = ""
    if not value.isprintable() or not value:
        raise BadInput(f"has a value at {secret.key} that can be no header's: empty, or more than one line", obj=obj)
    return value
