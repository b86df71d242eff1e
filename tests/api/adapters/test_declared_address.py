"""A declared address is asked as a browser asks: by TLS with the host's name, verified, and within its time."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import trustme

from flipgate.adapters import declared_address
from flipgate.adapters.cluster import ANSWER_BYTES
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import BadInput, Refused, TemporaryError, Unreachable
from flipgate.core.way_back.facts import agreed
from flipgate.steps.acting.world import World
from flipgate.steps.looking.observe import observe
from flipgate.steps.looking.prove import need_visible
from flipgate.steps.releasing.setup import adopt, check_application
from tests.api.front import Users, fronted, impatient, saying
from tests.api.shop import BLUE, Shop
from tests.api.users import user
from tests.api.wire import Answer, Handler, dripping, listening, sending, serving, within

BLUE_SAYS = saying("X-Served-Side: blue")


@dataclass
class Edge:
    """What stands at the address: its CA, and what it was asked for: the name in TLS, Host, path, connection."""

    address: str
    ca: str
    asked: list[tuple[str | None, str, str, Any]] = field(default_factory=list)


@contextmanager
def edge(users: Users = BLUE_SAYS, *names: str) -> Iterator[Edge]:
    """Serves at a loopback address with a certificate for these names."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    context.sni_callback = lambda line, name, _: setattr(line, "began_for", name)

    def script(request: Handler) -> Answer | None:
        name = getattr(request.connection, "began_for", None)
        made.asked.append((name, request.headers["Host"], request.path, request.client_address))
        return users(request)

    with listening(script, context) as address:
        made = Edge(f"https://{address}", authority.cert_pem.bytes().decode())
        yield made


def at(shop: Shop, edge: Edge, *, trusted: bool = True) -> Shop:
    """The shop by a file that declares this address."""
    pem = edge.ca.replace("\n", "\n      ")
    more = f"    address: {edge.address}\n" + (f"    ca: |\n      {pem}\n" if trusted else "")
    lines = f"  traffic:\n    host: {shop.name}.example\n    path: /up\n    header: X-Served-Side\n{more}"
    old = next(line for line in shop.text.splitlines(keepends=True) if line.startswith("  traffic:"))
    shop.text = shop.text.replace(old, lines)
    shop.application = load_application(shop.text, "shop.yaml")
    return shop


def asking(shop: Shop, timeout: float = 5) -> Any:
    """One question, as all of flipgate asks it."""
    proxy = shop.world().proxy
    (replica,) = proxy.replicas()
    return proxy.get(replica, f"{shop.name}.example", "/up", headers={}, timeout=timeout)


def test_all_that_looks_at_users_goes_by_the_address_and_no_pod_is_asked(shop: Shop, tmp_path: Path) -> None:
    seen: list[str] = []
    with (
        edge(BLUE_SAYS, f"{shop.name}.example") as front,
        serving(fronted(at(shop, front), replicas=()), tmp_path) as c,
    ):
        assert check_application(c, shop.application, shop.own, seen.append) == []
        world = shop.world("ana", c)
        assert adopt(world).active is BLUE
        need_visible(world, BLUE, world.proxy.replicas())
        assert agreed(observe(world)()) is BLUE
    host = f"{shop.name}.example"
    assert {asked[:3] for asked in front.asked} == {(host, host, "/up")}
    assert len({line for *_, line in front.asked}) == len(front.asked), "each on a connection of its own"
    assert seen[-1] == f"{front.address.removeprefix('https://')} for https://{host}/up: HTTP 200 from blue"


def test_rights_on_traefiks_pods_are_not_asked_for(shop: Shop, tmp_path: Path) -> None:
    robot = user(shop, tmp_path, "robot")
    with edge(BLUE_SAYS, "x.example") as front:
        declared = at(shop, front).application
    assert "pods/proxy" not in " ".join(check_application(robot, declared, shop.own))


@pytest.mark.parametrize(
    ("trusted", "name", "said"),
    [(True, "other.example", "Hostname mismatch"), (False, "", "unable to get local issuer certificate")],
    ids=["another's", "unknown CA"],
)
def test_a_certificate_that_no_browser_takes_is_no_answer_and_says_why(
    standing: Shop, tmp_path: Path, trusted: bool, name: str, said: str
) -> None:
    host = f"{standing.name}.example"
    with edge(BLUE_SAYS, name or host) as front:
        at(standing, front, trusted=trusted)
        with pytest.raises(Unreachable, match=f"no TLS for {host} came about: .*{said}") as refused:
            asking(standing)
        with serving(fronted(standing), tmp_path) as cluster:
            (problem,) = check_application(cluster, standing.application, standing.own)
            world = impatient(standing.world("ana", cluster))
            with pytest.raises(Refused) as blind:
                need_visible(world, BLUE, world.proxy.replicas())
    assert said in problem
    assert said in blind.value.fact
    assert (blind.value.reason, blind.value.obj) == ("CannotSee", front.address)
    where = front.address.removeprefix("https://")
    assert refused.value.next_command == blind.value.next_command == f"curl -v --connect-to ::{where} https://{host}/up"
    assert not front.asked


