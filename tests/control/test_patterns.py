"""Wildcards name what an operator means by them, and none of them takes long."""

import time

import pytest

from installation.control.patterns import PatternError, Tree, find, is_pattern, plant

ADDRESSES = [
    "/i/effect/tear/amount",
    "/i/effect/echo/amount",
    "/i/effect/echo/length",
    "/i/bend/melt/amount",
    "/i/master",
]


@pytest.fixture
def tree() -> Tree:
    made: Tree = {}
    for address in ADDRESSES:
        plant(made, address, address)
    return made


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/i/effect/*/amount", ["/i/effect/tear/amount", "/i/effect/echo/amount"]),
        ("/i/*/*/amount", ["/i/effect/tear/amount", "/i/effect/echo/amount", "/i/bend/melt/amount"]),
        ("/i/effect/ec?o/*", ["/i/effect/echo/amount", "/i/effect/echo/length"]),
        ("/i/{bend,effect}/{melt,tear}/amount", ["/i/effect/tear/amount", "/i/bend/melt/amount"]),
        ("/i/effect/[a-f]*/length", ["/i/effect/echo/length"]),
        ("/i/effect/[!a-f]*/amount", ["/i/effect/tear/amount"]),
        ("/i/ma*r", ["/i/master"]),
        ("/i/m**ter*", ["/i/master"]),
        ("/i/*", ["/i/master"]),
        ("/*", []),
        ("/i/mast", []),
        ("/i/?", []),
    ],
)
def test_a_pattern_names_the_addresses_that_it_describes(tree: Tree, pattern: str, expected: list[str]) -> None:
    assert find(tree, pattern) == expected


@pytest.mark.parametrize("pattern", ["/i/[ab", "/i/{a,b", "/i/a]", "/i/{{a}}", "/i/[]", "/i/" + "{a,b}" * 6])
def test_a_broken_or_boundless_pattern_is_refused(tree: Tree, pattern: str) -> None:
    assert is_pattern(pattern)
    with pytest.raises(PatternError):
        find(tree, pattern)


def test_sixty_stars_against_a_long_name_take_no_time(tree: Tree) -> None:
    plant(tree, "/i/" + "a" * 200, "long")
    began = time.process_time()
    assert find(tree, "/i/" + "a*" * 60 + "b") == []
    assert find(tree, "/i/" + "*a" * 60) == ["long"]
    assert time.process_time() - began < 10  # measured: milliseconds; tried in every way it takes for ever
