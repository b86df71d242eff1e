"""One connection to one API server, as one user: requests, their time limits, and its errors as flipgate's own.

Only the official client's configuration and connection pool are used: typed models make listing ten times slower, and
a fence is a JSON patch anyway. Every failure becomes one of flipgate's own errors (core/values/errors.py): permanent
or temporary.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

from flipgate.adapters.impersonated import Headers, impersonating
from flipgate.adapters.reading import Whole, by_deadline, read_whole
from flipgate.core.values.errors import (
    BadInput,
    Conflict,
    FlipgateError,
    Forbidden,
    NotFound,
    PermanentError,
    Silent,
    TemporaryError,
    Unreachable,
)
from flipgate.core.values.foreign import NotJson, parse_json, without_secrets

T = TypeVar("T")

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
"""For a whole answer, from before the connection is opened to its last byte."""
OBJECT_BYTES = 64 * 1_048_576
"""Of the API server's own answers: thousands of pods in one list. A single event of a watch has the same limit."""
CUT_AT_ONCE_SECONDS = 0.2
"""A read whose connection is cut sooner than this is sent once more, as Go's HTTP client does: load balancers and API
servers close what has been idle, and say nothing."""
LEAST_SECONDS = 0.01
"""What the second try has at least."""
LONGEST_MESSAGE = 2_000
"""Of an error, in characters: it may be another's words."""
CONNECTIONS = 32
"""Kept to the API server: proof, stamps and the Lease's renewal go on side by side, eight requests each at most."""
AUTH_SECONDS = 1.0
"""How long credentials are taken as they are before the client is asked again whether they have to be renewed: asking
costs a third of a request's time, and it renews minutes before they expire."""
ESCAPED = re.compile("[^ -~\U00010000-\U0010ffff]")
"""What is sent as `\\u....`: all but what is printed in ASCII, and what would need two of these."""
ERRORS: Mapping[int, type[FlipgateError]] = MappingProxyType(
    {401: Forbidden, 403: Forbidden, 404: NotFound, 409: Conflict, 410: Conflict, 412: Conflict, 429: TemporaryError}
)
"""By the API server's status."""


