"""geqrf in plain steps, which torch differentiates: for comparison."""

from __future__ import annotations

import torch
from torch import Tensor


def factored(x: Tensor) -> tuple[Tensor, Tensor]:
    """R and the reflections, as LAPACK's geqr2 and larfg make them; of a batch each matrix."""
    torch.geqrf(x.detach())  # for what it refuses
    count = min(x.shape[-2:])
    if not count or not x.numel():
        return x + 0, x[..., :count].sum(-2)
    if x.dim() > 2:
        parts = [factored(part) for part in x.unbind(0)]
        return torch.stack([y for y, _ in parts]), torch.stack([tau for _, tau in parts])
    taus, rows, columns = [], [], []
    for _ in range(count):
        tau, tail, x = _step(x)
        taus.append(tau)
        columns.append(tail)
        rows.append(x[:1])
        x = x[1:, 1:]
    y = torch.cat([x.new_zeros(0), *[_row(i, rows, columns) for i in range(count)]])
    y = y.reshape(count, -1)
    if columns[0].shape[0] >= count:
        below = [columns[j][count - 1 - j :] for j in range(count)]
        y = torch.cat((y, torch.stack(below, -1)))
    return y, torch.stack(taus)


def _row(i: int, rows: list[Tensor], columns: list[Tensor]) -> Tensor:
    return torch.cat([*[columns[j][i - j - 1 : i - j] for j in range(i)], rows[i].flatten()])


def _step(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The factor and the vector of a reflection, and x after it with the vector left out."""
    c = x[:, 0]
    head, tail = c[0], c[1:]
    if not bool(tail.any()) and not (head.is_complex() and bool(head.imag)):
        return 0 * head, tail, x
    size = -torch.sgn(head.real) * torch.linalg.vector_norm(c)
    if not bool(head.real):
        size = -torch.linalg.vector_norm(c)
    v = torch.cat((torch.ones_like(c[:1]), tail / (head - size)))
    tau = (size - head) / size
    after = x[:, 1:] - tau.conj() * torch.outer(v, v.conj() @ x[:, 1:])
    first = torch.cat((size.to(x.dtype).reshape(1), torch.zeros_like(tail)))
    return tau, v[1:], torch.cat((first.unsqueeze(-1), after), -1)
