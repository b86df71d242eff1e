"""Kubernetes, over the official client's connection, as plain JSON.

Only the client's configuration and connection pool are used: typed models make listing ten times slower, and a fence
is a JSON patch anyway. Every failure becomes one of flipgate's own errors (core/values/errors.py): permanent or
temporary.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from flipgate.adapters.reading import PIECE_BYTES, Whole, by_deadline, packed, read_whole
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import (
    BadInput,
    Conflict,
    FlipgateError,
    Forbidden,
    NotFound,
    PermanentError,
    TemporaryError,
    Unreachable,
)
from flipgate.core.values.foreign import NotJson, parse_json
from flipgate.core.workloads.managed_fields import OURS

T = TypeVar("T")

FIELD_MANAGER = OURS
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
"""For a whole answer, from before the connection is opened to its last byte."""
OBJECT_BYTES = 64 * 1_048_576
"""Of the API server's own answers: thousands of pods in one list. A single event of a watch has the same limit."""
ANSWER_BYTES = 1_048_576
"""Of what a pod answers through a proxy: what is beyond is not read, and that is said."""
CUT_AT_ONCE_SECONDS = 0.2
"""A read whose connection is cut sooner than this is sent once more, as Go's HTTP client does: load balancers and API
servers close what has been idle, and say nothing."""
LEAST_SECONDS = 0.01
"""What the second try has at least."""
WATCH_GRACE_SECONDS = 5.0
LONGEST_MESSAGE = 2_000
"""Of an error, in characters: it may be another's words."""
CONNECTIONS = 32
"""Kept to the API server: proof, stamps and the Lease's renewal go on side by side, eight requests each at most."""
AUTH_SECONDS = 1.0
"""How long credentials are taken as they are before the client is asked again whether they have to be renewed: asking
costs a third of a request's time, and it renews minutes before they expire."""


