"""Formulas of one unknown, x, as a Kuksa overlay writes them; never given to Python to run.

The language of py-expression-eval 0.3, which Kuksa's CAN provider uses, with its own order of operations:
/ and % before *, ^ and ** (power) from left to right, then + -, comparisons and ||, not, and, or xor. Numbers
are float64. Left out: random, D (dice), lists. Unlike there a sign may follow an operator ("2*-x").
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable

Value = float | bool | str

MAX_LENGTH = 1000
MAX_DEPTH = 40


class ExpressionError(ValueError):
    """A formula that cannot be used; column: the character, from 1."""

    def __init__(self, why: str, column: int) -> None:
        super().__init__(f"{why} at character {column}")
        self.column = column


class NoValueError(ArithmeticError):
    """The formula has no value for this x (a division by zero, a root of less than 0, text for a number)."""


_Node = Callable[[Value], Value]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0x[0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<text>'[^'\\]*'|\"[^\"\\]*\")"
    r"|(?P<sign>\*\*|\|\||==|!=|<=|>=|[-+*/%^()<>,∙•])|(?P<end>$))"
)
_BINDS = {
    "or": 0, "xor": 0, "and": 1, "||": 3, "==": 3, "!=": 3, "<=": 3, ">=": 3, "<": 3, ">": 3, "+": 4, "-": 4,
    "*": 5, "∙": 5, "•": 5, "/": 6, "%": 6, "^": 8, "**": 8,
}  # fmt: skip
_NOT_BINDS, _SIGN_BINDS = 2, 5


def _number(value: Value) -> float:
    if isinstance(value, str):
        raise NoValueError(f"{value!r} is no number")
    return float(value)  # not as a bool: those become whole numbers, whose powers have no bounds


def _power(a: float, b: float) -> float:
    result = a**b
    if isinstance(result, complex):
        raise NoValueError("a root of a negative number")
    return result


def _exclusive(a: Value, b: Value) -> Value:
    if isinstance(a, bool) and isinstance(b, bool):
        return a ^ b
    left, right = _number(a), _number(b)
    if left != int(left) or right != int(right):
        raise NoValueError("xor of fractions")
    return float(int(left) ^ int(right))


def _joined(*values: Value) -> str:
    return "".join(text(value) for value in values)


def text(value: Value) -> str:
    """As it is written in a text: 5 for 5.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    return str(value)


def _rounded(of: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: float(of(value))


def _arithmetic(of: Callable[..., float]) -> Callable[..., Value]:
    return lambda *values: of(*(_number(value) for value in values))


def _factorial(value: float) -> float:
    if value != int(value) or value > 170:
        raise NoValueError("a factorial of a fraction or a large number")
    return float(math.factorial(int(value)))


_OPERATORS: dict[str, Callable[..., Value]] = {
    "+": _arithmetic(operator.add), "-": _arithmetic(operator.sub), "*": _arithmetic(operator.mul),
    "∙": _arithmetic(operator.mul), "•": _arithmetic(operator.mul), "/": _arithmetic(operator.truediv),
    "%": _arithmetic(operator.mod), "^": _arithmetic(_power), "**": _arithmetic(_power), "||": _joined,
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge, "and": lambda a, b: a and b, "or": lambda a, b: a or b, "xor": _exclusive,
}  # fmt: skip

_OF_ONE: dict[str, Callable[[float], float]] = {
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos,
    "atan": math.atan, "sind": lambda a: math.sin(math.radians(a)),
    "cosd": lambda a: math.cos(math.radians(a)), "tand": lambda a: math.tan(math.radians(a)),
    "asind": lambda a: math.degrees(math.asin(a)), "acosd": lambda a: math.degrees(math.acos(a)),
    "atand": lambda a: math.degrees(math.atan(a)), "sqrt": math.sqrt, "abs": abs, "exp": math.exp,
    "ceil": _rounded(math.ceil), "floor": _rounded(math.floor), "round": _rounded(round), "fac": _factorial,
}  # fmt: skip

_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Value]]] = {
    name: (1, 1, _arithmetic(of)) for name, of in _OF_ONE.items()
} | {
    "log": (1, 2, _arithmetic(math.log)), "min": (2, 99, _arithmetic(min)), "max": (2, 99, _arithmetic(max)),
    "pow": (2, 2, _arithmetic(math.pow)), "atan2": (2, 2, _arithmetic(math.atan2)),
    "pyt": (2, 2, _arithmetic(lambda a, b: math.sqrt(a * a + b * b))), "concat": (2, 99, _joined),
    "if": (3, 3, lambda a, b, c: b if a else c),
}  # fmt: skip
"""Fewest and most arguments, and what it does."""

