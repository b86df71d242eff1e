"""Prefect: starting runs, ringing the doorbell of a waiting one, sending events. The only file that knows Prefect.

Prefect is imported when first used (two seconds), so that verbs that don't need it don't pay for it, and nothing that
goes back depends on it.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from flipgate.core.record.form import RUNG, texts_of
from flipgate.core.record.going_on import SUSPENDED, Run
from flipgate.core.record.pipelines import another_key
from flipgate.core.values.errors import NotFound, Refused, Unreachable
from flipgate.core.values.foreign import printable, without_secrets
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why

BUILD_COMPLETED = "flipgate.image.build-completed"
TIMEOUT_SECONDS = 10.0
HURRY_SECONDS = 2.0
"""Of a request that the way back makes, and of all together: users wait for it."""
PLAIN = frozenset({"PREFECT_API_URL", "PREFECT_API_AUTH_STRING"})
VERDICTS = frozenset({"ACCEPT", "REJECT", "ABORT", "WAIT"})
"""Prefect's, of an answer to a form."""
CLIENTS_OWN = (
    "PREFECT_API_",
    "PREFECT_CLIENT_",
    "PREFECT_CLOUD_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
)
"""What is said to Prefect's client, and not to be passed over."""
RING_RETRIES = 1
"""Of each request by which a waiting run is told: a person waits for it, and the decision is in the record already."""
FORMS_READ = 100
"""Of one question: three inputs for each time it was put up, which is once unless the run died on the way."""
VARIABLES_A_PAGE, PAGES = 200, 50
OVERTAKEN = "Overtaken"
"""What the state of a run is called whose release a person has taken another way: it has ended, but not come there."""
RUNS_A_KEY = 5
"""Runs that are started under one key where each before it will not act: then a person has to."""


def start(
    pipeline: str,
    parameters: Mapping[str, Any],
    *,
    key: str | None = None,
    at: datetime | None = None,
    acts: Callable[[Run], bool] = lambda run: True,
) -> Run:
    """Creates a run of a pipeline's deployment. With `key`, the same call twice is one run, for good: unless that one
    does not go on (`acts`), which is Prefect's business no more than any other's. Then it is one more, under a key made
    of the first, so that two who call at once still start one; at most RUNS_A_KEY of them, and the last is returned.
    Without a key each call is one run, however often Prefect's client, which heard no answer, sends it.

    Raises NotFound where the deployment is missing, Unreachable where no Prefect answers.
    """
    from prefect.states import Scheduled

    state: Any = Scheduled(scheduled_time=at) if at else None
    first = key or uuid4().hex
    with _client() as client, _failures(f"deployment {pipeline}/{pipeline}"):
        deployment = client.read_deployment_by_name(f"{pipeline}/{pipeline}")
        for turn in range(1, RUNS_A_KEY + 1):
            made = client.create_flow_run_from_deployment(
                deployment.id,
                parameters=dict(parameters),
                idempotency_key=another_key(first, turn),
                state=state,
                name=_name(pipeline, parameters),
                tags=_tags(parameters.get("application")),
            )
            run = Run(str(made.id), made.name, url_of(str(made.id)), str(made.state_type.value), made.start_time)
            if key is None or acts(run):
                break
    return run


