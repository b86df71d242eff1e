"""The API server, spoken to in raw JSON: quick enough for a hundred pods, and no typed models in the way."""

import asyncio
import base64
import json
import os
import ssl
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

Json = dict[str, Any]
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


class KubeError(Exception):
    """The API server said no: its status code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Kube:
    """One kubeconfig's cluster. Methods raise KubeError for a refusal and httpx.HTTPError for a broken line."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    def from_kubeconfig(cls, path: Path) -> "Kube":
        """Raises OSError, KeyError or StopIteration for a file that is none or has no such context."""
        config = yaml.safe_load(path.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        client = httpx.AsyncClient(
            base_url=cluster["server"],
            headers=headers,
            verify=_tls(cluster, user, path.parent),
            timeout=httpx.Timeout(15, pool=60),
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=32, keepalive_expiry=60),
            trust_env=False,
        )
        return cls(client)

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, path: str, **query: str) -> Json:
        return _answer(await self._client.get(path, params=query))

    async def post(self, path: str, body: Json) -> Json:
        return _answer(await self._client.post(path, json=body))

    async def put(self, path: str, body: Json) -> Json:
        return _answer(await self._client.put(path, json=body))

    async def patch(self, path: str, body: Json, content_type: str = STRATEGIC) -> Json:
        headers = {"Content-Type": content_type}
        return _answer(await self._client.patch(path, content=json.dumps(body), headers=headers))

    async def delete(self, path: str, body: Json) -> Json:
        return _answer(await self._client.request("DELETE", path, json=body))

    async def watch(self, path: str, **query: str) -> AsyncGenerator[tuple[str, Json], None]:
        """Events as (type, object) until the watch ends. Raises KubeError for an ERROR event (410: too old)."""
        query |= {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": "600"}
        timeout = httpx.Timeout(15, read=660, pool=60)
        async with self._client.stream("GET", path, params=query, timeout=timeout) as response:
            if response.status_code >= 400:
                await response.aread()
            _raise(response)
            async for line in response.aiter_lines():
                if not line:
                    continue
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise KubeError(event["object"].get("code", 500), event["object"].get("message", ""))
                yield event["type"], event["object"]


def pod_path(pod: Mapping[str, Any]) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


async def insist(attempt: Callable[[], Awaitable[None]], what: str, log: Callable[[str], None]) -> None:
    """Call `attempt()` until it raises neither KubeError nor httpx.HTTPError; for what an agent can't do without."""
    pause = 0.1
    while True:
        try:
            return await attempt()
        except (KubeError, httpx.HTTPError) as error:
            log(f"{what}: {error!r}; again in {pause:g} s")
        await asyncio.sleep(pause)
        pause = min(pause * 2, 2.0)


def _answer(response: httpx.Response) -> Json:
    _raise(response)
    body: Json = response.json()
    return body


def _raise(response: httpx.Response) -> None:
    if response.status_code < 400:
        return
    try:
        message = str(response.json().get("message", response.text))
    except ValueError:
        message = response.text
    raise KubeError(response.status_code, message)


def _named(entries: list[Json], name: str) -> Json:
    return next(entry for entry in entries if entry["name"] == name)


def _tls(cluster: Json, user: Json, folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority := _content(cluster, "certificate-authority", folder):
        context = ssl.create_default_context(cadata=authority.decode())
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _content(user, "client-certificate", folder), _content(user, "client-key", folder)
    if certificate and key:
        _load_pair(context, certificate, key)
    return context


def _content(entry: Json, name: str, folder: Path) -> bytes | None:
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"])
    return (folder / entry[name]).read_bytes() if name in entry else None


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Python's TLS takes a key pair only from a file: one that nobody else can read, gone at once."""
    handle, name = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(certificate + b"\n" + key)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