_CONSTANTS: dict[str, Value] = {"E": math.e, "PI": math.pi}


class Expression:
    """A formula. Raises ExpressionError."""

    def __init__(self, formula: str) -> None:
        if len(formula) > MAX_LENGTH:
            raise ExpressionError(f"a formula of more than {MAX_LENGTH} characters", MAX_LENGTH)
        self.formula = formula
        self._tokens = _tokens(formula)
        self._at = 0
        self._depth = 0
        self._node = self._parse(0)
        kind, word, column = self._tokens[self._at]
        if kind != "end":
            raise ExpressionError(f"{word!r} does not belong there", column)

    def __call__(self, x: Value) -> Value:
        """The value for this x. Raises NoValueError."""
        try:
            value = self._node(x)
        except NoValueError:
            raise
        except (ArithmeticError, ValueError, TypeError) as error:
            raise NoValueError(str(error)) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise NoValueError("no finite number")
        return value

    def _next(self) -> tuple[str, str, int]:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _parse(self, least: int) -> _Node:
        """What operators that bind at least so much hold together."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError("a formula too deep", self._tokens[self._at][2])
        left = self._operand()
        while True:
            word = self._tokens[self._at][1]
            binds = _BINDS.get(word, -1)
            if self._tokens[self._at][0] == "text" or binds < least:
                self._depth -= 1
                return left
            self._next()
            left = _both(_OPERATORS[word], left, self._parse(binds + 1))

    def _operand(self) -> _Node:
        kind, word, column = self._next()
        if kind == "number":
            try:
                return _always(float(int(word, 16) if word[:2] == "0x" else word))
            except OverflowError:
                raise ExpressionError("a number beyond float64", column) from None
        if kind == "text":
            return _always(word[1:-1])
        if word == "(":
            inner = self._parse(0)
            self._expect(")")
            return inner
        if word in ("-", "+"):
            inner = self._parse(_SIGN_BINDS + 1)
            return _one(_arithmetic(operator.neg), inner) if word == "-" else inner
        if word == "not":
            return _one(operator.not_, self._parse(_NOT_BINDS))
        if word == "x":
            return lambda x: x
        if word in _CONSTANTS:
            return _always(_CONSTANTS[word])
        if kind == "name":
            return self._call(word, column)
        raise ExpressionError(f"{word!r} where a value belongs" if word else "it ends too early", column)

    def _call(self, name: str, column: int) -> _Node:
        if name not in _FUNCTIONS:
            raise ExpressionError(f"{name!r} is not known; the signal's value is x", column)
        fewest, most, function = _FUNCTIONS[name]
        self._expect("(")
        arguments = [self._parse(0)]
        while self._tokens[self._at][1] == ",":
            self._next()
            arguments.append(self._parse(0))
        self._expect(")")
        if not fewest <= len(arguments) <= most:
            raise ExpressionError(f"{name} of {len(arguments)} values", column)
        return lambda x: function(*[argument(x) for argument in arguments])

    def _expect(self, sign: str) -> None:
        _, word, column = self._next()
        if word != sign:
            raise ExpressionError(f"{sign!r} is missing", column)


def _always(value: Value) -> _Node:
    return lambda x: value


def _one(function: Callable[..., Value], inner: _Node) -> _Node:
    return lambda x: function(inner(x))


def _both(function: Callable[..., Value], left: _Node, right: _Node) -> _Node:
    return lambda x: function(left(x), right(x))


def _tokens(formula: str) -> list[tuple[str, str, int]]:
    """Kind, text and column, from 1, of each; the last is the end."""
    found: list[tuple[str, str, int]] = []
    at = 0
    while True:
        match = _TOKEN.match(formula, at)
        if not match:
            at = len(formula) - len(formula[at:].lstrip())
            raise ExpressionError(f"{formula[at]!r} means nothing", at + 1)
        kind = match.lastgroup or ""
        found.append((kind, match[kind], match.start(kind) + 1))
        if kind == "end":
            return found
        at = match.end()