def hang(request: Handler) -> None:
    dripping(request, b"", b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize(
    ("users", "mute"), [(dripping, False), (hang, False), (BLUE_SAYS, True)], ids=["body", "headers", "mute"]
)
def test_what_drips_or_never_begins_tls_is_given_up_in_time(imagined: Shop, users: Users, mute: bool) -> None:
    with edge(users, f"{imagined.name}.example") as front, socket.create_server(("127.0.0.1", 0)) as silent:
        if mute:
            front.address = f"https://127.0.0.1:{silent.getsockname()[1]}"
        said = r"did not answer \(limit 0\.4 s\)" if mute else r"0\.4 s"
        with within(1.5), pytest.raises(Unreachable, match=said):
            asking(at(imagined, front), timeout=0.4)


def test_a_large_answer_is_not_read_to_its_end(imagined: Shop) -> None:
    def endless(request: Handler) -> None:
        sending(
            request,
            [b"HTTP/1.1 200 OK\r\nX-Served-Side: blue\r\nContent-Length: 100000000\r\n\r\n", *[b"." * 65_536] * 99],
        )

    with edge(endless, f"{imagined.name}.example") as front:
        answer = asking(at(imagined, front))
    assert (answer.status, len(answer.body)) == (200, ANSWER_BYTES)
    assert "more than" in answer.unread


def test_each_ip_address_of_the_name_is_a_replica(imagined: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (2, 1, 6, "", ("192.0.2.7", 443)),
        (2, 1, 6, "", ("192.0.2.6", 443)),
        (10, 1, 6, "", ("2001:db8::1", 443, 0, 0)),
    ]
    monkeypatch.setattr(declared_address.socket, "getaddrinfo", lambda *_, **__: found * 2)
    proxy = by_name(imagined).proxy
    assert proxy.replicas() == ["192.0.2.6:443", "192.0.2.7:443", "[2001:db8::1]:443"]
    with pytest.raises(TemporaryError, match="has no counters"):
        proxy.counters("192.0.2.6:443", ["x"])


def test_a_name_that_nobody_knows_or_resolves_in_time_is_refused(
    imagined: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, proxy = Event(), by_name(imagined).proxy

    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    def slow(*_: Any, **__: Any) -> list[Any]:
        over.wait(20)
        return []

    asks: list[tuple[Callable[..., Any], str]] = [
        (unknown, "Name or service not known"),
        (slow, "no answer within 0.2 s"),
    ]
    for resolver, said in asks:
        monkeypatch.setattr(declared_address.socket, "getaddrinfo", resolver)
        with pytest.raises(Refused, match=said) as refused:
            proxy.replicas(timeout=0.2)
        assert refused.value.reason == "AddressUnknown"
    over.set()


def by_name(shop: Shop) -> World:
    """The shop whose users come by a name."""
    return at(shop, Edge("https://edge.shop.example", ""), trusted=False).world()


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            "header: X-Served-Side, address: http://edge.example",
            "must be https://NAME or https://NAME:PORT, and no more",
        ),
        ("header: X-Served-Side, address: https://me:secret@edge.example", "must be https://NAME"),
        ("header: X-Served-Side, address: https://edge.example/path", "must be https://NAME"),
        ("header: X-Served-Side, address: https://edge.example:x", "must be https://NAME"),
        ("traefik: {metricsPort: 9100}, address: https://edge.example", "address needs header"),
        ("header: X-Served-Side, ca: -----BEGIN CERTIFICATE-----", "ca is for address alone"),
        ("header: X-Served-Side, address: https://edge.example, ca: MII", "ca"),
    ],
    ids=["http", "secret", "path", "port", "no header", "ca alone", "no PEM"],
)
def test_a_file_that_cannot_be_meant_is_refused(imagined: Shop, part: str, said: str) -> None:
    old = next(line for line in imagined.text.splitlines() if line.startswith("  traffic:"))
    with pytest.raises(BadInput, match=said):
        load_application(imagined.text.replace(old, f"  traffic: {{host: x.example, {part}}}"), "shop.yaml")


def test_a_gate_on_the_pods_counters_is_refused_beside_it(imagined: Shop) -> None:
    gate = "  gates: [{name: users, traefik: {maxErrorRatio: 0.1}}]\n"
    at(imagined, Edge("https://edge.example", ""), trusted=False)
    with pytest.raises(BadInput, match=r'gate "users" counts at Traefik.s pods, while'):
        load_application(imagined.text + gate, "shop.yaml")


def test_certificates_that_are_none_are_said_to_be(imagined: Shop) -> None:
    front = Edge("https://127.0.0.1:1", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(BadInput, match="is no certificate in PEM"):
        asking(at(imagined, front))
