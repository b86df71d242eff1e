"""Who may approve, as the file names them; without it the file means what it meant."""

from __future__ import annotations

import pytest

from flipgate.core.spec.application import application_hash
from flipgate.core.spec.policy import Approver
from flipgate.core.values.errors import BadInput
from tests.core.builders import shop


def test_people_and_groups_are_named_one_a_line() -> None:
    said = "{approvers: [{user: ana@example.org}, {group: oidc:release managers}], twoPersons: true}"
    found = shop(policy=said).spec.policy
    assert found.approvers == (Approver(user="ana@example.org"), Approver(group="oidc:release managers"))
    assert found.two_persons


def test_members_and_groups_of_slack_are_named_by_their_ids_and_a_member_may_be_a_user() -> None:
    found = shop(policy="{approvers: [{slack: U0123ABC}, {user: ana, slack: W0123ABC}, {slackGroup: S0123ABC}]}")
    assert found.spec.policy.approvers == (
        Approver(slack="U0123ABC"),
        Approver(user="ana", slack="W0123ABC"),
        Approver(slack_group="S0123ABC"),
    )


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{user: ana, group: managers}", "names one of user, group, slack and slackGroup"),
        ("{group: managers, slack: U0123ABC}", "names one of user, group, slack and slackGroup"),
        ("{user: ana, slackGroup: S0123ABC}", "names one of user, group, slack and slackGroup"),
        ('{slack: "@ana"}', "spec.policy.approvers[0].slack"),
        ("{slack: U0123ABC}, {user: ana, slack: U0123ABC}", "names a Slack member twice: U0123ABC"),
        ("{slackGroup: U0123ABC}", "spec.policy.approvers[0].slackGroup"),
        ("{}", "names one of user, group, slack and slackGroup"),
        ('{user: ""}', "spec.policy.approvers[0].user"),
        ('{user: " ana"}', "spec.policy.approvers[0].user"),
        ("{users: ana}", "user"),
        ('{group: "on\\tcall"}', "spec.policy.approvers[0].group"),
        ('{group: "on call\u00a0team"}', "spec.policy.approvers[0].group"),
        ("{user: " + "\u6f22" * 86 + "}", "spec.policy.approvers[0].user"),
    ],
)
def test_an_entry_that_names_nobody_or_two_is_refused(entry: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        shop(policy=f"{{approvers: [{entry}]}}")
    assert said in str(refused.value)


def test_a_file_without_a_policy_means_what_it_meant_before_there_was_one() -> None:
    """Its hash is pinned by releases that are under way."""
    plain = shop()
    stored = plain.model_dump(mode="json", by_alias=True)["spec"]["policy"]
    assert not {"approvers", "twoPersons"} & stored.keys()
    named = shop(policy="{approvers: [{user: ana}]}")
    assert application_hash(named) != application_hash(plain)
