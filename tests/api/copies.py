"""A shop whose file has a Secret and a ConfigMap copied to the dark side."""

from __future__ import annotations

from base64 import b64encode

from flipgate.core.spec.application import load_application
from flipgate.core.values.sides import Side
from tests.api.shop import BLUE, GREEN, Shop

PASSWORD = "correct-horse-battery"
"""Found nowhere that flipgate writes or says anything."""
COPY = """\
  parity:
    equal: [{kind: Secret, name: key, sync: copy}, {kind: ConfigMap, name: app, sync: copy}]
    differ: [{kind: ConfigMap, name: app, keys: [side]}]
"""


def with_copies(shop: Shop) -> Shop:
    """The shop with a Secret and a ConfigMap on blue that its web reads, declared to be copied; an older ConfigMap on
    green, and no Secret."""
    shop.text = f"{shop.text}{COPY}"
    shop.application = load_application(shop.text, "shop.yaml")
    reads = [{"secretRef": {"name": "key"}}, {"configMapRef": {"name": "app"}}]
    pods = {"spec": {"containers": [{"name": "web", "image": "shop/web:1", "envFrom": reads}]}}
    for side in Side:
        shop.cluster.merge(f"{shop.deployments(side)}/web", {"spec": {"template": pods}})
    shop.play_all_ready()
    shop.cluster.create(
        path(shop, BLUE, "secret"),
        {"metadata": {"name": "key"}, "type": "kubernetes.io/basic-auth", "data": {"password": encoded(PASSWORD)}},
    )
    maps = {BLUE: {"a": "new", "side": "blue"}, GREEN: {"a": "old", "side": "green", "gone": "1"}}
    for side, data in maps.items():
        body = {"metadata": {"name": "app"}, "data": data, "binaryData": {"b": "AQID"} if side is BLUE else {}}
        shop.cluster.create(path(shop, side, "configmap"), body)
    return shop


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


def path(shop: Shop, side: Side, kind: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{shop.namespace(side)}/{kind}s{f'/{name}' if name else ''}"
