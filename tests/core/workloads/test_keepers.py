"""Whether what makes a Secret from elsewhere says that it has made it, and who else writes one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flipgate.core.values.verdicts import Verdict
from flipgate.core.workloads.keepers import Keeper, keeper_of, keeper_row, read_keeper

RENEWED = {"cert-manager.io/certificate-name": "web"}


def external(*conditions: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": "key"}, "status": {"conditions": list(conditions)}}


@pytest.mark.parametrize(
    ("kind", "obj", "ready", "said"),
    [
        ("ExternalSecret", external({"type": "Ready", "status": "True"}), True, "Ready is True"),
        (
            "ExternalSecret",
            external({"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": "no such key"}),
            False,
            "Ready is False (SecretSyncedError: no such key)",
        ),
        ("ExternalSecret", external(), None, "its operator has not said whether it is Ready"),
        ("SealedSecret", external({"type": "Synced", "status": "True"}), True, "Synced is True"),
        ("SealedSecret", {"metadata": {"name": "key"}}, None, "its operator has not said whether it is Synced"),
    ],
)
def test_its_condition_with_its_own_message(kind: str, obj: dict[str, Any], ready: bool | None, said: str) -> None:
    seen = read_keeper(obj, kind, "shop-green", made=False)
    assert (seen.ready, seen.said) == (ready, said)
    row = keeper_row(seen, 30.0)
    assert row.verdict is (Verdict.PASS if ready else Verdict.FAIL)
    assert row.mend == ("" if ready else f"kubectl -n shop-green describe {kind.lower()} key")
    assert row.answer == (said if ready else f"{said}, for 30 s")


def test_one_that_says_nothing_keeps_no_release_back_whose_secret_is_there() -> None:
    """An operator that writes no status: sealed-secrets with --update-status=false."""
    row = keeper_row(read_keeper({"metadata": {"name": "key"}}, "SealedSecret", "shop-green", made=True), 0)
    assert row.verdict is Verdict.INFO


@pytest.mark.parametrize(
    ("made", "wanted", "verdict"), [(True, False, "info"), (True, True, "fail"), (False, False, "fail")]
)
def test_one_that_is_not_ready_fails_where_its_secret_is_missing_or_the_file_asks(
    made: bool, wanted: bool, verdict: str
) -> None:
    """A vault that is away for a moment leaves the Secret as it was, and pods start with it."""
    obj = external({"type": "Ready", "status": "False", "reason": "SecretSyncedError"})
    seen = replace(read_keeper(obj, "ExternalSecret", "shop-green", made=made), wanted=wanted)
    assert (keeper_row(seen, 0).verdict, seen.pending) == (verdict, verdict == "fail")


@pytest.mark.parametrize(
    ("meta", "keeper"),
    [
        ({}, None),
        ({"ownerReferences": [{"kind": "ExternalSecret", "name": "a"}]}, Keeper("ExternalSecret", "a")),
        (
            {"ownerReferences": [{"kind": "X", "name": "x"}, {"kind": "Y", "name": "y", "controller": True}]},
            Keeper("Y", "y"),
        ),
        (
            {"labels": {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux"}},
            Keeper("Flux's Kustomization", "shop"),
        ),
        ({"annotations": RENEWED}, Keeper("Certificate", "web")),
        (
            {"annotations": RENEWED, "managedFields": [{"manager": "cert-manager-issuing"}]},
            Keeper("Certificate", "web"),
        ),
        ({"annotations": RENEWED, "managedFields": [{"manager": "kubectl-create"}]}, None),
    ],
)
def test_who_keeps_an_object(meta: dict[str, Any], keeper: Keeper | None) -> None:
    assert keeper_of(meta) == keeper
