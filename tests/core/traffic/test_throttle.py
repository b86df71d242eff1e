"""How long a Traefik holds a changed route back, as its arguments say."""

from __future__ import annotations

import pytest

from flipgate.core.spec.traffic import TraefikSpec
from flipgate.core.traffic.throttle import USUAL_SECONDS, throttle_of

OWN = "--providers.providersThrottleDuration"
CRD, GATEWAY = "--providers.kubernetescrd.throttleDuration", "--providers.kubernetesgateway.throttleduration"


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        ([f"{OWN}=50ms"], 0.05),
        ([f"{OWN}=0"], 0),
        ([f"{OWN}=1m30s"], 90),
        ([f"{OWN.lower()}=1.5h"], 5400),
        ([f"{OWN}=10", f"{CRD}=500ms"], 10.5),
        ([f"{OWN}=100ms", f"{CRD}=200ms"], 0.3),
        ([f"{CRD}=3s", f"{GATEWAY}=1m"], 5),
        ([OWN, "10s", "--log.level=INFO"], 10),
        (["-providers.providersThrottleDuration=10s"], 10),
        (["--providers.file.throttleduration=1h"], None),
        ([f"{OWN}=soon"], None),
        ([f"{OWN}=2s later"], None),
        ([OWN, "--log.level=INFO"], None),
        ([], None),
    ],
)
def test_what_it_was_started_with_in_seconds(arguments: list[str], seconds: float | None) -> None:
    assert throttle_of(arguments, {"kubernetescrd"}) == seconds


def test_of_the_providers_that_read_the_routes() -> None:
    assert throttle_of([f"{CRD}=3s", f"{GATEWAY}=1m"], {"kubernetescrd", "kubernetesgateway"}) == 62


def test_who_says_nothing_has_what_the_file_has_then() -> None:
    assert TraefikSpec().throttle_seconds == USUAL_SECONDS
