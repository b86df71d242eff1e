"""The World that a block opens on a real API server: what the command line builds from its flags."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.adapters.store import Store
from tests.api.shop import Shop

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

HOOK = "https://hooks.slack.com/services/T/B/secret"


def block(shop: Shop, webhook: str) -> Any:
    """The shop's cluster with a chat; the shop's file names a channel."""
    from blocks.chat import FlipgateChat  # Prefect takes seconds: not at the top
    from blocks.cluster import FlipgateCluster

    Store(shop.cluster, shop.own, shop.name).write_application(shop.text + "  announce: {slackChannel: '#releases'}\n")
    chat = FlipgateChat(webhook_url=webhook)
    return FlipgateCluster(kubeconfig=str(shop.kubeconfig), namespace=shop.own, chat=chat)


def test_it_is_the_applications_with_whom_to_tell(shop_on_paper: Shop) -> None:
    world = block(shop_on_paper, HOOK).open(shop_on_paper.name, actor="ana")

    assert (world.application.name, world.actor) == (shop_on_paper.name, "ana")
    assert world.store.read().application == shop_on_paper.name
    assert world.chat is not None
    assert (world.chat.channel, world.chat.webhook_url) == ("#releases", HOOK)


def test_a_chat_that_is_filled_in_wrongly_is_said_and_in_nobodys_way(
    shop_on_paper: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    world = block(shop_on_paper, "hooks.slack.com/secret").open(shop_on_paper.name)

    assert world.store.read().application == shop_on_paper.name
    assert world.chat is None
    (said,) = caplog.messages
    assert said.startswith("nobody will be told: Slack webhook: is not an address like https://HOST/PATH")
    assert "hooks.slack.com" not in said


def test_a_file_that_was_read_with_all_others_long_ago_is_read_once_more(
    shop_on_paper: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn of reconcile may take minutes, where a Git server is away, and move users by an old file."""
    from blocks import cluster

    opened = block(shop_on_paper, HOOK)
    monkeypatch.setattr(cluster, "_load", lambda _: opened)
    known = cluster.applications()[shop_on_paper.name]
    Store(shop_on_paper.cluster, shop_on_paper.own, shop_on_paper.name).write_application(shop_on_paper.text)
    assert cluster.connect(shop_on_paper.name, known=known).application.spec.announce.slack_channel == "#releases"

    monkeypatch.setattr(cluster, "KNOWN_SECONDS", -1.0)
    assert cluster.connect(shop_on_paper.name, known=known).application.spec.announce.slack_channel is None
