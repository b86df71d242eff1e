"""Slack hears of each phase in one thread; a Slack that fails or is away never fails a release, and hears later."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.adapters.chat import Chat
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.steps.going_back.recover import recover
from tests.lab import runbook
from tests.lab.stage import BLUE, NewStage, images
from tests.slack import serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

AWAY = "http://127.0.0.1:9/api/"


def with_channel(document: dict[str, Any]) -> None:
    document["spec"]["announce"] = {"slackChannel": "#releases"}


def test_slack_hears_everything_once_in_one_thread_whatever_happens_to_it(new_stage: NewStage) -> None:
    stage = new_stage("slack", edit=with_channel)
    with serving() as slack:
        away = stage.world(chat=Chat(token="xoxb-test", base_url=AWAY))
        failing = stage.world(chat=Chat(token="xoxb-test", base_url=slack.url))
        mute = stage.world()

        runbook.deploy_dark(away, images("2", "api-all"))
        assert len(stage.record().outbox) == 2, "that it deploys and that it is dark is still to be told"

        slack.status = 500
        runbook.approve(failing, QuestionKind.FLIP)
        runbook.flip_traffic(failing)
        assert slack.asked
        assert stage.record().phase is Phase.LIVE

        runbook.scale_down(mute)
        untold = [message.text for message in stage.record().outbox]
        assert "OldSideAtRest" in untold[-1], "an actor without a chat leaves the messages to one that has it"
        assert stage.replicas(BLUE) == {}
        assert not slack.posted

        slack.status = 200
        recover(failing)
        recover(failing)
    release = stage.record().last
    assert release is not None
    assert stage.record().outbox == ()
    assert [message["text"] for message in slack.posted] == untold, "each once, in order"
    for change in release.changes:
        assert any(f"{change.phase} ({change.reason})" in text for text in untold), change
    questions = [text for text in untold if "?" in text]
    assert len(questions) == 2, "people hear what they are asked"
    for message in slack.posted:
        assert message["channel"] == "#releases"
        assert release.name in message["text"]
        assert [block["type"] for block in message["blocks"]] == ["section", "context"]
    assert "thread_ts" not in slack.posted[0]
    assert {message["thread_ts"] for message in slack.posted[1:]} == {"1700000000.000001"}
