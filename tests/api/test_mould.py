"""A shop that was cast is what the API server would have made of the same requests."""

from __future__ import annotations

import json
import re
from typing import Any

from flipgate.core.values.sides import Side
from tests.api.mould import Mould
from tests.api.shop import ROUTES, Shop

UNIQUE = ("uid", "resourceVersion", "creationTimestamp", "time", "lastTransitionTime")


def objects(shop: Shop) -> list[Any]:
    """All there is of it, by listing: of the same kinds, and without what is each object's own."""
    spaces = [shop.own, *(shop.namespace(side) for side in Side)]
    kinds = [f"/api/v1/namespaces/{space}" for space in spaces]
    for space in spaces:
        kinds += [f"/api/v1/namespaces/{space}/{kind}" for kind in ("configmaps", "secrets", "events", "services")]
        kinds += [f"/apis/apps/v1/namespaces/{space}/deployments"]
        kinds += [f"{ROUTES}/{space}/{kind}" for kind in ("ingressroutes", "traefikservices")]
    text = json.dumps([shop.cluster.get(kind) for kind in kinds])
    text = text.replace(shop.name, "NAME")
    return list(json.loads(re.sub(rf'"({"|".join(UNIQUE)})": "[^"]*"', r'"\1": "-"', text)))


def test_a_cast_is_as_if_it_had_been_asked_for(shop: Shop) -> None:
    installed = Shop.install(shop.cluster, shop.kubeconfig)
    assert shop.name != installed.name
    assert objects(shop) == objects(installed)


def uids(shop: Shop) -> set[str]:
    return {obj["metadata"]["uid"] for side in Side for obj in shop.cluster.items(shop.deployments(side))}


def test_each_cast_has_objects_of_its_own(mould: Mould) -> None:
    shops = (mould.shop, mould.cast(), mould.cast())
    assert len(set.union(*map(uids, shops))) == 12
