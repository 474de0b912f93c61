"""Comments of a shader are blanked and its sizes are arithmetic, whatever they hold."""

from __future__ import annotations

import pytest

from installation.rendering.expressions import ExpressionError, compile_size
from installation.rendering.tokens import blank_comments


@pytest.mark.parametrize(
    ("source", "blanked"),
    [
        ("a; // see /* there\nb;", "a; " + 15 * " " + "\nb;"),
        ("a; /* // */ b; /* c\nd */ e;", "a;          b;     \n     e;"),
        ("a; /* // b", "a; /* // b"),
        ("a; // b", "a;     "),
        ("a / b; /", "a / b; /"),
    ],
)
def test_a_comment_is_blank_and_what_only_looks_like_one_is_not(source: str, blanked: str) -> None:
    assert blank_comments(source) == blanked


@pytest.mark.parametrize("size", ["(0-8)^0.5", "abs((0-8)^0.5)", "9^9^9", "(0-1)^$WIDTH*0/0"])
def test_a_power_that_is_no_number_is_said(size: str) -> None:
    with pytest.raises(ExpressionError):
        compile_size(size)({"WIDTH": 64.5})
    assert compile_size("2^3")({}) == 8
