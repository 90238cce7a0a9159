"""What an einsum call says: the labels of each operand's dimensions, and the result's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

import torch
from torch import Tensor

_NUMBERED = ascii_uppercase + ascii_lowercase  # torch's letters for integer labels


def operands_of(args: Sequence[Any]) -> tuple[Any, ...]:
    """The operands, however they were given."""
    if not isinstance(args[0], str):
        return tuple(args[:-1:2] if len(args) % 2 else args[::2])
    return tuple(args[1]) if takes_list(args) else tuple(args[1:])


def takes_list(args: Sequence[Any]) -> bool:
    """Whether the operands were given in a list."""
    return isinstance(args[0], str) and len(args) == 2 and isinstance(args[1], list | tuple)


def labels_of(args: Sequence[Any], ranks: Sequence[int]) -> tuple[list[str], str]:
    """The labels of every operand and of the result, one letter for each dimension.

    Dimensions that an ellipsis stands for get letters of their own.
    """
    left, arrow, right = _equation(args).replace(" ", "").partition("->")
    terms = left.split(",")
    hidden = [rank - len(t.replace("...", "")) for t, rank in zip(terms, ranks, strict=True)]
    ellipsis = "".join([c for c in ascii_letters if c not in left][: max(hidden)])
    output = right if arrow else "..." + _appearing_once(left)
    labels = [  # they broadcast, so the last ones are those they share
        t.replace("...", ellipsis[len(ellipsis) - n :]) for t, n in zip(terms, hidden, strict=True)
    ]
    return labels, output.replace("...", ellipsis)


def contract(terms: Sequence[tuple[str, Tensor]], output: str) -> Tensor:
    """The sum of products of labelled tensors, two at a time, the smallest result first."""
    rest = list(terms)
    while len(rest) > 2:
        pairs = [(i, j, _joined(rest, i, j, output)) for j in range(len(rest)) for i in range(j)]
        i, j, labels = min(pairs, key=lambda pair: _size(pair[2], rest))
        second, first = rest.pop(j), rest.pop(i)
        equation = f"{first[0]},{second[0]}->{labels}"
        rest.insert(0, (labels, torch.einsum(equation, first[1], second[1])))
    equation = ",".join(labels for labels, _ in rest)
    return torch.einsum(f"{equation}->{output}", *[tensor for _, tensor in rest])


def fresh_label(used: str) -> str:
    """A letter that is not in ``used``."""
    return next(letter for letter in ascii_letters if letter not in used)


def _equation(args: Sequence[Any]) -> str:
    if isinstance(args[0], str):
        return args[0]
    equation = ",".join(map(_spelled, args[1::2]))
    return f"{equation}->{_spelled(args[-1])}" if len(args) % 2 else equation


def _spelled(labels: Sequence[Any]) -> str:
    return "".join("..." if n is Ellipsis else _NUMBERED[n] for n in labels)


def _appearing_once(terms: str) -> str:
    counts = Counter(c for c in terms if c.isalpha())
    return "".join(sorted(c for c, count in counts.items() if count == 1))


def _joined(terms: Sequence[tuple[str, Tensor]], i: int, j: int, output: str) -> str:
    """The labels that the product of terms i and j must keep."""
    others = "".join(labels for k, (labels, _) in enumerate(terms) if k not in (i, j))
    return "".join(c for c in dict.fromkeys(terms[i][0] + terms[j][0]) if c in others + output)


def _size(labels: str, terms: Sequence[tuple[str, Tensor]]) -> int:
    sizes: dict[str, int] = {}
    for term, tensor in terms:
        for label, size in zip(term, tensor.shape, strict=True):
            sizes[label] = max(size, sizes.get(label, 0))
    total = 1
    for label in labels:
        total *= sizes[label]
    return total
