"""What of the dark side's pods differs from the live side's is shown, path by path, whoever changed it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from flipgate.core.spec.application import load_application
from flipgate.core.values.sides import Side
from flipgate.core.workloads.differences import (
    LINE_SHOWN,
    LINES_KEPT,
    ROW_SHOWN,
    counted,
    differences,
    differing_lines,
    evidence_of,
    not_said,
    refusal,
    undeclared,
)
from flipgate.core.workloads.view import AGAIN
from tests.core.builders import BLUE, GREEN, NAMESPACES, SHOP, cron_job, deployment, shop, side, without

SETTINGS = {"settings": {"LEVEL": "info"}}


def pods(
    container: Mapping[str, Any] | None = None, meta: Mapping[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """The Deployment `web` with more in its container, its pods' metadata and their spec."""
    web = deployment()
    template = web["spec"]["template"]
    template["spec"]["containers"][0].update(container or {})
    template["spec"].update(spec)
    template["metadata"] = dict(meta or {})
    return web


def between(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return differing_lines(differences(shop(), side(BLUE, before), side(GREEN, after), SETTINGS, SETTINGS))


def env(**values: Any) -> dict[str, Any]:
    return {"env": [{"name": name, **(v if isinstance(v, dict) else {"value": v})} for name, v in values.items()]}


def secret(name: str, key: str = "password") -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


EVIL = {"name": "x", "image": "evil/x:1", "command": ["sh", "-c", "curl"]}
MAIN = deployment()["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (pods(env(LOG_LEVEL="info")), pods(env(LOG_LEVEL="debug")), "containers[web].env LOG_LEVEL: info -> debug"),
        (pods(), pods(env(A="1")), "containers[web].env A: added (1)"),
        (pods(env(A="1")), pods(), "containers[web].env A: removed (1)"),
        (pods(env(A="1")), pods(env(A="")), "containers[web].env A: 1 -> "),
        (
            pods(env(P=secret("db"))),
            pods(env(P=secret("other"))),
            "containers[web].env P: secret db, key password -> secret other, key password",
        ),
        (
            pods(env(DB_PASSWORD="old-one")),
            pods(env(DB_PASSWORD="new-one")),
            "containers[web].env DB_PASSWORD: changed (***)",
        ),
        (pods(), pods({"command": ["sh", "-c", "x"]}), 'containers[web].command: added (["sh", "-c", "x"])'),
        (
            pods(),
            pods({"envFrom": [*MAIN["envFrom"], {"secretRef": {"name": "db"}}]}),
            "containers[web].envFrom secret db: added (secret db)",
        ),
        (pods(), pods(volumes=[{"name": "data", "hostPath": {"path": "/"}}]), "volume data: added (hostPath /)"),
        (
            pods(volumes=[{"name": "data", "emptyDir": {}}]),
            pods(volumes=[{"name": "data", "secret": {"secretName": "db"}}]),
            "volume data: emptyDir -> secret db",
        ),
        (pods(serviceAccountName="web"), pods(serviceAccountName="admin"), "serviceAccountName: web -> admin"),
        (pods(), pods(initContainers=[EVIL]), "initContainers[x]: added (image evil/x:1, runs sh -c curl)"),
        (pods(), pods(containers=[MAIN, EVIL]), "containers[x]: added (image evil/x:1, runs sh -c curl)"),
        (pods(), pods(hostNetwork=True), "hostNetwork: added (true)"),
        (
            pods({"resources": {"limits": {"cpu": "1"}}}),
            pods({"resources": {"limits": {"cpu": "2"}}}),
            "containers[web].resources.limits.cpu: 1 -> 2",
        ),
        (
            pods(),
            pods({"volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}]}),
            "containers[web].volumeMount /data: added (volume data, readOnly true)",
        ),
        (pods(), pods({"ports": [{"containerPort": 80}]}), "containers[web].port 80/TCP: added"),
        (pods(), pods(imagePullSecrets=[{"name": "r"}]), "imagePullSecret r: added"),
        (pods(meta={"labels": {"a": "1"}}), pods(meta={"labels": {"a": "2"}}), "label a: 1 -> 2"),
        (
            pods({"securityContext": {"privileged": False}}),
            pods({"securityContext": {"privileged": True}}),
            "containers[web].securityContext.privileged: false -> true",
        ),
        (
            pods(containers=[MAIN, {"name": "proxy", "image": "acme/proxy:1"}]),
            pods(containers=[MAIN, {"name": "proxy", "image": "evil/proxy:1"}]),
            "containers[proxy].image: acme/proxy:1 -> evil/proxy:1",
        ),
    ],
)
def test_each_path_that_differs_is_a_line(before: dict[str, Any], after: dict[str, Any], shown: str) -> None:
    assert between(before, after) == [f"web: {shown}"]


def test_order_of_named_lists_is_no_difference_but_that_of_init_containers_is() -> None:
    one = pods(env(A="1", B="2"), volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}])
    two = pods(env(B="2", A="1"), volumes=[{"name": "b", "emptyDir": {}}, {"name": "a", "emptyDir": {}}])
    assert between(one, two) == []
    inits = [EVIL, {**EVIL, "name": "y"}]
    assert between(pods(initContainers=inits), pods(initContainers=inits[::-1])) == [
        "web: initContainers' order: x, y -> y, x"
    ]


