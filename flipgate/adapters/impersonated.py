"""Whom a kubeconfig's user acts as: `as`, `as-uid`, `as-groups`, `as-user-extra`, sent with every request as kubectl
does. The official Python client does not know these fields; the name, the rights and the audit log would be the
login's own.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from flipgate.core.values.errors import BadInput

Headers = tuple[tuple[str, str], ...]
"""Name and value; a name may come again, once for each group."""
IN_A_NAME: Final = string.ascii_letters + string.digits + "!#$&'*+-.^_`|~"
"""What a header's name may hold, but for `%`: with that the rest is escaped, as client-go does."""


def impersonating(user: Mapping[str, Any]) -> Headers:
    """Returns the headers by a kubeconfig's user; none where it is only itself. Raises BadInput for what kubectl
    refuses, too."""
    headers = tuple((name, _sendable(name, value)) for name, value in _headers(user))
    if headers and headers[0][0] != "Impersonate-User":
        raise BadInput("as-uid, as-groups and as-user-extra need `as`, which names nobody", obj="the kubeconfig's user")
    return headers


def _headers(user: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if user.get("as"):
        yield "Impersonate-User", user["as"]
    if user.get("as-uid"):
        yield "Impersonate-Uid", user["as-uid"]
    for group in user.get("as-groups") or ():
        yield "Impersonate-Group", group
    for key, values in (user.get("as-user-extra") or {}).items():
        for value in values or ():
            yield f"Impersonate-Extra-{quote(key, safe=IN_A_NAME)}", value


def _sendable(name: str, value: Any) -> str:
    """As HTTP's own characters, which hold the text's bytes."""
    if not (isinstance(value, str) and value.isprintable()):
        raise BadInput(f"has for {name} something that is no text on one line", obj="the kubeconfig's user")
    return value.encode().decode("latin-1")
