"""Shops by the dozen: what the API server stored of one is stored again under other names, by one write to its etcd.

It takes the API server a dozen requests to make a shop, and most of this tier's tests want one of their own: that was
a fifth of all they asked for. What a cast differs in from a shop that was made by requests, test_mould.py says.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.api.shop import Shop

UID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
KEPT = ("namespaces", "configmaps", "deployments", "traefik.io/ingressroutes")


@dataclass
class Mould:
    """One shop as etcd keeps it: as protobuf, which says how long each string is, so all names are of one length."""

    shop: Shop
    _etcd: httpx.Client
    _stored: list[tuple[bytes, bytes]]

    @classmethod
    @contextmanager
    def of(cls, shop: Shop, socket: Path) -> Iterator[Mould]:
        """From a shop that was just installed; `socket` is where the API server's etcd listens."""
        transport = httpx.HTTPTransport(uds=str(socket))
        with httpx.Client(transport=transport, base_url="http://etcd/v3/kv/") as etcd:
            stored = []
            for kind in KEPT:
                begin = f"/registry/{kind}/{shop.name}".encode()
                found = _answer(etcd, "range", {"key": _text(begin), "range_end": _text(begin + b"\xff")})["kvs"]
                stored += [(b64decode(each["key"]), b64decode(each["value"])) for each in found]
            yield cls(shop, etcd, stored)

    def cast(self) -> Shop:
        """Another shop like it."""
        shop = Shop.named(self.shop.cluster, self.shop.kubeconfig, self.shop.routes)
        old, new = self.shop.name.encode(), shop.name.encode()
        assert len(old) == len(new)
        uids = {uid: str(uuid4()).encode() for _, value in self._stored for uid in UID.findall(value)}
        puts = []
        for key, value in self._stored:
            renamed = UID.sub(lambda found: uids[found[0]], value.replace(old, new))
            puts.append({"requestPut": {"key": _text(key.replace(old, new)), "value": _text(renamed)}})
        assert _answer(self._etcd, "txn", {"success": puts})["succeeded"]
        return shop


def _answer(etcd: httpx.Client, what: str, question: dict[str, Any]) -> dict[str, Any]:
    """By etcd's JSON gateway."""
    answer = etcd.post(what, json=question)
    answer.raise_for_status()
    return dict(answer.json())


def _text(value: bytes) -> str:
    return b64encode(value).decode()