def owned(which: Side, digits: str) -> dict[str, Any]:
    """A template that names its side wherever it may, with the names of generated ConfigMaps."""
    settings = {"configMap": {"name": f"settings-{digits}"}}
    return pods(
        {
            **env(SIDE=str(which), URL=f"http://api.{NAMESPACES[which]}.svc"),
            "args": [f"--namespace={NAMESPACES[which]}", f"--color={which}"],
            "envFrom": [{"configMapRef": {"name": f"settings-{digits}"}}],
        },
        meta={"annotations": {"kubectl.kubernetes.io/restartedAt": digits, AGAIN: digits}, "creationTimestamp": None},
        volumes=[{"name": "s", **settings}, {"name": "p", "projected": {"sources": [settings]}}],
    )


def test_what_is_one_sides_own_and_what_flipgate_writes_is_no_difference() -> None:
    before, after = owned(BLUE, "2m6kt58f92"), owned(GREEN, "9kt58f922m")
    live, dark = {"settings-2m6kt58f92": {"SIDE": "blue"}}, {"settings-9kt58f922m": {"SIDE": "green"}}
    assert differences(shop(), side(BLUE, before), side(GREEN, after), live, dark) == {}
    image = deployment(image="acme/web:2", replicas=9)
    assert between(deployment(), image) == []


def test_what_config_maps_say_is_compared_by_key_and_their_secrets_are_not_shown() -> None:
    live = {"settings": {"LEVEL": "info", "file": "a\nb", "api_token": "abc"}, "gone": None}
    dark = {"settings": {"LEVEL": "debug", "file": "a\nc", "api_token": "def"}}
    assert differing_lines(differences(shop(), side(BLUE), side(GREEN), live, dark)) == [
        "ConfigMaps: settings, LEVEL: info -> debug",
        "ConfigMaps: settings, api_token: changed (***)",
        "ConfigMaps: settings, file: a b -> a c",
    ]


def test_none_is_hidden_by_others_and_what_loads_code_comes_first() -> None:
    many = pods(env(**{f"A{number:03}": "x" * 500 for number in range(90)}, NODE_OPTIONS="-r /evil", LD_PRELOAD="/e"))
    found = differences(shop(), side(BLUE, pods()), side(GREEN, many), SETTINGS, SETTINGS)
    shown = differing_lines(found)
    assert len(shown) == 92
    assert [line.partition(": added")[0] for line in shown[:3]] == [
        "web: containers[web].env LD_PRELOAD",
        "web: containers[web].env NODE_OPTIONS",
        "web: containers[web].env A000",
    ]
    assert max(map(len, shown)) < 120
    assert counted(found) == "Beside images, 92 differences from what is live: web."
    assert counted({}) == ""
    rows = evidence_of(found)
    assert {each.gate for each in rows} == {"differs: web"}
    assert max(len(each.answer) for each in rows) <= ROW_SHOWN
    assert "; ".join(each.answer for each in rows) == "; ".join(line.removeprefix("web: ") for line in shown)


