"""Reading an application file: what it means, and what each mistake is told as."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from flipgate.core.gates.kinds import KINDS, Gate
from flipgate.core.spec.application import (
    MOST_SERVICES,
    Application,
    application_hash,
    load_application,
    load_new_application,
)
from flipgate.core.values.errors import BadInput
from flipgate.core.values.place import side_at
from flipgate.core.values.sides import Side

SMALL = """\
apiVersion: flipgate.dev/v1
kind: Application
metadata:
  name: shop
spec:
  sides:
    blue: {namespace: shop-blue}
    green: {namespace: shop-green}
  routes:
    - {kind: IngressRoute, namespace: edge, name: live}
  traffic:
    host: shop.example
    header: X-Served-Side
  services:
    - {name: web, role: serving, replicas: 2, image: acme/web}
    - {name: mailer, role: worker, replicas: 1}
  checks:
    - {name: health, service: web, path: /health, json: {status: ok}}
  policy:
    bakeSeconds: 60
"""


def load(text: str = SMALL) -> Application:
    return load_application(text, "shop.yaml")


def changed(old: str, new: str) -> str:
    assert SMALL.count(old) == 1, old
    return SMALL.replace(old, new)


def refusal(text: str) -> str:
    """What is said of a file that cannot be meant: whose fault it is, that nothing was changed, and no secret."""
    with pytest.raises(BadInput) as caught:
        load(text)
    told = str(caught.value)
    assert told.startswith("shop.yaml: ")
    assert "Left untouched: the cluster." in told
    assert "secret" not in told
    return told


def test_a_small_file_says_a_whole_application() -> None:
    app = load()
    assert app.name == "shop"
    assert app.place_of(Side.BLUE).namespace == "shop-blue"
    assert app.place_of(Side.BLUE.other).namespace == "shop-green"
    assert [service.name for service in app.serving()] == ["web"]
    assert [service.name for service in app.workers()] == ["mailer"]
    assert str(app.spec.routes[0]) == "IngressRoute edge/live"
    assert app.spec.checks[0].json_equals == {"status": "ok"}


def test_what_is_left_out_has_the_documented_defaults() -> None:
    app = load()
    assert app.spec.policy.model_dump() == {
        "ready_timeout_seconds": 600,
        "bake_seconds": 60,
        "bake_interval_seconds": 5,
        "max_error_ratio": 0.01,
        "soak_seconds": 86_400,
        "approval_expires_seconds": 86_400,
        "rest_replicas": 0,
        "workers": "old-first",
        "jobs_timeout_seconds": 120,
        "join_builds_seconds": 0,
        "keep_failed_seconds": 3_600,
        "keep_logs": True,
    }
    assert app.spec.traffic.traefik.model_dump() == {
        "namespace": "traefik",
        "selector": "app.kubernetes.io/name=traefik",
        "port": 8000,
        "https_port": 8443,
        "metrics_port": None,
        "metrics_scheme": "http",
        "throttle_seconds": 2,
        "allow_empty_services": False,
    }
    assert (app.spec.traffic.path, app.spec.traffic.proof_answers, app.spec.traffic.proof_timeout_seconds) == (
        "/",
        5,
        30,
    )
    assert (app.spec.checks[0].port, app.spec.checks[0].status, app.spec.checks[0].within_seconds) == (80, 200, 2)


@pytest.mark.parametrize(
    ("namespace", "side"), [("shop-blue", Side.BLUE), ("shop-green", Side.GREEN), ("shop-red", None)]
)
def test_a_namespace_is_one_side_or_none(namespace: str, side: Side | None) -> None:
    assert side_at(load().places, namespace) is side


def test_services_are_found_by_name_and_by_image() -> None:
    app = load()
    assert app.service("web").replicas == 2
    with pytest.raises(BadInput, match=r'unknown service "mialer"; did you mean "mailer"\?'):
        app.service("mialer")


def test_an_application_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load().spec.policy.bake_seconds = 1  # type: ignore[misc]


ONE_MISTAKE = {
    "unknown key": (
        "bakeSeconds",
        "bakeSecs",
        'line 20, spec.policy.bakeSecs: unknown key "bakeSecs"; did you mean "bakeSeconds"?',
    ),
    "unknown key like no other": (
        "header:",
        "xyzzy: 1\n    header:",
        'line 13, spec.traffic.xyzzy: unknown key "xyzzy"; known: address, ca, darkPreview, header',
    ),
    "python's spelling of a key": ("bakeSeconds", "bake_seconds", 'did you mean "bakeSeconds"?'),
    "missing key": ("    host: shop.example\n", "", "line 11, spec.traffic.host: is required, and missing"),
    "other version": (
        "flipgate.dev/v1",
        "flipgate.dev/v2",
        "line 1, apiVersion: input should be 'flipgate.dev/v1', not 'flipgate.dev/v2'",
    ),
    "other kind of route": (
        "IngressRoute",
        "Ingress",
        "line 10, spec.routes[0].kind: input should be 'IngressRoute', 'TraefikService' or 'HTTPRoute', not 'Ingress'",
    ),
    "no routes": (
        "\n    - {kind: IngressRoute, namespace: edge, name: live}",
        " []",
        "line 9, spec.routes: needs at least one entry",
    ),
    "one namespace twice": ("shop-green", "shop-blue", 'line 6, spec.sides: both sides are namespace "shop-blue"'),
    "nobody names the side": (
        "    header: X-Served-Side\n",
        "",
        "spec.traffic: nothing tells which side answers: declare header, or traefik.metricsPort",
    ),
    "counters of a plain route": (
        "    header: X-Served-Side\n",
        "    traefik: {metricsPort: 8080}\n",
        "spec: without traffic.header each route must be of kind TraefikService or HTTPRoute: "
        "Traefik counts IngressRoute edge/live",
    ),
    "a proof that ends before Traefik's throttle": (
        "header: X-Served-Side",
        "header: X-Served-Side\n    proofTimeoutSeconds: 2",
        "spec.traffic: proofTimeoutSeconds (2) must be longer than traefik.throttleSeconds (2), or no move could be",
    ),
    "string for a number": (
        "replicas: 2",
        'replicas: "2"',
        "line 15, spec.services[0].replicas: input should be a valid integer, not '2'",
    ),
    "yes for a number": (
        "replicas: 2",
        "replicas: yes",
        "spec.services[0].replicas: input should be a valid integer, not True",
    ),
    "negative replicas": (
        "replicas: 2",
        "replicas: -1",
        "spec.services[0].replicas: input should be greater than or equal to 0, not -1",
    ),
    "service twice": ("name: mailer", "name: web", "line 14, spec.services: named more than once: web"),
    "image with a tag": ("acme/web", "acme/web:1", '"acme/web:1" must be a repository alone, without tag or digest'),
    "check of nothing": (
        "service: web",
        "service: wbe",
        'check "health" asks unknown service "wbe"; did you mean "web"?',
    ),
    "check of a worker": (
        "service: web",
        "service: mailer",
        'check "health" asks worker "mailer", which has no pods on the dark side',
    ),
    "service of a worker": (
        "name: mailer",
        "name: mailer, service: mail",
        "spec.services[1]: has `service`, by which only one that serves is asked; this one is worker",
    ),
    "service that is no name": (
        "name: web",
        "name: web, service: web:80",
        "spec.services[0].service: has to be small letters",
    ),
    "check of a Service by the Service's name": (
        "name: web",
        "name: api, service: web",
        'check "health" asks unknown service "web"; known: api, mailer',
    ),
    "port out of range": (
        "path: /health",
        "path: /health, port: 70000",
        "spec.checks[0].port: input should be less than or equal to 65535",
    ),
    "relative path": ("path: /health", "path: health", "spec.checks[0].path: has to be a path that begins with /"),
    "limit of a log gate": (
        "  policy:",
        "  gates: [{name: noise, logs: {pattern: x, max: 1, patern: x}}]\n  policy:",
        'unknown key "patern"; did you mean "pattern"?',
    ),
    "broken JSON path": ("{status: ok}", "{a..b: ok}", 'spec.checks[0].json: "a..b" is not a JSON path'),
    "ratio above one": (
        "bakeSeconds: 60",
        "maxErrorRatio: 1.5",
        "spec.policy.maxErrorRatio: input should be less than or equal to 1",
    ),
    "no number": (
        "bakeSeconds: 60",
        "maxErrorRatio: .nan",
        "spec.policy.maxErrorRatio: input should be a finite number",
    ),
    "long name": ("name: shop", f"name: {'s' * 41}", "line 4, metadata.name: string should have at most 40 characters"),
    "capital name": ("name: shop", "name: Shop", "metadata.name: has to be small letters"),
    "key twice": (
        "  policy:",
        "  policy: {}\n  policy:",
        'line 20, column 3: key "policy" is written twice, first on line 19',
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), ONE_MISTAKE.values(), ids=ONE_MISTAKE.keys())
def test_a_mistake_is_told_with_its_place(old: str, new: str, message: str) -> None:
    told = refusal(changed(old, new))
    assert message in told
    assert "problems" not in told, "one mistake must be told as one"


def test_all_mistakes_are_told_at_once_in_the_files_order() -> None:
    text = changed("bakeSeconds", "bakeSecs").replace("replicas: 2", "replicas: -2").replace("IngressRoute", "Ingress")
    with pytest.raises(BadInput) as caught:
        load(text)
    lines = caught.value.fact.splitlines()
    assert lines[0] == "3 problems:"
    assert [line.split(",")[0].strip() for line in lines[1:]] == ["line 10", "line 15", "line 20"]


def test_a_password_in_an_address_is_refused_by_its_key_in_a_new_file_and_read_where_it_is_kept() -> None:
    text = with_gate("restarts: 0")
    with pytest.raises(BadInput) as caught:
        load_new_application(text, "shop.yaml")
    assert "spec.metrics.prometheus: must not hold a user or a password" in caught.value.fact
    assert "secret@" not in str(caught.value)
    assert "ana:" not in str(caught.value)
    assert load(text).spec.metrics.prometheus == "https://ana:secret@prom.example"


def test_what_lets_flipgate_in_where_metrics_are_is_named_and_not_written() -> None:
    secret = "{name: prom, key: auth}"
    declared = f"metrics: {{prometheus: 'http://p', prometheusAuthorization: {secret}}}\n  policy:"
    spec = load_new_application(changed("policy:", declared), "shop.yaml").spec.metrics
    assert [(name, each.name, each.key) for name, each in spec.secrets.items()] == [
        ("prometheusAuthorization", "prom", "auth")
    ]
    with pytest.raises(BadInput, match=r"alertmanagerAuthorization needs spec\.metrics\.alertmanager"):
        load(changed("policy:", f"metrics: {{alertmanagerAuthorization: {secret}}}\n  policy:"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("# nothing but this\n", "the file is empty"),
        ("- a\n", "not a mapping"),
        ("a: [", "line 1, column 5: expected the node content"),
        ("a: b: c", "line 1, column 5: mapping values are not allowed here"),
        ("a: 1\n---\nb: 2", "line 3, column 1: but found another document"),
        ("a: *b", "found undefined alias"),
        ("a: &a [*a]", "has an alias within what it stands for"),
        ("a: 2026-13-45", "not readable as YAML: month must be in 1..12"),
        ("a\0b", "not readable as YAML: unacceptable character"),
        ("[" * 1000, "nested too deeply"),
        ("[\n" * 200_000, "nested too deeply"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
    ],
)
def test_what_is_not_one_yaml_mapping_is_refused_in_a_sentence(text: str, message: str) -> None:
    assert message in refusal(text)


def test_what_is_too_large_to_be_kept_is_refused_when_it_is_new_and_read_when_it_is_there() -> None:
    long = SMALL + "#" + "é" * 400_000
    with pytest.raises(BadInput, match=r"has 80\d+ bytes; 655360 are the most that is kept"):
        load_new_application(long, "shop.yaml")
    assert load(long).name == "shop"
    more = "".join(f"    - {{name: s-{n}, replicas: 1, role: worker}}\n" for n in range(MOST_SERVICES))
    many = changed("  services:\n", f"  services:\n{more}")
    with pytest.raises(BadInput, match=f"spec.services has {MOST_SERVICES + 2} entries; {MOST_SERVICES} are the most"):
        load_new_application(many, "shop.yaml")
    assert len(load(many).spec.services) == MOST_SERVICES + 2


def test_anchors_and_merge_keys_are_welcome() -> None:
    text = changed(
        "{name: mailer, role: worker, replicas: 1}", "{<<: &one {name: x, role: worker, replicas: 1}, name: y}"
    )
    assert [worker.name for worker in load(text).workers()] == ["y"]


def with_gate(text: str) -> str:
    metrics = "{prometheus: https://ana:secret@prom.example, alertmanager: http://alerts.example:9093/}"
    return changed("  policy:", f"  metrics: {metrics}\n  gates:\n    - {{name: slow, {text}}}\n  policy:")


def gate(text: str) -> Gate:
    return load(with_gate(text)).spec.gates[0]


RATIO = "promql: 'x{namespace=\"{namespace}\"}[{window}]'"


def test_gates_of_each_kind_are_read_with_their_defaults() -> None:
    promql = gate(f"{RATIO}, max: 0.5, of: namespace, relativeTo: old, factor: 1.5")
    assert (promql.kind.word, promql.window, promql.failures) == ("promql", 60, 2)
    others = ("alerts: {a: b}", "logs: {pattern: x, max: 0}", "restarts: 0")
    assert [gate(text).kind.word for text in others] == ["alerts", "logs", "restarts"]
    assert load(with_gate("restarts: 0")).spec.metrics.alertmanager == "http://alerts.example:9093"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{RATIO}, maxx: 1, of: namespace", 'unknown key "maxx"; did you mean "max"?'),
        ("failures: 1", f"exactly one of {', '.join(KINDS)} (it has: none)"),
        (f"{RATIO}, max: 1, of: namespace, restarts: 1", "(it has: promql, restarts)"),
        (f"{RATIO}, of: namespace", "needs either max or min"),
        (f"{RATIO}, max: 1, min: 1, of: namespace", "needs either max or min"),
        (f"{RATIO}, max: 1", "needs `of`: namespace, target or time"),
        ("promql: 'x{namspace}', max: 1, of: time", 'placeholder {namspace}; did you mean "namespace"?'),
        ("promql: x, max: 1, of: target", "is of target, and its promql does not name {namespace}"),
        (f"{RATIO}, max: 1, of: time", "then it is of namespace"),
        (f"{RATIO}, max: 1, of: namespace, relativeTo: old", "both relativeTo and factor, or neither"),
        ("promql: x, max: 1, of: time, relativeTo: old, factor: 2", "no number of the old side"),
        ("restarts: 0, windowSeconds: 5", "has windowSeconds, which only a promql gate has"),
        ("traefik: {maxErrorRatio: 0.1}, max: 1", "has max, which only a promql gate has"),
        ("traefik: {maxErrorRatio: 1.1}", "less than or equal to 1"),
        ("traefik: {maxErrorRatio: 0.1}, windowSeconds: 5", 'gate "slow" needs spec.traffic.traefik.metricsPort'),
        ("alerts: {}", "alerts: "),
        ("alerts: {'a-b': c}", 'the label "a-b", which no alert can have'),
        ("alerts: {a: '{window}'}", "unknown placeholder {window}"),
        (f"{RATIO}, max: .inf, of: namespace", "finite number"),
    ],
)
def test_a_gate_that_cannot_be_judged_is_refused(text: str, message: str) -> None:
    told = refusal(with_gate(text))
    assert message in told
    assert "problems" not in told


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gates: [{name: slow, promql: x, max: 1, of: time}]", 'gate "slow" needs spec.metrics.prometheus'),
        ("gates: [{name: loud, alerts: {a: b}}]", 'gate "loud" needs spec.metrics.alertmanager'),
        ("gates: [{name: errors, restarts: 0}]", "the name of a verdict that every bake has"),
        ("gates: [{name: a, restarts: 0}, {name: a, restarts: 1}]", "named more than once: a"),
        ("metrics: {inFlight: 'x{n=\"{namespace}\"}'}", "inFlight needs spec.metrics.prometheus"),
        ("metrics: {prometheus: 'http://p', inFlight: x}", "inFlight does not name {namespace}"),
        ("metrics: {prometheus: 'http://p', inFlight: 'x{namespace}[{window}]'}", "unknown placeholder {window}"),
        ("metrics: {prometheus: 'ftp://ana:secret@prom'}", "must be an address like https://HOST:PORT/PATH"),
        ("metrics: {prometheus: 'http://ana:secret@prom/?a=b'}", "must be an address like https://HOST:PORT/PATH"),
    ],
)
def test_gates_and_their_sources_must_fit(spec: str, message: str) -> None:
    assert message in refusal(changed("  policy:", f"  {spec}\n  policy:"))


def test_the_hash_is_of_the_meaning() -> None:
    assert application_hash(load()) == application_hash(
        load("# a comment\n" + changed("bakeSeconds: 60", "bakeSeconds: 60\n    soakSeconds: 86400"))
    )
    assert application_hash(load()) != application_hash(load(changed("bakeSeconds: 60", "bakeSeconds: 61")))
    assert len(application_hash(load())) == 64
