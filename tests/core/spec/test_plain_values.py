"""Values that are written without quotes: refused where they stand when they would be read as something else than was
meant."""

from __future__ import annotations

import pytest

from flipgate.core.spec.application import Application, load_application, load_new_application
from flipgate.core.values.errors import BadInput
from tests.core.spec.test_application import SMALL, changed

POLICY = "  policy:\n    bakeSeconds: 60\n"


def load(text: str) -> Application:
    return load_new_application(text, "shop.yaml")


def said(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        load(text)
    return caught.value.fact


EMPTY = {
    "a channel that is a comment": (
        f"{POLICY}  announce:\n    slackChannel: #releases\n",
        'line 22, spec.announce.slackChannel: is written and empty: "#releases" is a comment to YAML; write '
        'slackChannel: "#releases", or leave the key out',
    ),
    "a channel that is not written yet": (
        f"{POLICY}  announce:\n    slackChannel:\n",
        "line 22, spec.announce.slackChannel: is written and empty; give it a value, or leave the key out",
    ),
    "words after it": (
        f"{POLICY}  announce:\n    slackChannel:  # which one?\n",
        "line 22, spec.announce.slackChannel: is written and empty; give it a value, or leave the key out",
    ),
    "all below it is commented out": (
        f"{POLICY}  gates:\n    # - name: errors\n",
        "line 21, spec.gates: is written and empty; give it a value, or leave the key out",
    ),
    "a mapping": (
        f"{POLICY}  announce:\n",
        "line 21, spec.announce: is written and empty; give it a value, or leave the key out",
    ),
    "within braces": (
        POLICY + "  metrics: {prometheus: , alertmanager}\n",
        "2 problems:\n"
        "  line 21, spec.metrics.alertmanager: is written and empty; give it a value, or leave the key out\n"
        "  line 21, spec.metrics.prometheus: is written and empty; give it a value, or leave the key out",
    ),
    "an entry of a list": (
        f"{POLICY}  gates:\n    -\n",
        "line 22, spec.gates[0]: is written and empty; give it a value, or leave the entry out",
    ),
}


@pytest.mark.parametrize(("policy", "message"), EMPTY.values(), ids=EMPTY.keys())
def test_a_key_that_is_written_and_empty_is_refused(policy: str, message: str) -> None:
    assert said(changed(POLICY, policy)) == message


def test_a_check_that_wants_null_says_null() -> None:
    assert "spec.checks[0].json.status: is written and empty" in said(changed("status: ok", "status"))
    assert load(changed("status: ok", "status: null")).spec.checks[0].json_equals == {"status": None}


TWO_WAYS = {
    "replicas: 010": ("spec.services[0].replicas", "010 is 8 in YAML 1.1 and 10 in YAML 1.2; write 8 or 10"),
    "replicas: 1_000": (
        "spec.services[0].replicas",
        "1_000 is 1000 in YAML 1.1 and text in YAML 1.2; write 1000",
    ),
    "replicas: 1:30": ("spec.services[0].replicas", "1:30 is 90 in YAML 1.1 and text in YAML 1.2; write 90"),
    "replicas: 0b11": ("spec.services[0].replicas", "0b11 is 3 in YAML 1.1 and text in YAML 1.2; write 3"),
    "replicas: 0o17": ("spec.services[0].replicas", "0o17 is text in YAML 1.1 and 15 in YAML 1.2; write 15"),
    "port: 08080": ("spec.checks[0].port", '08080 is text in YAML 1.1 and 8080 in YAML 1.2; write 8080, or "08080"'),
    "port: NO": ("spec.checks[0].port", 'NO is false in YAML 1.1 and text in YAML 1.2; write false, or "NO"'),
    "json: {ready: yes}": (
        "spec.checks[0].json.ready",
        'yes is true in YAML 1.1 and text in YAML 1.2; write true, or "yes"',
    ),
    "json: {a: {b: [on]}}": (
        "spec.checks[0].json.a.b[0]",
        'on is true in YAML 1.1 and text in YAML 1.2; write true, or "on"',
    ),
    "json: {answer: n}": (
        "spec.checks[0].json.answer",
        'n is false in YAML 1.1 and text in YAML 1.2; write false, or "n"',
    ),
    "json: {off: 1}": (
        "spec.checks[0].json.off",
        'off is false in YAML 1.1 and text in YAML 1.2; write false, or "off"',
    ),
    "json: {at: 12:30:00}": (
        "spec.checks[0].json.at",
        '12:30:00 is 45000 in YAML 1.1 and text in YAML 1.2; write 45000, or "12:30:00"',
    ),
    "json: {at: 12:30:00.5}": (
        "spec.checks[0].json.at",
        '12:30:00.5 is 45000.5 in YAML 1.1 and text in YAML 1.2; write 45000.5, or "12:30:00.5"',
    ),
    "json: {day: 2026-11-21}": (
        "spec.checks[0].json.day",
        '2026-11-21 is a time in YAML 1.1 and text in YAML 1.2; write "2026-11-21"',
    ),
    "json: {at: 2026-11-21T10:00:00Z}": (
        "spec.checks[0].json.at",
        '2026-11-21T10:00:00Z is a time in YAML 1.1 and text in YAML 1.2; write "2026-11-21T10:00:00Z"',
    ),
    "json: {most: 1e3}": (
        "spec.checks[0].json.most",
        '1e3 is text in YAML 1.1 and 1000.0 in YAML 1.2; write 1000.0, or "1e3"',
    ),
    "json: {version: 1.10}": (
        "spec.checks[0].json.version",
        '1.10 is the number 1.1 to YAML; write 1.1, or "1.10" where the text is meant',
    ),
    "json: {zip: 007}": (
        "spec.checks[0].json.zip",
        '007 is the number 7 to YAML; write 7, or "007" where the text is meant',
    ),
}


@pytest.mark.parametrize(("value", "message"), TWO_WAYS.items(), ids=TWO_WAYS.keys())
def test_a_value_that_yaml_reads_in_two_ways_is_refused_with_the_quotes(value: str, message: tuple[str, str]) -> None:
    key = value.partition(":")[0]
    old = {"replicas": "replicas: 2", "port": "json: {status: ok}", "json": "json: {status: ok}"}[key]
    fact = said(changed(old, value))
    place, told = message
    assert f"{place}: {told}" in fact
    assert "problems" not in fact, "one mistake must be told as one"


def test_what_is_quoted_or_read_alike_by_both_is_taken_as_it_is() -> None:
    plain = (
        '{a: "010", b: "NO", c: "1.10", d: 1.0, e: 12, f: -3.5, g: true, h: ~, i: v1.10, j: 1.2.3, k: "12:30", '
        "x: 1, y: 2, 404: ok, l: no way, m: 'yes', n: nope}"
    )
    found = load(changed("{status: ok}", plain)).spec.checks[0].json_equals
    first = {"a": "010", "b": "NO", "c": "1.10", "d": 1.0, "e": 12, "f": -3.5, "g": True, "h": None, "i": "v1.10"}
    assert found == {
        **first,
        "j": "1.2.3",
        "k": "12:30",
        "x": 1,
        "y": 2,
        "404": "ok",
        "l": "no way",
        "m": "yes",
        "n": "nope",
    }
    assert load(changed("bakeSeconds: 60", "maxErrorRatio: 0.010")).spec.policy.max_error_ratio == 0.01


def test_a_number_where_text_is_wanted_is_told_with_the_quotes() -> None:
    assert said(changed("namespace: shop-blue", "namespace: 1.10")) == (
        'line 7, spec.sides.blue.namespace: input should be a valid string, not 1.1; write "1.10"'
    )
    assert said(changed("namespace: shop-blue", "namespace: true")).endswith('not True; write "true"')


def test_every_problem_of_a_file_is_told_at_once() -> None:
    text = changed("replicas: 2", "replicas: 010").replace("bakeSeconds: 60", "bakeSecs: 60\n    soakSeconds:")
    assert [line.split(": ")[0].strip(" :") for line in said(text).splitlines()] == [
        "3 problems",
        "line 15, spec.services[0].replicas",
        "line 20, spec.policy.bakeSecs",
        "line 21, spec.policy.soakSeconds",
    ]


def test_a_file_that_is_in_the_cluster_already_means_what_it_meant() -> None:
    text = changed("replicas: 2", "replicas: 010").replace("{status: ok}", "{version: 1.10, ready: yes, country: NO}")
    kept = load_application(f"{text}  announce:\n    slackChannel: #releases\n", "ConfigMap flipgate/application-shop")
    assert kept.service("web").replicas == 8
    assert kept.spec.checks[0].json_equals == {"version": 1.1, "ready": True, "country": False}
    assert kept.spec.announce.slack_channel is None


@pytest.mark.parametrize(
    "text",
    [f"{SMALL}---\n", f"---\n{SMALL}---\n", f"{SMALL}...\n", f"{SMALL}---\n# the end\n---\n", f"---\n---\n{SMALL}"],
)
def test_documents_with_nothing_in_them_are_none(text: str) -> None:
    assert load(text) == load(SMALL)
    assert load_application(text, "shop.yaml") == load(SMALL)


def test_lines_are_those_of_the_file_behind_documents_with_nothing_in_them() -> None:
    assert said("---\n---\n" + changed("replicas: 2", "replicas: -2")).startswith("line 17, spec.services[0].replicas")


@pytest.mark.parametrize("host", ["Shop.example", "https://shop.example", "shop_1.example", "shop.example."])
def test_a_host_that_is_none_is_told_what_one_looks_like(host: str) -> None:
    told = said(changed("host: shop.example", f"host: {host}"))
    assert "spec.traffic.host: has to be small letters, digits, - and dots" in told
    assert "as in shop.example, not '" in told
    assert "^" not in told