def test_of_very_many_the_rest_is_counted_and_a_long_path_is_cut() -> None:
    many = pods(env(**{f"A{number:03}": "x" for number in range(LINES_KEPT + 2)}, **{"N" * 5_000: "x"}))
    shown = differing_lines(differences(shop(), side(BLUE, pods()), side(GREEN, many), SETTINGS, SETTINGS))
    assert len(shown) == LINES_KEPT + 1
    assert shown[-1].startswith("3 more differences")
    assert max(map(len, shown)) <= LINE_SHOWN


def test_values_that_begin_alike_are_shown_from_where_they_part() -> None:
    start = "postgres://" + "x" * 200
    (shown,) = between(pods(env(URL=f"{start}/one")), pods(env(URL=f"{start}/evil")))
    assert shown == "web: containers[web].env URL: ...xxxxxxxxxxx/one -> ...xxxxxxxxxxx/evil"


def test_what_the_api_server_adds_to_a_new_probe_or_hook_is_no_difference_of_its_own() -> None:
    added = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    probe = {"httpGet": {"path": "/ready", "port": 80, "scheme": "HTTP"}, **added}
    hook = {"preStop": {"httpGet": {"path": "/stop", "port": 80, "scheme": "HTTP"}}}
    new = pods({"readinessProbe": probe, "lifecycle": hook})
    for one, two in ((pods(), new), (new, pods())):
        assert [line.split(":")[1].rpartition(".")[2] for line in between(one, two)] == ["path", "port"] * 2
    slower = pods({"readinessProbe": {**probe, "periodSeconds": 30}, "lifecycle": hook})
    assert between(new, slower) == ["web: containers[web].readinessProbe.periodSeconds: 10 -> 30"]


def test_a_service_that_the_live_side_has_not_is_shown_whole_and_short() -> None:
    live, dark = without(side(BLUE), "web"), side(GREEN, pods(initContainers=[EVIL]))
    assert differing_lines(differences(shop(), live, dark, SETTINGS, SETTINGS)) == [
        "web: Deployment: added (image the release's image; image evil/x:1, runs sh -c curl)"
    ]


def test_a_schedule_is_compared_too() -> None:
    application = shop("{name: nightly, role: cron}")
    live, dark = side(BLUE, cron_job(suspended=False)), side(GREEN, cron_job(suspended=True, schedule="* * * * *"))
    assert differing_lines(differences(application, live, dark, SETTINGS, SETTINGS)) == [
        "nightly: schedule: 0 4 * * * -> * * * * *"
    ]


def test_nothing_that_is_compared_is_changed() -> None:
    before, after = side(BLUE, owned(BLUE, "a")), side(GREEN, owned(GREEN, "b"))
    kept = copy.deepcopy((before, after))
    differences(shop(), before, after, SETTINGS, SETTINGS)
    assert (before, after) == kept


