"""What stands in front of the whole host: flipgate's own requests bring what lets them in, and come no faster than
declared."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import Refused
from flipgate.steps.looking.ask import probe_problems
from flipgate.steps.looking.prove import need_visible, prove
from flipgate.steps.releasing.rights import missing_rights
from flipgate.steps.releasing.setup import adopt, check_application
from flipgate.steps.watching.watch import quick_watch
from tests.api.front import Users, fronted, impatient, saying, unnamed
from tests.api.shop import BLUE, Shop, timed_by_its_waiting
from tests.api.town import Town, pod, world_of
from tests.api.users import RBAC, user
from tests.api.wire import Answer, Handler, serving
from tests.core.builders import declaring, release
from tests.repeating import until

VALUE = "session=s3cr3t"
FROM_SECRET = "headers: [{name: Cookie, secret: {name: probe, key: cookie}}]"


def probing(shop: Shop, probe: str = FROM_SECRET, more: str = "") -> Shop:
    """The shop by a file that declares this of flipgate's own requests."""
    old = "header: X-Served-Side"
    assert shop.text.count(old) == 1
    shop.text = shop.text.replace(old, f"{old}, probe: {{{probe}}}{more}")
    shop.application = load_application(shop.text, "shop.yaml")
    return shop


def keep(shop: Shop, value: str = VALUE, key: str = "cookie") -> None:
    data = {key: b64encode(value.encode()).decode()}
    shop.cluster.create(f"/api/v1/namespaces/{shop.own}/secrets", {"metadata": {"name": "probe"}, "data": data})


def guarded(request: Handler) -> Answer | None:
    """A login in front of the whole host, which lets in who brings the cookie."""
    let_in = request.headers["Cookie"] == VALUE
    return (saying("X-Served-Side: blue") if let_in else saying(status=401, body=b"no"))(request)


def test_a_header_out_of_a_secret_lets_probes_in(shop: Shop, tmp_path: Path) -> None:
    keep(probing(shop), VALUE + "\n")  # as `echo` writes it
    with serving(fronted(shop, guarded), tmp_path) as cluster:
        assert check_application(cluster, shop.application, shop.own) == []
        world = shop.world("ana", cluster)
        assert adopt(world).active is BLUE
        need_visible(world, BLUE, ["traefik-1"])
        assert VALUE not in repr(world)
        world.secrets = {secret: (float("-inf"), value) for secret, (_, value) in world.secrets.items()}
        shop.cluster.delete(f"/api/v1/namespaces/{shop.own}/secrets/probe")
        assert prove(world, BLUE, ["traefik-1"], answers=1, timeout_seconds=1).ok, "the value of before is as good"


@pytest.mark.parametrize(
    ("value", "key", "said"),
    [
        (VALUE, "session", "has no key cookie (it has: session)"),
        ("two\nlines s3cr3t", "cookie", "has a value at cookie that can be no header's: empty, or more than one line"),
        ("s3cr3t é", "cookie", "has a value at cookie that can be no header's: empty, or more than one line"),
        ("", "cookie", "has a value at cookie that can be no header's: empty, or more than one line"),
    ],
)
def test_a_secret_that_holds_no_header_is_named_by_check_and_its_value_never_shown(
    shop_on_paper: Shop, tmp_path: Path, value: str, key: str, said: str
) -> None:
    shop = probing(shop_on_paper)
    keep(shop, value, key)
    with serving(fronted(shop, guarded), tmp_path) as cluster:
        (problem,) = probe_problems(shop.world("check", cluster))
        with pytest.raises(Refused) as refused:
            need_visible(impatient(shop.world("ana", cluster)), BLUE, ["traefik-1"])
    assert problem == f"spec.traffic.probe.headers: Secret {shop.own}/probe: {said}"
    assert said in refused.value.fact
    assert "s3cr3t" not in f"{problem} {refused.value}"


def test_the_right_to_read_it_is_asked_for_by_its_name(shop: Shop, tmp_path: Path) -> None:
    keep(probing(shop))
    robot = user(shop, tmp_path)
    missing = f"no permission to get secrets probe in namespace {shop.own} "
    command = f"(kubectl auth can-i get secrets/probe -n {shop.own})"
    assert missing + command in check_application(robot, shop.application, shop.own)
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["probe"], "verbs": ["get"]}
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": shop.own}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "probe"}
    shop.cluster.create(f"{RBAC}/{shop.own}/roles", {"metadata": {"name": "probe"}, "rules": [rule]})
    binding = {"metadata": {"name": "probe"}, "roleRef": role, "subjects": [subject]}
    shop.cluster.create(f"{RBAC}/{shop.own}/rolebindings", binding)
    world = shop.world("robot", robot)
    lacking = lambda: any("secrets" in each for each in missing_rights(world, shop.own))  # noqa: E731
    until(lambda: not lacking(), why="one Secret by its name is all it takes")
    assert not list(probe_problems(world))


