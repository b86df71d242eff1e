"""The team's Git repository: what lets flipgate in."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from blocks.chat import BLOCKS, LOGOS
from flipgate.adapters.git_access import Credentials


class FlipgateGit(Block):
    """Credentials for the repository that an application's file names: a token by HTTPS, or a key by SSH."""

    _block_type_name = "Flipgate Git"
    _block_type_slug = "flipgate-git"
    _logo_url = HttpUrl(f"{LOGOS}/github.png")
    _documentation_url = BLOCKS
    _description = "What lets flipgate push to the repository of overlays and routes: a token, or an SSH key."

    user: str = Field(default="git", description="The user that the token is sent with; most servers take any.")
    token: SecretStr = Field(default=SecretStr(""), description="A token that may read and push, by HTTPS.")
    private_key: SecretStr = Field(default=SecretStr(""), description="A deploy key that may push, by SSH.")
    known_hosts: str = Field(
        default="", description="The server's lines as of ~/.ssh/known_hosts; with a key, no other host is trusted."
    )

    def open(self) -> Credentials:
        """The credentials as steps use them."""
        return Credentials(
            self.user, self.token.get_secret_value(), self.private_key.get_secret_value(), self.known_hosts
        )