def words(before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """What would have to be declared, by path."""
    found = differences(shop(), side(BLUE, before), side(GREEN, after), SETTINGS, SETTINGS)
    return {each.path: each.power for each in undeclared(shop(), found).get("web", ())}


PROJECTED = {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
HARMLESS = {"name": "p", "projected": {"sources": [{"configMap": {"name": "a"}}, {"downwardAPI": {}}]}}
PROBE = {"readinessProbe": {"exec": {"command": ["rm"]}}}
HOOK = {"lifecycle": {"postStart": {"exec": {"command": ["rm"]}}}}
MOUNTED = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}


@pytest.mark.parametrize(
    ("after", "asked"),
    [
        (pods({"command": ["x"]}), {"containers[web].command": "command"}),
        (pods({"args": ["x"]}), {"containers[web].args": "command"}),
        (pods(HOOK), {"containers[web].lifecycle.postStart.exec.command": "command"}),
        (pods(PROBE), {"containers[web].readinessProbe.exec.command": "command"}),
        (pods(containers=[MAIN, EVIL]), {"containers[x]": "containers"}),
        (pods(initContainers=[EVIL]), {"initContainers[x]": "containers"}),
        (
            pods(containers=[MAIN, {**EVIL, "securityContext": {"privileged": True}}]),
            {"containers[x]": "containers", "containers[x].securityContext.privileged": "securityContext"},
        ),
        (pods(serviceAccountName="admin", serviceAccount="admin"), {"serviceAccountName": "serviceAccount"}),
        (pods(automountServiceAccountToken=True), {"automountServiceAccountToken": "serviceAccount"}),
        (pods(hostNetwork=True, hostPID=True), {"hostNetwork": "host", "hostPID": "host"}),
        (pods({"ports": [{"containerPort": 80, "hostPort": 80}]}), {"containers[web].port 80/TCP": "host"}),
        (pods({"securityContext": {"runAsUser": 0}}), {"containers[web].securityContext.runAsUser": "securityContext"}),
        (pods(securityContext={"runAsUser": 0}), {"securityContext.runAsUser": "securityContext"}),
        (pods(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), {"volume v": "volumes"}),
        (pods(volumes=[{"name": "v", "csi": {"driver": "d"}}]), {"volume v": "volumes"}),
        (pods(volumes=[PROJECTED]), {"volume p": "volumes"}),
        (pods(volumes=[{"name": "v", "secret": {"secretName": "db"}}]), {"volume v": "secrets"}),
        (
            pods(MOUNTED, volumes=[{"name": "v", "secret": {"secretName": "db"}}]),
            {"containers[web].volumeMount /v": "secrets", "volume v": "secrets"},
        ),
        (pods(env(P=secret("db"))), {"containers[web].env P": "secrets"}),
        (pods({"envFrom": [{"secretRef": {"name": "db"}}]}), {"containers[web].envFrom secret db": "secrets"}),
        (pods(imagePullSecrets=[{"name": "r"}]), {"imagePullSecret r": "secrets"}),
        (pods(runtimeClassName="none"), {"runtimeClassName": "runtimeClass"}),
        (pods(env(A="1"), meta={"labels": {"a": "b"}}), {}),
        (pods({"resources": {"limits": {"cpu": 1}}, "readinessProbe": {"httpGet": {"path": "/"}}}), {}),
        (pods(MOUNTED, volumes=[{"name": "v", "emptyDir": {}}, HARMLESS]), {}),
        (pods(nodeSelector={"a": "b"}, tolerations=[{"operator": "Exists"}]), {}),
    ],
)
def test_what_gives_pods_more_power_or_other_code_needs_a_word(after: dict[str, Any], asked: dict[str, str]) -> None:
    assert words(pods(), after) == asked


def test_what_stands_there_twice_hides_nothing() -> None:
    port = {"containerPort": 80}
    assert words(pods({"ports": [port]}), pods({"ports": [{**port, "hostPort": 80}, port]})) == {
        "containers[web].port 80/TCP": "host"
    }
    twice = {"env": [{"name": "P", **secret("db")}, {"name": "P", "value": "x"}]}
    assert words(pods(env(P="x")), pods(twice)) == {"containers[web].env P": "secrets"}


def test_a_service_called_like_a_heading_is_compared_too() -> None:
    application = shop("{name: configuration, role: worker, replicas: 1}")
    before, after = deployment("configuration"), deployment("configuration")
    after["spec"]["template"]["spec"]["hostNetwork"] = True
    found = differences(application, side(BLUE, before), side(GREEN, after), SETTINGS, {"settings": {"LEVEL": "debug"}})
    assert list(undeclared(application, found)) == ["configuration"]


def test_what_takes_power_away_needs_none_but_a_command_or_a_fence_that_is_gone_does() -> None:
    powerful = pods(
        env(P=secret("db")), hostNetwork=True, volumes=[PROJECTED], imagePullSecrets=[{"name": "r"}], hostPID=True
    )
    assert words(powerful, pods()) == {}
    fenced = pods({"command": ["x"], "securityContext": {"runAsNonRoot": True}}, runtimeClassName="gvisor")
    assert set(words(fenced, pods()).values()) == {"command", "securityContext", "runtimeClass"}
    assert words(pods(initContainers=[EVIL]), pods()) == {"initContainers[x]": "containers"}


def test_a_secret_that_was_generated_anew_is_shown_and_needs_no_word() -> None:
    before, after = pods(env(P=secret("db-2m6kt58f92"))), pods(env(P=secret("db-9kt58f922m")))
    assert words(before, after) == {}
    assert len(between(before, after)) == 1
    assert words(before, pods(env(P=secret("other-9kt58f922m")))) == {"containers[web].env P": "secrets"}


def test_power_is_shown_first_and_what_the_file_allows_is_not_refused() -> None:
    after = pods({**env(A="1"), "command": ["x"]}, hostNetwork=True)
    application = load_application(SHOP.replace("container: web", "container: web, mayChange: [command]"), "shop.yaml")
    found = differences(application, side(BLUE, pods()), side(GREEN, after), SETTINGS, SETTINGS)
    assert [each.path for each in found["web"]] == ["containers[web].command", "hostNetwork", "containers[web].env A"]
    refused = undeclared(application, found)
    assert refusal(refused) == (
        "may do more, or runs other code, than what is live: web: hostNetwork: added (true). "
        "To allow it, declare `mayChange: [host]` for web"
    )


def test_what_an_overlay_says_is_gits_though_the_api_server_adds_to_it() -> None:
    hostile = {**EVIL, "securityContext": {"privileged": True}}
    said = pods(
        {"command": ["x"]},
        containers=[{**MAIN, "command": ["x"]}, EVIL],
        volumes=[
            {"name": "v", "secret": {"secretName": "db"}},
        ],
    )
    runs = copy.deepcopy(said)
    runs["spec"]["template"]["spec"]["volumes"][0]["secret"]["defaultMode"] = 420
    assert _left(said, runs) == []
    runs["spec"]["template"]["spec"]["containers"][1] = hostile
    assert _left(said, runs) == ["containers[x]", "containers[x].securityContext.privileged"]
    runs["spec"]["template"]["spec"]["hostNetwork"] = True
    assert _left(said, runs)[-1] == "hostNetwork"


def _left(said: dict[str, Any], runs: dict[str, Any]) -> list[str]:
    dark, git = side(GREEN, runs), side(GREEN, said)
    found = undeclared(shop(), differences(shop(), side(BLUE, pods()), dark, SETTINGS, SETTINGS))["web"]
    web = shop().service("web")
    return [each.path for each in not_said(dark.workloads["web"], web, dark, git.workloads["web"], found)]


def test_a_word_that_is_a_sides_own_may_be_anything_else_too() -> None:
    """Blue's namespace is often the application's name, which its images, containers and variables have as well."""
    assert NAMESPACES[BLUE] == "shop-blue"
    beside = {"name": "shop-blue", "image": "acme/shop-blue/queue:1"}
    for one in (pods(env(APP="shop-blue", **{"shop-blue": "x"})), pods(containers=[MAIN, beside])):
        assert between(one, copy.deepcopy(one)) == []
    assert between(pods(env(URL="db.shop-blue")), pods(env(URL="db.shop-green"))) == []
    assert between(pods(env(URL="db.shop-blue")), pods(env(URL="db.shop-red"))) != []