def under_way(pipeline: str, application: str) -> int:
    """How many runs of a pipeline that `start` has made for one application are at work, or wait for a worker. Raises
    Unreachable."""
    states = {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING"]}}
    asked = {
        "deployments": {"name": {"any_": [pipeline]}},
        "flow_runs": {"state": states, "tags": {"all_": _tags(application)}},
    }
    with _client() as client, _failures(f"deployment {pipeline}/{pipeline}"):
        return int(client.request("POST", "/flow_runs/count", json=asked).json())


def _tags(application: Any) -> list[str]:
    """By which the runs of one application are found, in Prefect's UI, too."""
    return [f"application:{application}"] if application else []


def _name(pipeline: str, parameters: Mapping[str, Any]) -> str:
    """What the run is called until it starts, which may be a day from now, and names itself."""
    words = [pipeline.replace("-", " "), parameters.get("application"), parameters.get("release")]
    return " ".join(str(word) for word in words if word)


@dataclass(frozen=True)
class Ended:
    """How a run has ended: whether well, and what it said."""

    well: bool
    message: str


def ended(flow_run: str) -> Ended | None:
    """How the run has ended; None while it is scheduled, at work or waits. Raises NotFound, Unreachable."""
    with _client(RING_RETRIES) as client, _failures(f"flow run {flow_run}"):
        state = client.read_flow_run(UUID(flow_run)).state
    if state is None or not state.is_final():
        return None
    return Ended(state.is_completed() and state.name != OVERTAKEN, state.message or str(state.name))


def sleeping(flow_run: str) -> Run | None:
    """The run, where it is suspended; None of one in any other state. Raises NotFound, Unreachable."""
    with _client(RING_RETRIES) as client, _failures(f"flow run {flow_run}"):
        found = client.read_flow_run(UUID(flow_run))
    if found.state is None or found.state.type.value != SUSPENDED:
        return None
    return Run(flow_run, found.name, url_of(flow_run), SUSPENDED, found.start_time)


def ring(flow_run: str, decision: str, reason: str, name: str) -> bool:
    """Wakes a run that waits for a decision, to look at the record. False when it no longer waits (somebody else rang).

    The form has to be filled in, so it says what the record says; it counts as nobody's answer. Raises Refused for a
    form that Prefect does not take (it answers 200 to it, so the answer's status counts), Unreachable without Prefect.
    """
    form = {"decision": decision, "reason": reason, "name": printable(name), RUNG: True}
    told = _resumed(flow_run, form)
    if told is None:
        with _client(RING_RETRIES) as client, _failures(f"flow run {flow_run}"):
            answer = client.resume_flow_run(UUID(flow_run), run_input=form)
        told = answer.status.value, getattr(getattr(answer, "details", None), "reason", None) or ""
    status, why = told
    if status == "ACCEPT":
        return True
    if "not" in why and ("paused" in why.lower() or "suspended" in why.lower()):
        return False
    raise Refused(
        f"did not take the decision: {why}",
        obj=f"flow run {flow_run}",
        reason=Why.RESUME_REJECTED,
        untouched="the run: it still waits; the decision is in the record",
        next_command=url_of(flow_run),
    )


def _resumed(flow_run: str, form: Mapping[str, Any]) -> tuple[str, str] | None:
    """The server's verdict on one plain POST, and why: sent without Prefect's client, which takes longer to import than
    a person waits for all else. None where what stands in the environment is not all that is needed: a profile, Prefect
    Cloud, certificates, a proxy, a server that wants more. Then the client has its turn."""
    url, more = os.environ.get("PREFECT_API_URL", ""), os.environ.keys() - PLAIN
    if not url.startswith(("http://", "https://")) or any(name.upper().startswith(CLIENTS_OWN) for name in more):
        return None
    import urllib3

    login = os.environ.get("PREFECT_API_AUTH_STRING")
    try:
        headers = {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
        answer = urllib3.request(
            "POST",
            f"{url.rstrip('/')}/flow_runs/{UUID(flow_run)}/resume",
            json={"run_input": form},
            headers={"Content-Type": "application/json", **headers},
            timeout=urllib3.Timeout(connect=HURRY_SECONDS, read=TIMEOUT_SECONDS),  # one that is slow has taken it
            retries=False,
            redirect=False,
        )
        told = answer.json() if answer.status in (200, 201) else {}
        if told["status"] not in VERDICTS:
            return None
        return told["status"], str((told.get("details") or {}).get("reason") or "")
    except (urllib3.exceptions.HTTPError, ValueError, LookupError, AttributeError, TypeError):
        return None  # no answer, or none of Prefect's


def answers_of(flow_run: str, prefix: str) -> list[str]:
    """What was answered to the forms of this run whose key begins so: JSON's text, as the server keeps it, of which
    nothing is looked up. Raises Unreachable."""
    with _client() as client, _failures(f"flow run {flow_run}"):
        asked = {"prefix": prefix, "limit": FORMS_READ}
        found = _listed(client, f"/flow_runs/{UUID(flow_run)}/input/filter", asked, {"key", "value"})
    return [str(each["value"]) for each in found if str(each["key"]).endswith("-response")]


def variables(*, in_a_hurry: bool = False) -> frozenset[str]:
    """All texts that a reference to one of Prefect's variables may become: to be compared with, never to be shown.
    Raises Unreachable, also where there are more than anybody reads; `in_a_hurry` asks for each page once, and for none
    after two seconds."""
    retries, seconds = (0, HURRY_SECONDS) if in_a_hurry else (None, TIMEOUT_SECONDS)
    texts: set[str] = set()
    began = monotonic()
    with _client(retries, seconds) as client, _failures("variables"):
        for page in range(PAGES):
            asked = {"limit": VARIABLES_A_PAGE, "offset": page * VARIABLES_A_PAGE}
            found = _listed(client, "/variables/filter", asked, {"value"})
            texts.update(text for each in found for text in texts_of(each["value"]))
            if len(found) < VARIABLES_A_PAGE:
                return frozenset(texts)
            if in_a_hurry and monotonic() - began > HURRY_SECONDS:
                raise ValueError(f"there are more variables than were read in {HURRY_SECONDS:.0f} s")
        raise ValueError(f"there are more than {PAGES * VARIABLES_A_PAGE} variables")


def _listed(client: Any, path: str, asked: Mapping[str, Any], keys: set[str]) -> list[dict[str, Any]]:
    """What the server lists, as it says it: by a request of our own, for Prefect's client would make values of it.
    Raises ValueError for what is no such list."""
    found = client.request("POST", path, json=dict(asked)).json()
    if not isinstance(found, list) or not all(isinstance(each, dict) and keys <= set(each) for each in found):
        raise ValueError(f"{path} has no list of {', '.join(sorted(keys))}")
    return found


def emit_build(application: str, images: Mapping[str, str], *, event_id: str = "", again: bool = False) -> str:
    """Sends `flipgate.image.build-completed` and returns its id. The same `event_id` twice is one event for good.

    Without one it is a new event; images that are under way or live already make no second release of it, unless it
    says `again`: their tags were pushed anew.
    """
    identity = UUID(event_id) if event_id else uuid4()
    event = {
        "id": str(identity),
        "occurred": datetime.now(UTC).isoformat(),
        "event": BUILD_COMPLETED,
        "resource": {"prefect.resource.id": f"flipgate.application.{application}"},
        "payload": {"application": application, "images": dict(images), **({"again": True} if again else {})},
    }
    with _client() as client, _failures("event"):
        client.request("POST", "/events", json=[event])
    return str(identity)


def url_of(flow_run: str) -> str:
    """The page of a run in Prefect's UI; empty where no UI is known."""
    return _page(f"runs/flow-run/{flow_run}")


def artifact_url(key: str) -> str:
    """The page of an artifact, which shows the newest of its key; empty where no UI is known."""
    return _page(f"artifacts/key/{key}")


def _page(path: str) -> str:
    """In the new UI of a server's two, which asks for a login and comes back to the page. The old one, at the same path
    without `/v2`, shows `Page not found` to whoever is not logged in yet (3.9.1). Prefect Cloud has one UI."""
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    site = urlsplit(settings.ui_url or (settings.api.url or "").removesuffix("/api"))
    ui = site._replace(netloc=site.netloc.rpartition("@")[2]).geturl()  # links are told to everybody, a login to nobody
    if not ui:
        return ""
    return f"{ui}/{path}" if settings.connected_to_cloud else f"{ui.removesuffix('/v2')}/v2/{path}"


@contextmanager
def _client(retries: int | None = None, seconds: float = TIMEOUT_SECONDS) -> Iterator[Any]:
    """A client of the server that PREFECT_API_URL or the profile names; `retries` where they are fewer than Prefect's
    own, which take a minute. Raises Refused where neither names one."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, get_current_settings, temporary_settings

    if not get_current_settings().api.url:
        raise Refused(
            "no Prefect server is configured",
            obj="PREFECT_API_URL",
            reason=Why.NO_PREFECT,
            untouched="everything",
            next_command="prefect config set PREFECT_API_URL=http://HOST:4200/api",
        )
    own = PREFECT_CLIENT_MAX_RETRIES.value()
    tries = temporary_settings({PREFECT_CLIENT_MAX_RETRIES: own if retries is None else min(own, retries)})
    httpx_settings: dict[str, Any] = {"timeout": seconds}
    if retries is not None:
        httpx_settings["event_hooks"] = {"response": [_in_our_own_time]}
    with tries, get_client(sync_client=True, httpx_settings=httpx_settings) as client:
        yield client


def _in_our_own_time(answer: Any) -> None:
    """Takes off what has Prefect's client wait for as long as the server likes, whatever its retries are."""
    for header in ("Retry-After", "Prefect-Maintenance"):
        answer.headers.pop(header, None)


@contextmanager
def _failures(obj: str) -> Iterator[None]:
    """Turns the client's exceptions into ours, which do not carry them along: they name the server's address, which may
    hold a password, and a run's log shows an error with what it came from."""
    import httpx
    from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

    try:
        yield
    except ObjectNotFound:
        raise NotFound(
            "is not known to this Prefect server", obj=obj, next_command="prefect deploy --all --no-prompt"
        ) from None
    except (
        httpx.TransportError,
        PrefectHTTPStatusError,
        RuntimeError,
        ValueError,
    ) as error:  # what is no JSON, and no Prefect's
        raise Unreachable(
            f"Prefect did not answer as expected: {type(error).__name__}: {without_secrets(str(error))[:300]}",
            obj=obj,
            untouched="routes and sides",
            next_command="curl $PREFECT_API_URL/health",
        ) from None
