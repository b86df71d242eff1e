"""A route in a file: where it leads, and leading it elsewhere with nothing else changed."""

from __future__ import annotations

import pytest

from flipgate.core.git.manifest import find_routes, with_side
from flipgate.core.git.routes import leads_there
from flipgate.core.traffic.traffic import RouteName
from flipgate.core.values.errors import BadInput
from flipgate.core.values.place import Place
from flipgate.core.values.sides import Side

PLACES = {Side.BLUE: Place(Side.BLUE, "production-blue"), Side.GREEN: Place(Side.GREEN, "production-green")}
API = RouteName("IngressRoute", "monitoring", "api-live")
WHERE = "clusters/home/production-routing.yaml"

TEAM = """\
# Who changes this by hand: say so in #platform.
apiVersion: v1
kind: Namespace
metadata: {name: monitoring}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata:
  name: api-live
  namespace: monitoring
spec:
  entryPoints: [websecure]
  routes:
    - kind: Rule
      match: Host(`api.sportdeets.com`)
      services:
      - name: api-service
        namespace: production-blue  # ← Update this
        port: 8080
  tls:
    certResolver: letsencrypt
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: other, namespace: monitoring}
spec: {routes: [{match: "Host(`x`)", services: [{name: a, namespace: production-blue}]}]}
"""
HEAD = "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: api-live, namespace: monitoring}\n"
SHARED = (
    HEAD
    + """\
spec:
  routes:
  - match: Host(`a`)
    services: &s
    - name: api
      namespace: production-blue
  - match: Host(`b`)
    services: *s
"""
)


def test_the_side_is_read_and_changed_and_no_other_byte() -> None:
    (state,) = find_routes(TEAM, [API], PLACES, WHERE)
    assert state.whole is Side.BLUE
    after = with_side(TEAM, [API], PLACES, Side.GREEN, WHERE)
    assert after == TEAM.replace("production-blue  # ←", "production-green  # ←")
    assert with_side(after, [API], PLACES, Side.GREEN, WHERE) == after
    assert with_side(after, [API], PLACES, Side.BLUE, WHERE) == TEAM


def test_a_file_without_the_route() -> None:
    elsewhere = RouteName("IngressRoute", "elsewhere", "api-live")
    assert not find_routes(TEAM, [elsewhere], PLACES, WHERE)
    assert with_side(TEAM, [elsewhere], PLACES, Side.GREEN, WHERE) == TEAM


def test_a_route_that_is_there_twice_is_led_there_twice() -> None:
    """Who applies the file takes the last, or one after the other."""
    text = f"{TEAM}---\n{TEAM}"
    once = with_side(TEAM, [API], PLACES, Side.GREEN, WHERE)
    assert with_side(text, [API], PLACES, Side.GREEN, WHERE) == f"{once}---\n{once}"
    assert not leads_there({WHERE: f"{once}---\n{TEAM}"}, [API], PLACES, Side.GREEN)


def test_a_route_of_that_name_without_a_namespace_is_another_where_one_has_it() -> None:
    other = TEAM.replace("  namespace: monitoring\nspec:\n  entry", "spec:\n  entry")
    once = with_side(TEAM, [API], PLACES, Side.GREEN, WHERE)
    assert with_side(f"{other}---\n{TEAM}", [API], PLACES, Side.GREEN, WHERE) == f"{other}---\n{once}"


def test_a_namespace_that_a_kustomization_gives() -> None:
    text = TEAM.replace("  namespace: monitoring\nspec:\n  entry", "spec:\n  entry")
    assert text != TEAM
    assert "production-green  #" in with_side(text, [API], PLACES, Side.GREEN, WHERE)


def test_one_written_in_flow_style_and_one_with_two_entries() -> None:
    other = RouteName("IngressRoute", "monitoring", "other")
    assert with_side(TEAM, [other], PLACES, Side.GREEN, WHERE).endswith("namespace: production-green}]}]}\n")
    two = TEAM.replace("        port: 8080\n", "        port: 8080\n      - {name: web, namespace: production-blue}\n")
    assert with_side(two, [API], PLACES, Side.GREEN, WHERE).count("production-green") == 2


def test_a_reference_without_a_namespace_in_a_side_s_own_route() -> None:
    text = TEAM.replace("        namespace: production-blue  # ← Update this\n", "").replace(
        "monitoring", "production-blue"
    )
    own = RouteName("IngressRoute", "production-blue", "api-live")
    after = with_side(text, [own], PLACES, Side.GREEN, WHERE)
    (state,) = find_routes(after, [own], PLACES, WHERE)
    assert state.whole is Side.GREEN


def test_one_that_an_alias_writes_is_refused() -> None:
    text = TEAM.replace("production-blue  #", "&live production-blue  #").replace(
        "        port: 8080\n", "        port: 8080\n      - {name: web, namespace: *live}\n"
    )
    with pytest.raises(BadInput, match=f"{WHERE}.*has an anchor"):
        with_side(text, [API], PLACES, Side.GREEN, WHERE)


def test_a_list_that_two_rules_share_is_changed_once() -> None:
    shared = SHARED.replace("&s\n", "&s\n      # who is live\n")
    after = with_side(shared, [API], PLACES, Side.GREEN, WHERE)
    assert after == shared.replace("production-blue", "production-green")
    beside = shared.replace("spec:\n", "x: {copy: &s [{name: api, namespace: production-blue}]}\nspec:\n", 1)
    beside = beside.replace("    services: &s\n      # who is live\n", "    services: *s\n", 1)
    beside = beside.replace("    - name: api\n      namespace: production-blue\n", "", 1)
    with pytest.raises(
        BadInput, match=r"IngressRoute monitoring/api-live is written .* cannot be changed without touching more"
    ):
        with_side(beside, [API], PLACES, Side.GREEN, WHERE)


@pytest.mark.parametrize("namespace", ["${LIVE}", "production-greenn", "maintenance"])
def test_one_that_leads_to_neither_side_there_does_not_lead_where_users_are(namespace: str) -> None:
    text = TEAM.replace("production-blue  #", f"{namespace}  #")
    assert not leads_there({WHERE: text}, [API], PLACES, Side.GREEN)
    with pytest.raises(BadInput, match=f"{WHERE}: .*names neither side.*cannot be led to green alone"):
        with_side(text, [API], PLACES, Side.GREEN, WHERE)


@pytest.mark.parametrize(
    "spec", ["[x]", "x", "{routes: [x]}", "{routes: {a: b}}", "{routes: [{services: [api]}]}", "{routes: 1}"]
)
def test_what_no_api_server_would_take_is_said_as_an_error_of_ours(spec: str) -> None:
    text = f"{HEAD}spec: {spec}\n"
    for act in (
        lambda: find_routes(text, [API], PLACES, WHERE),
        lambda: with_side(text, [API], PLACES, Side.GREEN, WHERE),
    ):
        with pytest.raises(BadInput, match=f"{WHERE}: line 1: .*is not written as a IngressRoute is"):
            act()


@pytest.mark.parametrize("other", ["metadata: [a]", "metadata: a", "apiVersion: 1", "kind: {a: b}", "[a]", "x: [=, ~]"])
def test_other_documents_of_the_file_may_be_anything(other: str) -> None:
    text = f"{other}\n---\n{TEAM}"
    assert with_side(text, [API], PLACES, Side.GREEN, WHERE) == text.replace("blue  # ←", "green  # ←")