class Cluster:
    """One API server as one user. Thread-safe, as urllib3's pool is."""

    def __init__(self, client: Any, context: str) -> None:
        self._client = client
        self.context = context
        self.server: str = client.configuration.host
        client.rest_client.pool_manager.connection_pool_kw["maxsize"] = CONNECTIONS
        # The one server's own connections: the manager of all servers' would look them up again for each request.
        self._connections = client.rest_client.pool_manager.connection_from_url(self.server)
        by_deadline(self._connections)
        self._prefix = urlsplit(self.server).path.rstrip("/")
        self._groups: dict[str, str] = {}
        self._credentials: tuple[float, dict[str, str]] = (-AUTH_SECONDS, {})

    @classmethod
    def connect(cls, kubeconfig: str | Path | None = None, context: str | None = None) -> Cluster:
        """Opens what the kubeconfig names, or the pod's own service account. Raises BadInput for an unknown context."""
        import yaml
        from kubernetes import client, config  # half a second: only verbs that need a cluster pay for it

        try:
            if kubeconfig is None and context is None and _in_cluster():
                config.load_incluster_config()
                return cls(client.ApiClient(), "in-cluster")
            contexts, current = config.list_kube_config_contexts(str(kubeconfig) if kubeconfig else None)
            name = context or current["name"]
            if name not in {each["name"] for each in contexts}:
                known = ", ".join(sorted(each["name"] for each in contexts))
                raise BadInput(
                    f"is not in the kubeconfig (it has: {known})", obj=f"context {name}", untouched="everything"
                )
            return cls(config.new_client_from_config(str(kubeconfig) if kubeconfig else None, context=name), name)
        except (config.ConfigException, yaml.YAMLError, OSError, TypeError, ValueError, KeyError) as error:
            raise BadInput(
                f"cannot be used: {' '.join(str(error).split())}",
                obj=f"kubeconfig {kubeconfig}" if kubeconfig else "kubeconfig",
                untouched="everything",
                next_command="kubectl config get-contexts, or start a lab: flipgate lab up",
            ) from error

    def get(self, path: str, *, timeout: float = READ_SECONDS, **query: str) -> dict[str, Any]:
        """One object or list. Raises NotFound."""
        return self._json("GET", path, query=query, timeout=timeout)

    def groups(self) -> Mapping[str, str]:
        """The API groups this server serves, with their preferred version; asked for once per connection."""
        if not self._groups:
            served = self.get("/apis").get("groups") or []
            self._groups = {group["name"]: group["preferredVersion"]["groupVersion"] for group in served}
        return self._groups

    def find(self, path: str) -> dict[str, Any] | None:
        """One object, or None where there is none."""
        try:
            return self.get(path)
        except NotFound:
            return None

    def items(self, path: str, *, timeout: float = READ_SECONDS, **query: str) -> list[dict[str, Any]]:
        """The items of a list."""
        return list(self.get(path, timeout=timeout, **query).get("items") or [])

    def create(self, path: str, obj: Mapping[str, Any], *, timeout: float = READ_SECONDS) -> dict[str, Any]:
        """Raises Conflict when it exists."""
        return self._json("POST", path, body=obj, query={"fieldManager": FIELD_MANAGER}, timeout=timeout)

    def replace(self, path: str, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Raises Conflict when the object's resourceVersion is no longer the one in `obj`."""
        return self._json("PUT", path, body=obj, query={"fieldManager": FIELD_MANAGER})

    def apply(self, path: str, obj: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Server-side apply as field manager `flipgate`, taking over fields that others hold."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        return self._json("PATCH", path, body=obj, query=query, content_type=APPLY_PATCH)

    def patch(
        self, path: str, operations: Sequence[Mapping[str, Any]], *, timeout: float = READ_SECONDS
    ) -> dict[str, Any]:
        """One JSON patch. Raises Conflict when a `test` in it failed (the API server says 422 for that)."""
        query = {"fieldManager": FIELD_MANAGER}
        return self._json("PATCH", path, body=list(operations), query=query, content_type=JSON_PATCH, timeout=timeout)

    def merge(self, path: str, part: Mapping[str, Any], *, timeout: float = READ_SECONDS) -> dict[str, Any]:
        """One merge patch: sets what `part` names, whatever was there; it tests nothing. Raises NotFound."""
        query = {"fieldManager": FIELD_MANAGER}
        return self._json("PATCH", path, body=part, query=query, content_type=MERGE_PATCH, timeout=timeout)

    def delete(self, path: str) -> None:
        """Deletes one object; one that is gone already is fine."""
        try:
            self._json("DELETE", path)
        except NotFound:
            return

    def watch(self, path: str, *, seconds: float, **query: str) -> Iterator[dict[str, Any]]:
        """Events of a list for at most `seconds`, and WATCH_GRACE_SECONDS where the server does not end it by itself.
        Raises Conflict when the version to start from is gone."""
        import urllib3

        seconds = max(1, round(seconds))
        limit = seconds + WATCH_GRACE_SECONDS
        url = self._url(path, query | {"watch": "true", "timeoutSeconds": str(seconds)})
        response = self._trying("GET", limit, lambda left: self._open("GET", url, left))
        try:
            if response.status >= 400 or packed(response):
                raise _error(path, read_whole(response, OBJECT_BYTES, obj=path, limit=limit))
            buffer = b""
            while chunk := response.read1(PIECE_BYTES, decode_content=False):
                *lines, buffer = (buffer + chunk).split(b"\n")
                if len(buffer) > OBJECT_BYTES:
                    raise TemporaryError(f"sent a watch with an event of more than {OBJECT_BYTES:,} bytes", obj=path)
                for line in lines:
                    event = _object(path, line, "sent a watch")
                    if event.get("type") == "ERROR":
                        raise Conflict(f"watch ended: {event.get('object', {}).get('message', 'unknown')}", obj=path)
                    yield event
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"the watch was cut: {_plain(error)}", obj=path) from error
        finally:
            response.close()
            response.release_conn()

    def through_service(self, namespace: str, service: str, port: int | str, path: str, *, timeout: float) -> Answer:
        """GETs a path of a Service by the API server's proxy: a kubeconfig is all it needs."""
        target = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy/{path.lstrip('/')}"
        return self._ask(target, {}, timeout)

    def through_pod(
        self,
        namespace: str,
        pod: str,
        port: int,
        path: str,
        *,
        host: str = "",
        scheme: str = "http",
        timeout: float,
        most: int = ANSWER_BYTES,
    ) -> Answer:
        """GETs a path of one pod by the API server's proxy, as `host` if it is named: how Traefik's pods are asked. Of
        its body `most` bytes are read.

        By https the API server sends no name with TLS (SNI), and takes whatever certificate the pod has.
        """
        named = f"{pod}:{port}" if scheme == "http" else f"{scheme}:{pod}:{port}"
        proxy = f"/api/v1/namespaces/{namespace}/pods/{named}/proxy"
        answer = self._ask(f"{proxy}/{path.lstrip('/')}", {"Host": host} if host else {}, timeout, most)
        headers = dict(answer.headers)
        if where := headers.get("location"):  # where it leads to its own host the API server puts its own path into it
            headers["location"] = where.replace(f"{proxy}/", "/", 1)
        return answer._replace(headers=headers, scheme=scheme)

    def text(self, path: str, *, most: int = ANSWER_BYTES, timeout: float = READ_SECONDS, **query: str) -> bytes:
        """What the API server answers with as it is, `most` bytes of it: logs. Raises NotFound."""
        whole = self._send("GET", path, query, timeout=timeout, headers={"Accept": "*/*"}, most=most)
        if whole.status >= 400 or (whole.unread and not whole.body):
            raise _error(path, whole)
        return whole.body

    def allowed(self, verb: str, group: str, resource: str, namespace: str) -> bool:
        """Whether this user may do `verb` on `resource` (or a part of it: pods/log) there, asked of the API server
        itself. "*" is each of them."""
        kind, _, part = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": kind, "subresource": part, "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self._json("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
        return bool(answer.get("status", {}).get("allowed"))

    def _ask(self, path: str, headers: Mapping[str, str], timeout: float, most: int = ANSWER_BYTES) -> Answer:
        """What a pod answers, any status of it. A body that was not read, or only in part, is said in the answer."""
        began = time.monotonic()
        whole = self._send("GET", path, timeout=timeout, headers=headers, most=most)
        seconds = time.monotonic() - began
        return Answer(whole.status, {k.lower(): v for k, v in whole.headers.items()}, whole.body, seconds, whole.unread)

    def _json(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = READ_SECONDS,
    ) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        whole = self._send(method, path, query, data=data, content_type=content_type, timeout=timeout)
        if whole.status >= 400 or whole.unread:
            raise _error(path, whole)
        return _object(path, whole.body, f"answered {whole.status} with")

    def _url(self, path: str, query: Mapping[str, str]) -> str:
        """On that server, which may be a part of one: Rancher's stand behind a path."""
        return f"{self._prefix}{path}" + (f"?{urlencode(query)}" if query else "")

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        timeout: float,
        data: bytes | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        most: int = OBJECT_BYTES,
    ) -> Whole:
        """One request and its whole answer, at most `most` bytes of it, within `timeout` seconds for all of it. Raises
        Unreachable."""
        url, named = self._url(path, query or {}), {"Content-Type": content_type, **(headers or {})}

        def once(left: float) -> Whole:
            return read_whole(self._open(method, url, left, data, named), most, obj=path, limit=timeout)

        return self._trying(method, timeout, once)

    def _trying(self, method: str, timeout: float, once: Callable[[float], T]) -> T:
        """What `once` gives, which is told the time that is left; a read that is cut at once is tried once more."""
        import urllib3

        began = time.monotonic()
        try:
            try:
                return once(timeout)
            except urllib3.exceptions.ProtocolError:
                # Most likely a connection kept from before, closed by the other end at this very moment.
                if method != "GET" or time.monotonic() - began > CUT_AT_ONCE_SECONDS:
                    raise
                return once(max(LEAST_SECONDS, began + timeout - time.monotonic()))
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(
                f"did not answer (limit {timeout:.3g} s): {_plain(error)}",
                obj=f"API server {self.server}",
                next_command="kubectl --context " + self.context + " get --raw /readyz",
            ) from error

    def _open(
        self, method: str, url: str, timeout: float, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The answer as far as its headers; the rest of it has what is left of the time (adapters/reading.py)."""
        import urllib3

        plain = {"Accept": "application/json", "Accept-Encoding": "identity"}
        sent = {**plain, **(headers or {}), **self._authorization()}
        limits = urllib3.Timeout(connect=min(CONNECT_SECONDS, timeout), total=timeout)
        how = {"body": data, "headers": sent, "timeout": limits, "retries": False}
        return self._connections.urlopen(method, url, preload_content=False, decode_content=False, **how)

    def _authorization(self) -> dict[str, str]:
        """The headers that say who we are."""
        asked, headers = self._credentials
        if time.monotonic() - asked >= AUTH_SECONDS:
            headers = {}
            self._client.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
            self._credentials = (time.monotonic(), headers)
        return headers


def _in_cluster() -> bool:
    return Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists()


def _object(path: str, text: bytes, what: str) -> dict[str, Any]:
    try:
        parsed = parse_json(text)
    except NotJson as error:
        raise TemporaryError(f"{what} something that is not JSON", obj=path) from error
    if not isinstance(parsed, dict):
        raise TemporaryError(f"{what} JSON that is no object", obj=path)
    return parsed


def _plain(error: Exception) -> str:
    return str(error).split("object at 0x")[0].strip() or type(error).__name__


def _error(path: str, whole: Whole) -> FlipgateError:
    """The API server's refusal as one of our errors; an answer of its own that was not read whole is one, too."""
    status = whole.status
    if status < 400:
        return TemporaryError(f"answered {status}, and cannot be read: {whole.unread}", obj=path)
    message, causes = _refusal(whole.body)
    fact = f"the API server said {status}: {message}"
    if status in (401, 403):
        return Forbidden(fact, obj=path, next_command="kubectl auth can-i --list")
    if status == 404:
        return NotFound(fact, obj=path)
    if status == 422 and not causes:
        # A failed `test` of a JSON patch, whatever was tested: the server says no more than that. Values that are
        # invalid by themselves are told apart by their causes.
        return Conflict("what the patch tests is no longer so (the API server said 422)", obj=path)
    if status in (409, 410, 412):
        return Conflict(fact, obj=path)
    if status == 429 or status >= 500:
        return TemporaryError(fact, obj=path)
    return PermanentError(fact, obj=path)


def _refusal(body: bytes) -> tuple[str, Any]:
    """How the API server words it, and the causes that it names; anybody else's words are only shown."""
    try:
        said = parse_json(body)
        message, causes = said.get("message", ""), (said.get("details") or {}).get("causes")
    except (NotJson, AttributeError):
        return body[:200].decode(errors="replace"), None
    return str(message)[:LONGEST_MESSAGE], causes
