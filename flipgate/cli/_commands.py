"""The shape of all verbs: help with examples, lazily imported, failures as sentences."""

from __future__ import annotations

import importlib
import os
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import click

from flipgate.cli._failures import fail
from flipgate.cli._print import echo
from flipgate.core.values.errors import about
from flipgate.core.values.nearest import hint

DEBUG = "flipgate.debug"


def _set_debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_root().meta[DEBUG] = True
        os.environ["FLIPGATE_DEBUG"] = "1"


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_set_debug,
        help="Show the traceback of a failure (also: FLIPGATE_DEBUG=1).",
    )


def _say_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        echo(f"flipgate {version('flipgate')}")
        ctx.exit()


def _version_option() -> click.Option:
    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_say_version, help="Say which this is."
    )


class _Helped(click.Command):
    """Adds sections of preformatted text to the help, `Examples` last."""

    def __init__(self, *args: Any, examples: str = "", details: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = {**(details or {}), **({"Examples": examples} if examples else {})}
        self.params.append(_debug_option())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, text in self.sections.items():
            formatter.write_paragraph()
            formatter.write(f"{title}:\n{textwrap.indent(textwrap.dedent(text).strip(), '  ')}\n")


class Verb(_Helped):
    """One verb. Its failures are about the application that it is given."""

    def invoke(self, ctx: click.Context) -> Any:
        with about(ctx.params.get("app") or ""):
            return super().invoke(ctx)


class Verbs(_Helped, click.Group):
    """A verb with verbs of its own, as in `lab up`."""

    command_class = Verb


class Root(_Helped, click.Group):
    """`flipgate` itself: knows its verbs by name and one line each, and imports a verb's module when it is called."""

    def __init__(self, *, verbs: Mapping[str, str], package: str, **kwargs: Any) -> None:
        super().__init__(
            callback=_honour_no_color,
            no_args_is_help=True,
            subcommand_metavar="VERB [ARGS]...",
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
            **kwargs,
        )
        self._verbs, self._package = dict(verbs), package
        self.params.append(_version_option())

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._verbs:
            return None
        attribute = cmd_name.replace("-", "_")
        command = getattr(importlib.import_module(f"{self._package}.{attribute}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self._verbs and not name.startswith("-"):
            ctx.fail(f'unknown verb "{name}"; {hint(name, self._verbs)}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(self._verbs.items()))

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """As click's, with every failure as a sentence and an exit code of ours."""
        if not extra.pop("standalone_mode", True):
            return super().main(args, standalone_mode=False, **extra)
        typed = sys.argv[1:] if args is None else list(args)
        try:
            code = super().main(args, standalone_mode=False, **extra)
        except Exception as error:
            sys.exit(fail(error, typed))
        sys.exit(code if isinstance(code, int) else 0)


@click.pass_context
def _honour_no_color(ctx: click.Context) -> None:
    """https://no-color.org: any value that is not empty."""
    if os.environ.get("NO_COLOR"):
        ctx.color = False
