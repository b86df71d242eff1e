"""Two namespaces as a cluster has them, for drafts: small makers of objects, and of all that was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flipgate.core.draft.found import Found, Leading, SideFound
from flipgate.core.draft.text import Draft, draft_file
from flipgate.core.spec.application import Application, load_new_application
from flipgate.core.traffic.kinds import SOUGHT
from flipgate.core.traffic.traffic import RouteName
from flipgate.core.traffic.undeclared import read_undeclared
from flipgate.core.values.place import Place
from flipgate.core.values.sides import Side

BLUE, GREEN = Side.BLUE, Side.GREEN
Object = dict[str, Any]


def container(name: str, image: str, *ports: int, **more: Any) -> Object:
    named = {"ports": [{"containerPort": port} for port in ports]} if ports else {}
    return {"name": name, "image": image, **named, **more}


def http_probe(path: str, port: int | str, **more: Any) -> Object:
    return {"readinessProbe": {"httpGet": {"path": path, "port": port, **more}}}


def workload(name: str, *containers: Object, replicas: int = 1, **pods: Any) -> Object:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [*containers], **pods}}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "template": template}}


def cron_job(name: str, image: str) -> Object:
    template = {"metadata": {}, "spec": {"containers": [container(name, image)]}}
    return {"metadata": {"name": name}, "spec": {"jobTemplate": {"spec": {"template": template}}}}


def service(name: str, *ports: Mapping[str, Any] | int, app: str = "", **spec: Any) -> Object:
    listed = [{"port": port, "targetPort": port} if isinstance(port, int) else port for port in ports]
    return {"metadata": {"name": name}, "spec": {"selector": {"app": app or name}, "ports": listed, **spec}}


def route(kind: str, name: str, namespace: str = "edge", **spec: Any) -> tuple[str, Object]:
    return kind, {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def rule(match: str, name: str, namespace: str, port: int = 80, **more: Any) -> Object:
    return {"match": match, "services": [{"name": name, "namespace": namespace, "port": port, **more}]}


def traefik(
    *arguments: str, namespace: str = "traefik", ports: Mapping[str, int] | None = None, name: str = "traefik"
) -> Object:
    listed = [{"name": each, "containerPort": port} for each, port in (ports or {"web": 8000}).items()]
    pod = container(name, "traefik:v3", args=[*arguments])
    return {
        "metadata": {"name": "traefik-1", "namespace": namespace},
        "spec": {"containers": [{**pod, "ports": listed}]},
    }


def side(which: Side, namespace: str, scalers: Iterable[Object] = (), **kinds: Iterable[Object]) -> SideFound:
    """A namespace that holds these, by kind: Deployment, CronJob, StatefulSet, DaemonSet, Service."""
    named = {kind: {each["metadata"]["name"]: each for each in objects} for kind, objects in kinds.items()}
    return SideFound(Place(which, namespace), True, named, named.pop("Service", {}), tuple(scalers))


def town(
    blue: SideFound,
    green: SideFound,
    *routes: tuple[str, Object],
    followers: Iterable[tuple[str, Object]] = (),
    name: str = "",
    **more: Any,
) -> Found:
    """All that was found; of the routes what leads to a side."""
    places = {BLUE: blue.place, GREEN: green.place}
    leading = tuple(
        Leading(each.name, obj, each.sides)
        for kind, obj in routes
        for each in read_undeclared(SOUGHT[kind], [obj], places, ())
    )
    via = tuple(Leading(RouteName(k, o["metadata"]["namespace"], o["metadata"]["name"]), o) for k, o in followers)
    return Found(name, {BLUE: blue, GREEN: green}, leading, via, **more)


def drafted(found: Found, **more: Any) -> tuple[Draft, Application]:
    """The draft, and what flipgate's loader reads of it."""
    draft = draft_file(found, "application.schema.json", **more)
    return draft, load_new_application(draft.text, "the draft")


def comments(draft: Draft) -> str:
    """All that its comments say, as one line."""
    lines = (line.partition("# ")[2] for line in draft.text.splitlines())
    return " ".join(line for line in lines if line)
