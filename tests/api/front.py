"""A Traefik in front of a shop, by script: one is not to be had in this tier. All else is the real API server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from flipgate.core.spec.application import Application, load_application
from flipgate.steps.acting.world import World
from flipgate.steps.looking.header import check_header, header_problems
from flipgate.steps.releasing.setup import check_application
from tests.api.shop import BLUE, Shop, timed_by_its_waiting
from tests.api.town import pod
from tests.api.wire import ANSWERED, Answer, Handler, Script, Through, sending, serving
from tests.core.builders import declaring

Users = Callable[[Handler], Answer | None]
"""What users get, by whichever replica."""


def saying(*headers: str, status: int = 200, body: bytes = b"{}") -> Users:
    """The same answer to everybody, with these headers (`Name: value`)."""

    def users(request: Handler) -> Answer:
        lines = [f"HTTP/1.1 {status} So", *headers, f"Content-Length: {len(body)}", "", ""]
        sending(request, ["\r\n".join(lines).encode(), body])
        return ANSWERED

    return users


def fronted(
    shop: Shop, users: Users | None = None, replicas: tuple[str, ...] = ("traefik-1",), kubeconfig: Path | None = None
) -> Script:
    """The shop with a Traefik that leads users where the first route says, or gives them what `users` says; as the
    admin, or as whoever this kubeconfig is of."""
    through = Through(kubeconfig or shop.kubeconfig)

    def script(request: Handler) -> Answer | None:
        if "/proxy/" in request.path:
            return (users or saying(f"X-Served-Side: {shop.where()[0]}"))(request)
        if request.path.startswith(f"/api/v1/namespaces/{shop.own}/pods?"):
            return 200, json.dumps({"items": [pod(name) for name in replicas]}).encode()
        return through(request)

    return script


def checked(
    shop: Shop,
    folder: Path,
    application: Application | None = None,
    *,
    kubeconfig: Path | None = None,
    users: Users | None = None,
) -> list[str]:
    """What `check` says of the shop, or of another file of it, where Traefik does as it should or as `users` says."""
    with serving(fronted(shop, users, kubeconfig=kubeconfig), folder) as cluster:
        return check_application(cluster, application or shop.application, shop.own)


def unnamed(
    shop: Shop, folder: Path, users: Users | None = None, replicas: tuple[str, ...] = ("traefik-1",)
) -> list[str]:
    """What `check` says of how blue answers users, and no more of it: nothing is asked of the API server."""
    with serving(fronted(shop, users, replicas), folder) as cluster:
        world = shop.world("check", cluster)
        return list(header_problems(world, check_header(world, BLUE, replicas)))


def by(shop: Shop, scheme: str = "http", **traefik: int) -> Shop:
    """The shop by a file that says so, and whose Traefik holds nothing back."""
    more = "".join(f", {key}: {value}" for key, value in {"throttleSeconds": 0, **traefik}.items())
    text = shop.text.replace(f"{{namespace: {shop.name}}}}}", f"{{namespace: {shop.name}{more}}}, scheme: {scheme}}}")
    assert text != shop.text
    shop.text, shop.application = text, load_application(text, "shop.yaml")
    return shop


PREVIEW = "preview.example"


def previewed(world: World) -> World:
    """The application with a preview declared, and little patience."""
    return impatient(world, 0.3, preview_host=PREVIEW)


def impatient(world: World, seconds: float = 0.1, **traffic: object) -> World:
    """An actor whose proofs are given up after so many seconds of waiting, and who takes none of them in earnest."""
    facts = {"proof_timeout_seconds": seconds, **traffic}
    world.application = declaring(world.application, traffic=facts)
    return timed_by_its_waiting(world)


def traefik(shop: Shop, says: Callable[[str], str]) -> Callable[[Handler], Answer | None]:
    """The API server, but for its way to Traefik's pods: they show who asks for a host the side that `says` names."""
    through = Through(shop.kubeconfig)

    def script(request: Handler) -> Answer | None:
        if "/proxy/" not in request.path:
            return through(request)
        request.send_response(200)
        request.send_header("X-Served-Side", says(request.headers["Host"]))
        request.send_header("Content-Length", "0")
        request.send_header("Connection", "close")
        request.end_headers()
        return None

    return script
