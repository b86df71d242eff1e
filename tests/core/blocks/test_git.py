"""The credentials for the repository, from a Prefect that may be away."""

from __future__ import annotations

from typing import NoReturn

import pytest

from flipgate.core.values.errors import BadInput, FlipgateError, Unreachable

pytestmark = pytest.mark.xdist_group("prefect")


@pytest.mark.parametrize("kind", [Unreachable, BadInput])
def test_a_prefect_that_is_away_or_lacks_the_block_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, kind: type[FlipgateError]
) -> None:
    import httpx

    from blocks import cluster

    def fails(_: str) -> NoReturn:
        raise httpx.ConnectError("refused") if kind is Unreachable else ValueError("token=s3cret")

    monkeypatch.setattr(cluster.FlipgateGit, "load", fails)
    with pytest.raises(kind, match="flipgate-git/ours") as error:
        cluster._credentials("ours")
    assert "s3cret" not in str(error.value)
    assert error.value.__cause__ is None or kind is Unreachable