@pytest.mark.parametrize(
    ("users", "said", "declare"),
    [
        (saying(status=401), "HTTP 401: basicAuth, digestAuth or forwardAuth in front", "spec.traffic.probe.headers"),
        (saying(status=403), "HTTP 403: an ipAllowList that lacks the API server's", "spec.traffic.probe.headers"),
        (
            saying("Location: http://in.example/?state=1", status=302),
            "HTTP 302: sent to http://in.example/: f",
            "spec.traffic.probe.headers",
        ),
        (saying(status=429), "HTTP 429: a rateLimit in front of the host", "spec.traffic.probesPerSecond"),
    ],
    ids=["401", "403", "302", "429"],
)
def test_who_is_turned_away_is_told_the_status_what_does_that_and_the_key(
    standing: Shop, tmp_path: Path, users: Users, said: str, declare: str
) -> None:
    (problem,) = unnamed(standing, tmp_path, users)
    with serving(fronted(standing, users), tmp_path) as cluster:
        with pytest.raises(Refused) as refused:
            adopt(standing.world("ana", cluster))
        with pytest.raises(Refused) as blind:
            need_visible(impatient(standing.world("ana", cluster)), BLUE, ["traefik-1"])
    assert said in problem
    assert problem in str(refused.value)
    assert (refused.value.reason, blind.value.reason) == ("TurnedAway", "CannotSee")
    assert said.partition(": ")[2] in blind.value.fact
    assert blind.value.next_command.startswith(f"declare {declare}")


def test_a_side_has_to_answer_with_the_declared_status(standing: Shop, tmp_path: Path) -> None:
    probing(standing, "status: 204")
    assert unnamed(standing, tmp_path, saying("X-Served-Side: blue", status=204, body=b"")) == []
    (problem,) = unnamed(standing, tmp_path, saying("X-Served-Side: blue", status=401))
    assert "HTTP 401 from blue, while spec.traffic.probe.status is 204" in problem
    with serving(fronted(standing, saying("X-Served-Side: blue", status=401)), tmp_path) as cluster:
        with pytest.raises(Refused) as refused:
            adopt(standing.world("ana", cluster))
        with pytest.raises(Refused) as blind:
            need_visible(impatient(standing.world("ana", cluster)), BLUE, ["traefik-1"])
    assert refused.value.reason == "StatusNotExpected"
    assert "HTTP 401 from blue, not 204 as declared" in blind.value.fact


def test_a_proof_asks_no_faster_than_declared(shop_on_paper: Shop, tmp_path: Path) -> None:
    shop, times = probing(shop_on_paper, "", ", probesPerSecond: 2"), list[float]()

    def users(request: Handler) -> Answer | None:
        times.append(world.monotonic())
        return saying("X-Served-Side: blue")(request)

    with serving(fronted(shop, users), tmp_path) as cluster:
        world = timed_by_its_waiting(shop.world("ana", cluster))
        assert prove(world, BLUE, ["traefik-1"]).ok
        assert prove(replace(world), BLUE, ["traefik-1"]).ok, "nor does the next World of the same process"
    assert len(times) == 10
    assert apart(times) >= 0.5


def apart(times: Sequence[float]) -> float:
    return min(later - earlier for earlier, later in pairwise(times))


def test_more_replicas_than_a_proof_has_time_for_are_found_before_the_move(shop_on_paper: Shop, tmp_path: Path) -> None:
    shop = probing(shop_on_paper, "", ", probesPerSecond: 1")
    replicas = tuple(f"traefik-{number}" for number in range(6))
    slow = "a proof of 5 answers through 6 replicas takes 38 s at spec.traffic.probesPerSecond 1"
    with serving(fronted(shop, replicas=replicas), tmp_path) as cluster:
        (problem,) = probe_problems(shop.world("check", cluster))
        with pytest.raises(Refused) as refused:
            need_visible(shop.world("ana", cluster), BLUE, list(replicas))
    assert refused.value.reason == "CannotSee"
    assert refused.value.fact == f"{slow}, and proofTimeoutSeconds is 30"
    assert refused.value.next_command.startswith("declare spec.traffic.proofTimeoutSeconds: 38 in the file")
    assert problem == f"Traefik: {refused.value.fact}"


def test_a_look_of_the_bake_has_as_many_probes_as_fit(tmp_path: Path) -> None:
    town = Town(pods=[pod("a"), pod("b")])
    with serving(town, tmp_path) as cluster:
        world = world_of(cluster)
        facts = {"probes_per_second": 2.0}
        world.application = declaring(world.application, traffic=facts, policy={"bake_interval_seconds": 2})
        quick_watch(timed_by_its_waiting(world), release())()
    assert sum(town.asked.values()) == 4
