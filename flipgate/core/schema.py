"""The application file's JSON Schema: `python -m flipgate.core.schema > docs/application.schema.json`."""

from __future__ import annotations

import json

from flipgate.core.application import Application

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render_schema() -> str:
    """The schema as committed: keys sorted, two spaces, a newline at the end."""
    schema = {"$schema": _DIALECT, **Application.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(render_schema(), end="")
