"""Kubernetes as plain JSON: what looks at it (`Reader`), and what changes it (`Cluster`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flipgate.adapters.connection import OBJECT_BYTES, READ_SECONDS, Connection, error_of, object_of, plain
from flipgate.adapters.memory import Memory
from flipgate.adapters.reading import PIECE_BYTES, Whole, packed, read_whole
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import Conflict, NotFound, TemporaryError, Unreachable
from flipgate.core.values.managed_fields import OURS
from flipgate.core.values.place import proxied

FIELD_MANAGER = OURS
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
ANSWER_BYTES = 1_048_576
"""Of what a pod answers through a proxy: what is beyond is not read, and that is said."""
WATCH_GRACE_SECONDS = 5.0
SELF_SUBJECT_REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


METADATA_ALONE = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
"""What a list is asked for as; a server that cannot do so sends all of it."""


class Reader:
    """What is on one API server. It has no way to write: who only looks is handed this. With a `memory` what `get`,
    `find` and `items` return may be as old as that keeps it."""

    def __init__(self, connection: Connection, memory: Memory | None = None) -> None:
        self._connection, self._memory = connection, memory
        self.context, self.server = connection.context, connection.server

    def get(self, path: str, *, timeout: float = READ_SECONDS, **query: str) -> dict[str, Any]:
        """One object or list. Raises NotFound."""
        ask = partial(self._connection.json, "GET", path, query=query, timeout=timeout)
        return self._memory.answer(path, query, ask) if self._memory else ask()

    def groups(self) -> Mapping[str, str]:
        """The API groups this server serves, with their preferred version; asked for once per connection."""
        return {group: versions[0] for group, versions in self.versions().items()}

    def versions(self) -> Mapping[str, tuple[str, ...]]:
        """The same with all their versions, the preferred one first."""
        groups = self._connection.groups
        if not groups:
            found: dict[str, tuple[str, ...]] = {}
            for group in self.get("/apis").get("groups") or []:
                known = [group["preferredVersion"], *group.get("versions", ())]
                found[group["name"]] = tuple(dict.fromkeys(each["groupVersion"] for each in known))
            groups.update(found)  # at once: another thread takes what is there for all of them
        return groups

    def find(self, path: str) -> dict[str, Any] | None:
        """One object, or None where there is none."""
        try:
            return self.get(path)
        except NotFound:
            return None

    def items(self, path: str, *, timeout: float = READ_SECONDS, **query: str) -> list[dict[str, Any]]:
        """The items of a list."""
        return list(self.get(path, timeout=timeout, **query).get("items") or [])

    def few(self, path: str, most: int, *, timeout: float) -> list[dict[str, Any]] | None:
        """The items of a list; None where there are more than `most`, of which no more is read. Raises Silent."""
        found = self.get(path, timeout=timeout, limit=str(most))
        return None if found.get("metadata", {}).get("continue") else list(found.get("items") or [])

    def metadata(self, path: str, **query: str) -> list[dict[str, Any]]:
        """The items of a list without what they hold: an object of each has its `metadata` alone."""
        found = self._connection.json("GET", path, query=query, headers={"Accept": METADATA_ALONE})
        return list(found.get("items") or [])

    def watch(self, path: str, *, seconds: float, **query: str) -> Iterator[dict[str, Any]]:
        """Events of a list for at most `seconds`, and WATCH_GRACE_SECONDS where the server does not end it by itself.
        Raises Conflict when the version to start from is gone."""
        import urllib3

        seconds = max(1, round(seconds))
        limit = seconds + WATCH_GRACE_SECONDS
        url = self._connection.url(path, query | {"watch": "true", "timeoutSeconds": str(seconds)})
        response = self._connection.trying("GET", limit, lambda left: self._connection.open("GET", url, left))
        try:
            if response.status >= 400 or packed(response):
                raise error_of(path, read_whole(response, OBJECT_BYTES, obj=path, limit=limit))
            buffer = b""
            while chunk := response.read1(PIECE_BYTES, decode_content=False):
                *lines, buffer = (buffer + chunk).split(b"\n")
                if len(buffer) > OBJECT_BYTES:
                    raise TemporaryError(f"sent a watch with an event of more than {OBJECT_BYTES:,} bytes", obj=path)
                for line in lines:
                    event = object_of(path, line, "sent a watch")
                    if event.get("type") == "ERROR":
                        raise Conflict(f"watch ended: {event.get('object', {}).get('message', 'unknown')}", obj=path)
                    yield event
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"the watch was cut: {plain(error)}", obj=path) from error
        finally:
            response.close()
            response.release_conn()

    def through_service(
        self, namespace: str, service: str, port: int | str, path: str, *, scheme: str = "http", timeout: float
    ) -> Answer:
        """GETs a path of a Service by the API server's proxy: a kubeconfig is all it needs."""
        proxy = f"/api/v1/namespaces/{namespace}/services/{proxied(scheme, service, port)}/proxy"
        return self._ask(f"{proxy}/{path.lstrip('/')}", {}, timeout)._replace(scheme=scheme)

    def pass_on(
        self,
        namespace: str,
        service: str,
        port: int | str,
        target: str,
        *,
        scheme: str,
        method: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: float,
        most: int,
    ) -> Whole:
        """Sends somebody's request on to a Service by the API server's proxy, as it is: `target` is its path with what
        stands behind the question mark. The right is `services/proxy`: get, and for other methods create, update, patch
        and delete. Raises Unreachable."""
        proxy = f"/api/v1/namespaces/{namespace}/services/{proxied(scheme, service, port)}/proxy"
        whole = self._connection.pass_on(method, f"{proxy}{target}", headers, body, timeout=timeout, most=most)
        if not (where := whole.headers.get("Location")):
            return whole
        led = whole.headers.copy()  # type: ignore[attr-defined]
        led["Location"] = where.replace(f"{proxy}/", "/", 1)
        return whole._replace(headers=led)

    def through_pod(
        self,
        namespace: str,
        pod: str,
        port: int,
        path: str,
        *,
        host: str = "",
        headers: Mapping[str, str] | None = None,
        scheme: str = "http",
        timeout: float,
        most: int = ANSWER_BYTES,
    ) -> Answer:
        """GETs a path of one pod by the API server's proxy, as `host` if it is named: how Traefik's pods are asked. Of
        its body `most` bytes are read.

        By https the API server sends no name with TLS (SNI), and takes whatever certificate the pod has. It passes all
        `headers` on but Authorization (kubernetes/kubernetes#38775).
        """
        proxy = f"/api/v1/namespaces/{namespace}/pods/{proxied(scheme, pod, port)}/proxy"
        sent = {**(headers or {}), **({"Host": host} if host else {})}
        answer = self._ask(f"{proxy}/{path.lstrip('/')}", sent, timeout, most)
        came = dict(answer.headers)
        if where := came.get("location"):  # where it leads to its own host the API server puts its own path into it
            came["location"] = where.replace(f"{proxy}/", "/", 1)
        return answer._replace(headers=came, scheme=scheme)

    def text(self, path: str, *, most: int = ANSWER_BYTES, timeout: float = READ_SECONDS, **query: str) -> bytes:
        """What the API server answers with as it is, `most` bytes of it: logs. Raises NotFound."""
        whole = self._connection.send("GET", path, query, timeout=timeout, headers={"Accept": "*/*"}, most=most)
        if whole.status >= 400 or (whole.unread and not whole.body):
            raise error_of(path, whole)
        return whole.body

    def allowed(self, verb: str, group: str, resource: str, namespace: str, name: str = "") -> bool:
        """Whether this user may do `verb` on `resource` (or a part of it: pods/log) there, on all or on the one of this
        name, asked of the API server itself. "*" is each of them."""
        kind, _, part = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": kind, "subresource": part, "namespace": namespace}
        attributes |= {"name": name} if name else {}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self._connection.json("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
        return bool(answer.get("status", {}).get("allowed"))

    def who_am_i(self, *, timeout: float) -> dict[str, Any]:
        """The API server's own word on whose credentials these are: its SelfSubjectReview. Raises NotFound of a server
        before Kubernetes 1.28."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        return self._connection.json("POST", SELF_SUBJECT_REVIEWS, body=review, timeout=timeout)

    def _ask(self, path: str, headers: Mapping[str, str], timeout: float, most: int = ANSWER_BYTES) -> Answer:
        """What a pod answers, any status of it. A body that was not read, or only in part, is said in the answer."""
        began = time.monotonic()
        whole = self._connection.send("GET", path, timeout=timeout, headers=headers, most=most)
        seconds = time.monotonic() - began
        return Answer(whole.status, {k.lower(): v for k, v in whole.headers.items()}, whole.body, seconds, whole.unread)


class Cluster(Reader):
    """One API server as one user: to look at, and to change. `guard` is called before each write."""

    def __init__(
        self, connection: Connection, guard: Callable[[], None] = lambda: None, memory: Memory | None = None
    ) -> None:
        super().__init__(connection, memory)
        self._guard = guard

    @classmethod
    def connect(cls, kubeconfig: str | Path | None = None, context: str | None = None) -> Cluster:
        """Opens what the kubeconfig names, or the pod's own service account. Raises BadInput for an unknown context."""
        return cls(Connection.connect(kubeconfig, context))

    def reader(self, memory: Memory | None = None) -> Reader:
        """The same connection, without the means to write."""
        return Reader(self._connection, memory)

    def remembering(self, memory: Memory) -> Cluster:
        """The same, which may answer from memory, and each of whose writes has it forget."""
        return Cluster(self._connection, memory.forget, memory)

    def guarded(self, guard: Callable[[], None]) -> Cluster:
        """The same, none of whose writes is sent once `guard` raises."""
        return Cluster(self._connection, guard)

    def create(self, path: str, obj: Mapping[str, Any], *, timeout: float = READ_SECONDS) -> dict[str, Any]:
        """Raises Conflict when it exists."""
        return self._write("POST", path, body=obj, query={"fieldManager": FIELD_MANAGER}, timeout=timeout)

    def replace(self, path: str, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Raises Conflict when the object's resourceVersion is no longer the one in `obj`."""
        return self._write("PUT", path, body=obj, query={"fieldManager": FIELD_MANAGER})

    def apply(self, path: str, obj: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Server-side apply as field manager `flipgate`, taking over fields that others hold."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        return self._write("PATCH", path, body=obj, query=query, content_type=APPLY_PATCH)

    def patch(
        self, path: str, operations: Sequence[Mapping[str, Any]], *, timeout: float = READ_SECONDS
    ) -> dict[str, Any]:
        """One JSON patch. Raises Conflict when a `test` in it failed (the API server says 422 for that)."""
        query = {"fieldManager": FIELD_MANAGER}
        return self._write("PATCH", path, body=list(operations), query=query, content_type=JSON_PATCH, timeout=timeout)

    def merge(self, path: str, part: Mapping[str, Any], *, timeout: float = READ_SECONDS) -> dict[str, Any]:
        """One merge patch: sets what `part` names, whatever was there; it tests nothing. Raises NotFound."""
        query = {"fieldManager": FIELD_MANAGER}
        return self._write("PATCH", path, body=part, query=query, content_type=MERGE_PATCH, timeout=timeout)

    def delete(self, path: str, *, uid: str = "", version: str = "", dependents: bool = False) -> None:
        """Deletes one object; one that is gone already is fine. With a `uid` that very object, with a `version` as it
        was then: raises Conflict where another stands there by its name, or somebody has written it since. With its
        `dependents`: a Job leaves its pods behind otherwise."""
        very = {"uid": uid} if uid else {}
        very |= {"resourceVersion": version} if version else {}
        only: dict[str, Any] = {"preconditions": very} if very else {}
        if dependents:
            only["propagationPolicy"] = "Background"
        try:
            self._write("DELETE", path, **({"body": only} if only else {}))
        except NotFound:
            return

    def _write(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        self._guard()
        return self._connection.json(method, path, **more)
