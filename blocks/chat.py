"""The Slack connection."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from flipgate.adapters.chat import Chat

LOGOS = (
    "https://raw.githubusercontent.com/PrefectHQ/prefect/420d0d6a78bb6df1fc18bcf188fdad43c1d22ea9/assets/block-logos"
)
"""The pictures of Prefect's own blocks, as its server names them."""
BLOCKS = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")


class FlipgateChat(Block):
    """Slack for all applications: a bot token, or an incoming webhook. The channel stands in the application's file."""

    _block_type_name = "Flipgate Chat"
    _block_type_slug = "flipgate-chat"
    _logo_url = HttpUrl(f"{LOGOS}/slack.png")
    _documentation_url = BLOCKS
    _description = "Where releases are announced: a Slack bot token (threads), or an incoming webhook."

    token: SecretStr = Field(default=SecretStr(""), description="Bot token with chat:write.")
    webhook_url: SecretStr = Field(default=SecretStr(""), description="Incoming webhook; used when set.")
    buttons: bool = Field(
        default=False, description="Whether `flipgate slack` runs, and hears buttons: messages that ask have them then."
    )
    base_url: str = Field(default="https://slack.com/api/", description="Slack's API, or a stand-in for tests.")

    def open(self) -> Chat:
        """The chat as steps use it."""
        return Chat(
            token=self.token.get_secret_value(),
            webhook_url=self.webhook_url.get_secret_value(),
            base_url=self.base_url,
            buttons=self.buttons,
        )
