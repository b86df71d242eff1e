"""What the API server makes of a JSON patch, as far as the tests' patches go."""

from __future__ import annotations

import copy
from typing import Any


def patched(found: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """The object after a JSON patch, as far as these go."""
    after = copy.deepcopy(found)
    for each in operations:
        *parents, last = [part.replace("~1", "/") for part in each["path"].split("/")[1:]]
        at = after
        for part in parents:
            at = at[part]
        match each["op"]:
            case "test":
                assert at.get(last) == each["value"]
            case "add":
                at[last] = each["value"]
            case "remove":
                del at[last]
    return after
