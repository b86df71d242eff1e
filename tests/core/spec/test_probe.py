"""How flipgate's own requests are declared: headers, the status that is expected, and their pace."""

from __future__ import annotations

import pytest

from flipgate.core.spec.application import Application, load_application, load_new_application
from flipgate.core.values.errors import BadInput
from tests.core.builders import SHOP


def load(traffic: str, policy: str = "{}", *, new: bool = False) -> Application:
    old = "header: X-Served-Side}"
    assert old in SHOP
    read = load_new_application if new else load_application
    return read(f"{SHOP.replace(old, f'header: X-Served-Side, {traffic}}}')}  policy: {policy}\n", "shop.yaml")


def test_headers_come_from_the_file_or_from_a_secret() -> None:
    headers = "[{name: X-Probe, value: flipgate}, {name: Cookie, secret: {name: probe, key: session}}]"
    probe = load(f"probe: {{headers: {headers}, status: 204}}").spec.traffic.probe
    assert probe.status == 204
    plain, secret = probe.headers
    assert (plain.value, plain.secret) == ("flipgate", None)
    assert secret.secret
    assert (secret.secret.name, secret.secret.key) == ("probe", "session")


SECRET = "secret: {name: probe, key: auth}"


@pytest.mark.parametrize(
    ("traffic", "message"),
    [
        ("probe: {headers: [{name: X-A}]}", "needs either value or secret"),
        (f"probe: {{headers: [{{name: X-A, value: b, {SECRET}}}]}}", "needs either value or secret"),
        ("probe: {headers: [{name: Authorization, value: b}]}", "belongs into a Secret: declare secret"),
        ("probe: {headers: [{name: authorization, secret: {name: a, key: b}}]}", "the API server takes it for itself"),
        ("probe: {headers: [{name: Host, value: b}]}", "is flipgate's own, or the API server's"),
        ("probe: {headers: [{name: Impersonate-User, value: b}]}", "is flipgate's own, or the API server's"),
        ("probe: {headers: [{name: X-Remote-Group, value: b}]}", "is flipgate's own, or the API server's"),
        ("probe: {headers: [{name: X-A, value: a}, {name: x-a, value: b}]}", "named more than once: x-a"),
        ('probe: {headers: [{name: X-A, value: "a\\r\\nB: c"}]}', "string should match pattern"),
        ("probe: {status: 500}", "less than or equal to 499"),
        ("probesPerSecond: 0", "greater than or equal to 0.2"),
        (
            "probesPerSecond: 0.2",
            "a proof of 5 answers through 1 replica takes 32 s at spec.traffic.probesPerSecond 0.2, and proofTimeout",
        ),
    ],
)
def test_what_could_not_be_sent_or_proven_is_refused(traffic: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(traffic)
    assert message in caught.value.fact


@pytest.mark.parametrize("value", ["Bearer s3cret", "basic czNjcmV0"])
def test_a_credential_by_another_name_is_refused_in_a_new_file_and_not_shown(value: str) -> None:
    traffic = f"probe: {{headers: [{{name: X-Auth, value: {value}}}]}}"
    with pytest.raises(BadInput) as caught:
        load(traffic, new=True)
    assert "X-Auth holds a credential (not shown): declare secret" in caught.value.fact
    assert value.split()[1] not in str(caught.value)
    assert load(traffic).spec.traffic.probe.headers[0].value == value


def test_authorization_goes_to_a_declared_address() -> None:
    address = "address: https://edge.example"
    assert load(f"probe: {{headers: [{{name: Authorization, {SECRET}}}]}}, {address}").spec.traffic.probe.headers


def test_each_look_of_a_bake_has_a_probe() -> None:
    with pytest.raises(BadInput, match=r"policy.bakeIntervalSeconds \(0.5\) leaves no probe to a look at .* 1"):
        load("probesPerSecond: 1", "{bakeIntervalSeconds: 0.5}")
    assert load("probesPerSecond: 2", "{bakeIntervalSeconds: 0.5}").spec.traffic.probes_per_second == 2
