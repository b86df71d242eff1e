"""The condition GitAccess: said before the first release, of the very branch and block that the file names."""

from __future__ import annotations

import pytest

from flipgate.core.record import conditions
from flipgate.core.record.conditions import GIT_ACCESS
from flipgate.core.record.record import Condition
from flipgate.core.spec.git import GitSpec
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput, FlipgateError, Forbidden, NotFound, Unreachable
from flipgate.core.way_back.git_access import judge_access
from tests.core.builders import at, record, shop
from tests.core.cli.looks import facts, text

GIT = GitSpec.model_validate({"repository": "https://git.example/c.git", "routes": ["a.yaml"], "block": "team"})


def shown(known: Condition | None, spec: GitSpec = GIT) -> str:
    remembered = conditions.put(record(), known) if known else record()
    application = but(shop(), spec=but(shop().spec, git=spec))
    (line,) = [each for each in text(facts(remembered, application=application)).split("\n") if GIT_ACCESS in each]
    return line


@pytest.mark.parametrize(
    ("failed", "status", "reason"),
    [
        (None, "True", "GitLetsIn"),
        (Forbidden("git push: returned error: 403", obj="branch main"), "False", "GitRefuses"),
        (NotFound("is not there", obj="branch main"), "False", "GitRefuses"),
        (BadInput("there is no such block", obj="block team"), "False", "GitRefuses"),
        (Unreachable("git ls-remote: 503", obj="branch main"), "Unknown", "Unreadable"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_who_is_let_in_is_known_before_it_is_needed(failed: FlipgateError | None, status: str, reason: str) -> None:
    found = judge_access(GIT, failed, at(0))
    assert (found.status, found.reason) == (status, reason)
    assert "block flipgate-git/team" in found.message
    line = shown(found)
    assert f"({reason}), looked at 30s ago" in line
    assert ("\x1b[31m" in line) is (status != "True")
    if failed:
        assert failed.named_fact in line


@pytest.mark.parametrize("change", [{"block": "another"}, {"branch": "next"}, {"repository": "https://git.example/d"}])
def test_what_was_found_of_another_block_or_branch_says_nothing(change: dict[str, str]) -> None:
    let_in = judge_access(GIT, None, at(0))
    assert "GitAccess True" in shown(let_in)
    assert "nobody has tried" in shown(let_in, but(GIT, **change))  # type: ignore[arg-type]
    assert "nobody has tried block flipgate-git/team" in shown(None)


def test_without_git_there_is_no_such_condition() -> None:
    assert GIT_ACCESS not in text(facts(record()))
