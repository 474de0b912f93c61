"""A pass size as ISF writes it ("floor($WIDTH * $blur / 2.0)") and the numbers it names in, pixels out. No eval."""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping

BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # no complex numbers
}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
    "abs": abs,
    "min": min,
    "max": max,
    "sqrt": math.sqrt,
    "log": math.log,
    "log2": math.log2,
    "exp": math.exp,
    "sin": math.sin,
    "cos": math.cos,
    "pow": math.pow,
}
LARGEST_PX = 8192
LONGEST = 500  # letters


class ExpressionError(ValueError):
    """A size that is not arithmetic over $NAMES; the text says what was expected and what was found."""


def compile_size(expression: object) -> Callable[[Mapping[str, float]], int]:
    """Turn a size into a function of its names. Raises ExpressionError for anything but arithmetic."""
    text = str(expression)
    if len(text) > LONGEST:
        raise ExpressionError(f"expected arithmetic of at most {LONGEST} letters, found {len(text)}")
    try:
        with warnings.catch_warnings():  # Python's own, about the look of a text that is none of its own
            warnings.simplefilter("ignore")
            tree = ast.parse(re.sub(r"\$(\w+)", r"\1", text).replace("^", "**").strip(), mode="eval").body
        _check(tree, text)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"expected arithmetic such as floor($WIDTH/2.0), found {text!r}") from error

    def size(values: Mapping[str, float]) -> int:
        try:
            value = _value(tree, values)
            px = int(value) if math.isfinite(value) else 1
        except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
            raise ExpressionError(f"{text!r} has no value here: {error}") from error
        return min(max(px, 1), LARGEST_PX)

    return size


def _check(node: ast.AST, text: str) -> None:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return
    if isinstance(node, ast.Name):
        return
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        _check(node.left, text)
        _check(node.right, text)
        return
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        _check(node.operand, text)
        return
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in FUNCTIONS
        and not node.keywords
    ):
        for argument in node.args:
            _check(argument, text)
        return
    raise ExpressionError(f"expected numbers, $NAMES, + - * / % ^ and {', '.join(FUNCTIONS)}; found {text!r}")


def _value(node: ast.AST, values: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        if node.id not in values:
            raise ExpressionError(f"${node.id} is no input of this effect; there are: {', '.join(values)}")
        return float(values[node.id])
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, values), _value(node.right, values)
        return BINARY[type(node.op)](left, right)  # floats overflow with an error; integers would grow for ever
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, values)
        return -value if isinstance(node.op, ast.USub) else value
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return float(FUNCTIONS[node.func.id](*(_value(argument, values) for argument in node.args)))
