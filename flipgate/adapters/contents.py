"""Reads Secrets, ConfigMaps and ServiceAccounts by name, and gives digests in the place of what they hold.

A digest is an HMAC under a key that lives as long as one look: what is equal has the same, and neither a digest that
was kept nor one of another look says anything about a short secret.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from flipgate.adapters.addresses import address, served_address
from flipgate.adapters.cluster import Reader
from flipgate.core.workloads.keepers import GROUPS, KeeperSeen, keeper_of, read_keeper
from flipgate.core.workloads.named import CONFIG_MAP, SERVICE_ACCOUNT
from flipgate.core.workloads.parity import Contents


def read_contents(
    cluster: Reader, kind: str, namespace: str, name: str, *, key: bytes, own: frozenset[str]
) -> Contents | None:
    """One object; None where there is none. A value that is one of `own`, the side's name or its namespace, has the
    same digest on both sides. Raises Forbidden."""
    obj = cluster.find(address(kind, namespace, name))
    return None if obj is None else _contents(obj, kind, key, own)


def list_config_maps(
    cluster: Reader, namespace: str, names: Collection[str], *, key: bytes, own: frozenset[str]
) -> dict[str, Contents | None]:
    """The same of all ConfigMaps of these names, by one list. Raises Forbidden."""
    found = {obj["metadata"]["name"]: obj for obj in cluster.items(address(CONFIG_MAP, namespace))}
    return {name: _contents(found[name], CONFIG_MAP, key, own) if name in found else None for name in names}


def pull_secrets(cluster: Reader, namespace: str, account: str) -> tuple[str, ...] | None:
    """The Secrets by which a ServiceAccount's pods pull their images; None where there is no such account. Raises
    Forbidden."""
    found = cluster.find(address(SERVICE_ACCOUNT, namespace, account))
    return None if found is None else _pulls_with(found)


def list_pull_secrets(cluster: Reader, namespace: str, accounts: Collection[str]) -> list[tuple[str, ...] | None]:
    """The same of each of these ServiceAccounts, by one list. Raises Forbidden."""
    found = {obj["metadata"]["name"]: obj for obj in cluster.items(address(SERVICE_ACCOUNT, namespace))}
    return [_pulls_with(found[name]) if name in found else None for name in accounts]


def find_keeper(cluster: Reader, kind: str, namespace: str, name: str, *, made: bool) -> KeeperSeen | None:
    """An ExternalSecret or a SealedSecret whose Secret is there (`made`) or not; None where there is none, or no such
    kind. Raises Forbidden."""
    version = cluster.groups().get(GROUPS[kind])
    found = cluster.find(served_address(version, kind, namespace, name)) if version else None
    return read_keeper(found, kind, namespace, made=made) if found else None


def _contents(obj: Mapping[str, Any], kind: str, key: bytes, own: frozenset[str]) -> Contents:
    digests = {each: _digest(value, key, own) for each, value in _values(obj, kind)}
    return Contents(digests, str(obj.get("type", "")), obj.get("immutable") is True, keeper_of(obj["metadata"]))


def _pulls_with(account: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["name"] for each in account.get("imagePullSecrets") or () if each.get("name"))


def _values(obj: Mapping[str, Any], kind: str) -> Iterator[tuple[str, bytes]]:
    for key, value in (obj.get("data") or {}).items():
        yield key, _decoded(value) if kind == "Secret" else str(value).encode()
    for key, value in (obj.get("binaryData") or {}).items():
        yield key, _decoded(value)


def _decoded(value: str) -> bytes:
    try:
        return b64decode(value)
    except NotBase64:
        return value.encode()


def _digest(value: bytes, key: bytes, own: frozenset[str]) -> str:
    same = any(value == each.encode() for each in own)
    return hmac.digest(key, b"own" if same else b"=" + value, "sha256").hex()
