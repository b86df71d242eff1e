"""The application file's JSON Schema: `python -m flipgate.core.spec.schema > docs/application.schema.json`."""

from __future__ import annotations

import json

from flipgate.core.spec import application

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render_schema() -> str:
    """The schema as committed: keys sorted, two spaces, a newline at the end."""
    schema = {"$schema": _DIALECT, **application.schema()}
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(render_schema(), end="")
