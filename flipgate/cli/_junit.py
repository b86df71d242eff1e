"""What a release's checks and gates said as JUnit XML, which CI servers read (https://github.com/testmoapp/junitxml).
Made from the same data that `-o json` prints, so there is as much of it as the record keeps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree

TAGS: Mapping[str, str] = MappingProxyType({"fail": "failure", "unknown": "error", "info": "skipped"})
"""What a verdict is to JUnit; one that is not known is an error, and `pass` has no element. A check that could not be
asked (unknown) is an error as a test is that could not be run; INFO decides nothing, as a test that was skipped."""
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, escaped or not (https://www.w3.org/TR/xml/#charsets)."""


def junit(data: Mapping[str, Any]) -> str:
    """The newest judgement of each step as a test suite, each check or gate as a test case. A release that was not
    checked has one case, an error: nobody takes an empty report for a good one."""
    newest = {judgement["step"]: judgement for judgement in data["judgements"]}
    suites = [_suite(data, each["step"], each["at"], each["evidence"]) for each in newest.values()]
    if "checks" not in newest:
        last = data["changes"][-1]
        fact = f"nothing is known of checks; the release is `{last['phase']}` ({last['reason']}): {last['message']}"
        evidence = [{"gate": "checked", "verdict": "unknown", "detail": fact}]
        suites.insert(0, _suite(data, "checks", last["at"], evidence))
    root = ElementTree.Element("testsuites", {"name": f"{data['application']} {data['name']}"})
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    root.extend(suites)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}'


def _suite(data: Mapping[str, Any], step: str, at: str, evidence: list[dict[str, Any]]) -> ElementTree.Element:
    count = Counter(tag for each in evidence if (tag := _tag(each)))
    numbers = {
        "tests": len(evidence),
        "failures": count["failure"],
        "errors": count["error"],
        "skipped": count["skipped"],
    }
    # The standard has no zone in a timestamp: times are UTC.
    suite = ElementTree.Element("testsuite", {"name": _valid(step), "timestamp": at[:19]})
    for key, number in numbers.items():
        suite.set(key, str(number))
    suite.set("time", f"{sum(each.get('seconds') or 0.0 for each in evidence):.3f}")
    properties = ElementTree.SubElement(suite, "properties")
    for name in ("application", "name", "side"):
        value = _valid(str(data[name]))
        ElementTree.SubElement(properties, "property", {"name": {"name": "release"}.get(name, name), "value": value})
    suite.extend(_case(data, step, each) for each in evidence)
    return suite


def _case(data: Mapping[str, Any], step: str, found: Mapping[str, Any]) -> ElementTree.Element:
    name, owner = _valid(found["gate"]), _valid(f"{data['application']}.{step}")
    case = ElementTree.Element("testcase", {"name": name, "classname": owner})
    case.set("time", f"{found.get('seconds') or 0.0:.3f}")
    if tag := _tag(found):
        detail = _valid(found["detail"])
        why = ElementTree.SubElement(case, tag, {"message": detail})
        if tag != "skipped":
            why.set("type", _valid(found["verdict"]))
            why.text = detail
    if output := "\n".join(_written(found, passed=not tag)):
        ElementTree.SubElement(case, "system-out").text = _valid(output)
    return case


def _written(found: Mapping[str, Any], *, passed: bool) -> Iterator[str]:
    """What a test case shows of one that passed is what it found; of any, what its program wrote."""
    if passed and found["detail"]:
        yield found["detail"]
    if found.get("output"):
        yield found["output"]


def _tag(found: Mapping[str, Any]) -> str:
    return "" if found["verdict"] == "pass" else TAGS.get(found["verdict"], "error")


def _valid(text: str) -> str:
    """The text with U+FFFD for each character that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
