"""Recognises answers that users do not get, since they ask another way: another scheme, another port, with a name
(SNI), with what lets them in."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from flipgate.core.values.answer import SPEAKS_HTTP, Answer, status_message
from flipgate.core.values.foreign import printable
from flipgate.core.values.reasons import Why

REDIRECTS: Final = (301, 302, 303, 307, 308)
MISDIRECTED: Final = 421
SCHEME: Final = "spec.traffic.scheme: https"
TLS_PORT: Final = "spec.traffic.traefik.httpsPort: PORT, that of the entry point with TLS"
ADDRESS: Final = "spec.traffic.address: https://ADDRESS, where the name is sent"
HEADERS: Final = "spec.traffic.probe.headers"
PACE: Final = "spec.traffic.probesPerSecond"
NO_NAME: Final = "TLS begun without a name (SNI), as the API server's pod proxy begins it"
_FAILED: Final = ("tls: ", "x509: ", "EOF")


class Misasked(NamedTuple):
    """What came instead of users' answer, and the key of the file that declares users' way of asking.

    Reasons: RedirectedToHttps, SniNeeded, TlsFailed (anything else that keeps TLS from coming about), TurnedAway.
    """

    reason: Why
    fact: str
    declare: str

    def __str__(self) -> str:
        return f"{self.fact}; declare {self.declare}"


def misasked(answer: Answer) -> Misasked | None:
    """Returns why users do not get this answer; None where the way of asking is not what is wrong."""
    where = answer.headers.get("location", "")
    if answer.scheme == "http" and answer.status in REDIRECTS and where.lower().startswith("https://"):
        return Misasked(Why.REDIRECTED_TO_HTTPS, f"who asks by http is sent to {printable(where)}", SCHEME)
    if answer.scheme == "https" and answer.status == MISDIRECTED and not answer.named:
        return Misasked(Why.SNI_NEEDED, f"the route has TLS options of its own, so Traefik refuses {NO_NAME}", ADDRESS)
    said = status_message(answer) if answer.scheme == "https" and not answer.named else ""
    return _no_tls(said) if said else None


def _no_tls(said: str) -> Misasked | None:
    """The API server's words (Go's) on why no TLS came about with the pod."""
    why = said.partition("trying to reach service: ")[2]
    if "unrecognized name" in why:
        return Misasked(Why.SNI_NEEDED, f"Traefik has sniStrict on, and refuses {NO_NAME}", ADDRESS)
    if any(words in why for words in SPEAKS_HTTP):
        return Misasked(Why.TLS_FAILED, "that port speaks plain HTTP", TLS_PORT)
    if "connection refused" in why:
        return Misasked(Why.TLS_FAILED, "nothing listens at that port", TLS_PORT)
    if why.startswith(_FAILED) or "remote error: tls" in why:
        return Misasked(Why.TLS_FAILED, f"no TLS came about ({printable(why)})", f"{TLS_PORT}, or {ADDRESS}")
    return None


def turned_away(answer: Answer) -> Misasked | None:
    """Returns what most likely stands in front of the whole host and answered an answer that names no side; None where
    nothing does. The middlewares are Traefik's (https://doc.traefik.io/traefik/middlewares/http/overview)."""
    if status_message(answer) is not None:
        return None
    if answer.status == 401:
        return _away("basicAuth, digestAuth or forwardAuth in front of the host", HEADERS)
    if answer.status == 403:
        asking = "the worker's address" if answer.named else "the API server's addresses"
        return _away(f"an ipAllowList that lacks {asking}, or forwardAuth", HEADERS)
    if answer.status == 429:
        return _away("a rateLimit in front of the host", f"{PACE}, below its average")
    if answer.status in REDIRECTS:
        where = urlsplit(answer.headers.get("location", ""))._replace(query="", fragment="")  # it may hold a token
        return _away(f"sent to {printable(where.geturl())}: forwardAuth with a login, or a redirect", HEADERS)
    return None


def _away(fact: str, declare: str) -> Misasked:
    return Misasked(Why.TURNED_AWAY, fact, declare)
