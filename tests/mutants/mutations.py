"""Find the places of a module where a small change makes it wrong, and make that change."""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult,
}  # fmt: skip
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a module: where it is, what it says, and the whole changed source."""

    line: int
    change: str
    source: str


Change = Callable[[ast.AST], None]


def mutants(source: str) -> list[Mutant]:
    """Return every mutant of a module's source, in the order of its lines."""
    tree = ast.parse(source)
    skipped = {*_in_decorators(tree), *_in_checks(tree)}
    found = []
    for number, node in enumerate(ast.walk(tree)):
        for change in () if node in skipped else _changes(node):
            mutated = copy.deepcopy(tree)
            twin = next(each for i, each in enumerate(ast.walk(mutated)) if i == number)
            before = ast.unparse(node).splitlines()[0]
            change(twin)
            after = ast.unparse(twin).splitlines()[0]
            text = f"{before}  ->  {after}"
            found.append(Mutant(node.lineno, text, ast.unparse(ast.fix_missing_locations(mutated))))  # type: ignore[attr-defined]
    return sorted(found, key=lambda mutant: mutant.line)


def _changes(node: ast.AST) -> Iterator[Change]:
    """Yield the changes of a node; types, texts and docstrings have none."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        yield _swap_comparison
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS and not _is_type(node):
        yield _swap_operator
    elif isinstance(node, ast.BoolOp):
        yield _swap_and_or
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NAMES:
        yield _swap_name
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield _negate
    elif isinstance(node, ast.Constant) and type(node.value) in {int, float, bool}:
        yield _move_constant
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield _skip_call


def _in_decorators(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what decorates a class: frozen and slotted data are a matter of style."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for decorator in node.decorator_list:
                yield from ast.walk(decorator)


def _in_checks(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the arguments that only check again what is so: zip's `strict`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "strict":
            yield node.value


def _is_type(node: ast.BinOp) -> bool:
    return isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)


def _swap_comparison(node: ast.AST) -> None:
    assert isinstance(node, ast.Compare)
    node.ops[0] = _COMPARISONS[type(node.ops[0])]()


def _swap_operator(node: ast.AST) -> None:
    assert isinstance(node, ast.BinOp)
    node.op = _OPERATORS[type(node.op)]()


def _swap_and_or(node: ast.AST) -> None:
    assert isinstance(node, ast.BoolOp)
    node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()


def _swap_name(node: ast.AST) -> None:
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    node.func.id = _NAMES[node.func.id]


def _negate(node: ast.AST) -> None:
    assert isinstance(node, ast.If | ast.IfExp | ast.While)
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _move_constant(node: ast.AST) -> None:
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, int | float)
    node.value = (not node.value) if isinstance(node.value, bool) else node.value + 1


def _skip_call(node: ast.AST) -> None:
    assert isinstance(node, ast.Expr)
    node.value = ast.Constant(None)
