"""Image references, by the distribution project's grammar."""

from __future__ import annotations

import pytest

from flipgate.core.spec.images import Image, parse_image
from flipgate.core.values.errors import BadInput
from flipgate.core.values.foreign import printable
from flipgate.core.workloads.render import parse_images
from tests.core.builders import shop

SHA = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("ref", "image"),
    [
        ("api:1", Image("api", "1")),
        ("sportsdata/api:1.4.2", Image("sportsdata/api", "1.4.2")),
        (f"sportsdata/api@{SHA}", Image("sportsdata/api", None, SHA)),
        (f"sportsdata/api:2@{SHA}", Image("sportsdata/api", "2", SHA)),
        ("localhost/api:1", Image("localhost/api", "1")),
        ("registry.example:5000/team/api:v1_a.B-c", Image("registry.example:5000/team/api", "v1_a.B-c")),
        ("[2001:db8::1]:5000/api:1", Image("[2001:db8::1]:5000/api", "1")),
        ("Host/api:1", Image("Host/api", "1")),
        ("a__b/c-----d/e.f:1", Image("a__b/c-----d/e.f", "1")),
        ("api:" + "t" * 128, Image("api", "t" * 128)),
    ],
)
def test_a_reference_is_read_and_written_back_as_it_was(ref: str, image: Image) -> None:
    assert parse_image(ref) == image
    assert str(image) == ref


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("sportsdata/api", "has neither tag nor digest; name the version, as in sportsdata/api:1.4.2 or"),
        ("registry.example:5000/api", "has neither tag nor digest"),
        ("sportsdata/API:1", 'the repository "sportsdata/API" must be lowercase: "sportsdata/api"'),
        ("API:1", "must be lowercase"),
        ("", '"" is not a repository name'),
        (":1", '"" is not a repository name'),
        ("api:", '"" is not a tag'),
        ("api:.1", '".1" is not a tag'),
        ("api:" + "t" * 129, "is not a tag"),
        ("api:1 ", '"1 " is not a tag'),
        ("api:1\n", "is not a tag"),
        ("a..b/api:1", '"a..b" is not a registry\'s host'),
        ("a/b//c:1", '"a/b//c" is not a repository name'),
        ("a___b:1", '"a___b" is not a repository name'),
        ("-x.example/api:1", "is not a registry's host"),
        ("api@sha256:abc", 'a sha256 digest has 64 lowercase hexadecimal digits; "abc" has 3'),
        ("api@" + SHA.replace("ab", "AB"), "64 lowercase hexadecimal digits"),
        ("api@", '"" is not a digest'),
        ("api@" + SHA.upper(), "is not a digest"),
        ("https://registry.example/api:1", '"https:" is not a registry\'s host'),
        ("x" * 256 + ":1", "the repository has 256 characters, the limit is 255"),
    ],
)
def test_what_is_no_reference_is_refused_with_the_part_that_is_wrong(ref: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_image(ref)
    assert message in str(caught.value)
    assert caught.value.obj == f'image "{printable(ref, 300)}"'


APP = shop("{name: search, role: serving, replicas: 1}", "{name: owned, role: serving, replicas: 1, image: acme/owned}")


def test_the_images_of_a_release_come_in_the_applications_order() -> None:
    images = parse_images({"search": "acme/search:2", "web": "acme/web:1"}, APP)
    assert list(images.items()) == [("web", Image("acme/web", "1")), ("search", Image("acme/search", "2"))]


@pytest.mark.parametrize(
    ("refs", "messages"),
    [
        ({"wbe": "acme/web:1"}, ['unknown service "wbe"; did you mean "web"?']),
        ({"zzz": "acme/web:1"}, ['unknown service "zzz"; known: mailer, owned, search, web']),
        ({"web": "acme/web"}, ["web: ", "has neither tag nor digest"]),
        ({"serch": "a:1", "web": "acme/web"}, ['did you mean "search"?', "has neither tag nor digest"]),
        ({}, ["no image given"]),
        ({"owned": "acme/web:1"}, ["owned: acme/web:1 is not of acme/owned, the repository declared for it"]),
    ],
)
def test_images_of_a_release_are_refused_together(refs: dict[str, str], messages: list[str]) -> None:
    with pytest.raises(BadInput, match=r"^images for shop: ") as caught:
        parse_images(refs, APP)
    for message in messages:
        assert message in str(caught.value)