class Connection:
    """One API server as one user. Thread-safe, as urllib3's pool is."""

    def __init__(self, client: Any, context: str, acting_as: Headers = ()) -> None:
        self._client = client
        self._acting_as = acting_as
        self.context = context
        self.server: str = client.configuration.host
        client.rest_client.pool_manager.connection_pool_kw["maxsize"] = CONNECTIONS
        # The one server's own connections: the manager of all servers' would look them up again for each request.
        self._connections = client.rest_client.pool_manager.connection_from_url(self.server)
        by_deadline(self._connections)
        self._prefix = urlsplit(self.server).path.rstrip("/")
        self.groups: dict[str, tuple[str, ...]] = {}
        """The API groups that it serves and their versions, the preferred first; once somebody has asked."""
        self._credentials: tuple[float, dict[str, str]] = (-AUTH_SECONDS, {})

    @classmethod
    def connect(cls, kubeconfig: str | Path | None = None, context: str | None = None) -> Connection:
        """Opens what the kubeconfig names, or the pod's own service account. Raises BadInput for an unknown context and
        for a kubeconfig that cannot be used."""
        from kubernetes import client, config  # a tenth of a second: only verbs that need a cluster pay for it

        paths = str(kubeconfig or config.KUBE_CONFIG_DEFAULT_LOCATION)
        try:
            if kubeconfig is None and context is None and _in_cluster():
                config.load_incluster_config()
                opened: tuple[Any, str, Headers] = client.ApiClient(), "in-cluster", ()
            else:
                opened = _from_files(paths, context)
        except FlipgateError:
            raise
        except Exception as error:  # any at all: the files, and the programs that they have called, may be anybody's
            # The client names an entry by all that is in it, keys and tokens, too.
            said = without_secrets(" ".join(str(error).split()).partition("{")[0])
            kind = "" if isinstance(error, config.ConfigException) else f"{type(error).__name__}: "
            raise BadInput(
                f"cannot be used: {kind}{said}",
                obj=f"kubeconfig {kubeconfig}" if kubeconfig else "kubeconfig",
                next_command="kubectl config get-contexts, or start a lab: flipgate lab up",
            ) from error
        return cls(*opened)

    def json(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = READ_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The object that a request is answered with. Raises NotFound, Conflict and the others of `error_of`."""
        data = None if body is None else _as_yaml_too(json.dumps(body, ensure_ascii=False)).encode()

        def once(left: float) -> Whole:
            return self.send(method, path, query, data=data, content_type=content_type, timeout=left, headers=headers)

        whole = patient(timeout, once)
        if whole.status >= 400 or whole.unread:
            raise error_of(path, whole)
        return object_of(path, whole.body, f"answered {whole.status} with")

    def url(self, path: str, query: Mapping[str, str]) -> str:
        """On that server, which may be a part of one: Rancher's stand behind a path."""
        return f"{self._prefix}{path}" + (f"?{urlencode(query)}" if query else "")

    def send(
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
        url, named = self.url(path, query or {}), {"Content-Type": content_type, **(headers or {})}

        def once(left: float) -> Whole:
            return read_whole(self.open(method, url, left, data, named), most, obj=path, limit=timeout)

        return self.trying(method, timeout, once)

    def pass_on(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, *, timeout: float, most: int
    ) -> Whole:
        """Somebody else's request, with its own headers and nothing added but who we are. Raises Unreachable."""

        def once(left: float) -> Whole:
            response = self.open(method, f"{self._prefix}{target}", left, body, headers)
            return read_whole(response, most, obj=target, limit=timeout)

        return self.trying(method, timeout, once)

    def trying(self, method: str, timeout: float, once: Callable[[float], T]) -> T:
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
            kind = Silent if isinstance(error, urllib3.exceptions.ReadTimeoutError) else Unreachable
            raise kind(
                f"did not answer (limit {timeout:.3g} s): {plain(error)}",
                obj=f"API server {self.server}",
                next_command="kubectl --context " + self.context + " get --raw /readyz",
            ) from error

    def open(
        self, method: str, url: str, timeout: float, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The answer as far as its headers; the rest of it has what is left of the time (adapters/reading.py)."""
        import urllib3

        asked = {"Accept": "application/json", "Accept-Encoding": "identity"}
        sent = self._as_somebody({**asked, **(headers or {}), **self._authorization()})
        limits = urllib3.Timeout(connect=min(CONNECT_SECONDS, timeout), total=timeout)
        how = {"body": data, "headers": sent, "timeout": limits, "retries": False}
        return self._connections.urlopen(method, url, preload_content=False, decode_content=False, **how)

    def _as_somebody(self, sent: dict[str, str]) -> Mapping[str, str]:
        """The same headers, as whom the kubeconfig's user acts as."""
        if not self._acting_as:
            return sent
        import urllib3

        all_of_them = urllib3.HTTPHeaderDict({k: v for k, v in sent.items() if not k.lower().startswith("impersonate")})
        for name, value in self._acting_as:
            all_of_them.add(name, value)
        return all_of_them

    def _authorization(self) -> dict[str, str]:
        """The headers that say who we are."""
        asked, headers = self._credentials
        if time.monotonic() - asked >= AUTH_SECONDS:
            headers = {}
            self._client.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
            self._credentials = (time.monotonic(), headers)
        return headers


class _Answer(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...


A = TypeVar("A", bound=_Answer)


def _as_yaml_too(text: str) -> str:
    """JSON that is YAML, too, as the API server reads server-side apply: YAML has no escape for half a character, and
    takes others only escaped."""
    return ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def patient(timeout: float, once: Callable[[float], A]) -> A:
    """What `once` is answered by the API server, which is told the time that is left. An API server that has too much
    to do (429) says when to come again, and has done nothing: it is asked again then, while there is time for it.

    As client-go does, for any method (https://pkg.go.dev/k8s.io/client-go/rest#Request.MaxRetries); what a pod answers
    through the API server's proxy is its own, and never asked for again.
    """
    ends = time.monotonic() + timeout
    while True:
        answer = once(max(LEAST_SECONDS, ends - time.monotonic()))
        pause = answer.headers.get("Retry-After", "") if answer.status == 429 else ""
        if not (pause.isdecimal() and len(pause) < 4 and 0 < int(pause) < ends - time.monotonic()):
            return answer
        time.sleep(int(pause))


def _from_files(paths: str, context: str | None) -> tuple[Any, str, Headers]:
    """A client for the context, by its name, and whom its user acts as: from one or several files, read once. With
    thirty clusters in it, one reading takes 60 ms. Raises as the client's own functions do, and BadInput."""
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

    files = KubeConfigMerger(paths)
    if files.config is None:
        raise ConfigException(f"there is none at {paths}")
    contexts = files.config["contexts"]
    names = [each["name"] for each in contexts.value]
    if not names:
        raise ConfigException(f"there is no context in {paths}")
    known = f"it has: {', '.join(sorted(map(str, names)))}"
    name = context or _current(files.config_files.values())
    if not name:
        raise BadInput(
            f"names no current context, and --context names none ({known})",
            obj=f"kubeconfig {paths}",
            next_command="kubectl config get-contexts",
        )
    if name not in names:
        raise BadInput(f"is not in the kubeconfig ({known})", obj=f"context {name}")
    # A token that is renewed is written back: with the old one kubectl would ask for another login.
    loader = KubeConfigLoader(
        files.config, active_context=name, config_base_path=None, config_persister=files.save_changes
    )
    loader.load_and_set(configuration := Configuration())
    login = files.config["users"].get_with_name(contexts.get_with_name(name)["context"].safe_get("user"), safe=True)
    return ApiClient(configuration), str(name), impersonating(login["user"].value if login else {})


def _current(files: Iterable[Any]) -> Any:
    """The context that the first file names which names one, as kubectl has it; the client takes the last."""
    return next(filter(None, (each.get("current-context") for each in files)), None)


def _in_cluster() -> bool:
    return Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists()


def object_of(path: str, text: bytes, what: str) -> dict[str, Any]:
    """The JSON object in it. Raises TemporaryError where it is none; `what` says how it came."""
    try:
        parsed = parse_json(text)
    except NotJson as error:
        raise TemporaryError(f"{what} something that is not JSON", obj=path) from error
    if not isinstance(parsed, dict):
        raise TemporaryError(f"{what} JSON that is no object", obj=path)
    return parsed


def plain(error: Exception) -> str:
    """What urllib3 says, without addresses in memory."""
    return str(error).split("object at 0x")[0].strip() or type(error).__name__


def error_of(path: str, whole: Whole) -> FlipgateError:
    """The API server's refusal as one of our errors; an answer of its own that was not read whole is one, too."""
    status = whole.status
    if status < 400:
        return TemporaryError(f"answered {status}, and cannot be read: {whole.unread}", obj=path)
    message, causes = _refusal(whole.body)
    fact = f"the API server said {status}: {message}"
    if status == 422 and not causes:
        # A failed `test` of a JSON patch, whatever was tested: the server says no more than that. Values that are
        # invalid by themselves are told apart by their causes.
        return Conflict("what the patch tests is no longer so (the API server said 422)", obj=path)
    kind = ERRORS.get(status, TemporaryError if status >= 500 else PermanentError)
    return kind(fact, obj=path, next_command="kubectl auth can-i --list" if kind is Forbidden else "")


def _refusal(body: bytes) -> tuple[str, Any]:
    """How the API server words it, and the causes that it names; anybody else's words are only shown."""
    try:
        said = parse_json(body)
        message, causes = said.get("message", ""), (said.get("details") or {}).get("causes")
    except (NotJson, AttributeError):
        return body[:200].decode(errors="replace"), None
    return str(message)[:LONGEST_MESSAGE], causes
