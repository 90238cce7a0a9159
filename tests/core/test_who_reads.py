"""The error of torch's functions that read a Variable without asking says what to call instead."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import errors

PLACES, ROWS, COLUMNS = torch.tensor([[0, 1]]), torch.tensor([0, 1, 2]), torch.tensor([0, 1])
CSR = {"layout": torch.sparse_csr}


def variable(*shape):
    return pg.Variable(torch.tensor([1.0, 2.0]).reshape(shape or 2), requires_grad=True)


MADE = {
    "sparse_coo_tensor": lambda m, x: m.sparse_coo_tensor(PLACES, x * 2, (3,)),
    "sparse_csr_tensor": lambda m, x: m.sparse_csr_tensor(ROWS, COLUMNS, x * 2, size=(2, 3)),
    "sparse_csc_tensor": lambda m, x: m.sparse_csc_tensor(ROWS, COLUMNS, x * 2, (3, 2)),
    "sparse_bsr_tensor": lambda m, x: m.sparse_bsr_tensor(
        ROWS, COLUMNS, (x * 2).reshape(2, 1, 1), (2, 3)
    ),
    "sparse_bsc_tensor": lambda m, x: m.sparse_bsc_tensor(
        *(ROWS, COLUMNS), (x * 2).reshape(2, 1, 1), (3, 2)
    ),
    "sparse_compressed_tensor": lambda m, x: m.sparse_compressed_tensor(
        ROWS, COLUMNS, x * 2, (2, 3), **CSR
    ),
}


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("name", MADE)
def test_a_sparse_tensor_is_made_by_the_op_instead(name):
    x = variable()
    with pytest.raises(errors.ConversionError, match="Can't export tensors") as raised:
        MADE[name](torch, x)
    known = name not in ("sparse_bsc_tensor", "sparse_compressed_tensor")  # called with * or **
    assert (f"torch's {name}," in raised.value.what) == known
    assert (f"call plugrad.ops.{name} with" in raised.value.fix) == known
    (gx,) = pg.grad(MADE[name](pg.ops, x).to_dense(masked_grad=False).sum(), x)
    assert gx.data.tolist() == [2.0, 2.0]


def test_a_name_that_was_given_otherwise_is_found_too():
    from torch import sparse_coo_tensor

    with pytest.raises(errors.ConversionError, match="torch's sparse_coo_tensor,"):
        sparse_coo_tensor(torch.tensor([[0, 1]]), variable(), size=(3,))
    other = torch.as_tensor
    with pytest.raises(errors.ConversionError, match="other readers of DLPack"):
        other(variable())


@pytest.mark.parametrize("name", ["as_tensor", "asarray"])
def test_a_variable_is_used_itself_instead_of_as_a_tensor(name):
    x = variable()
    function = {"as_tensor": lambda x: torch.as_tensor(x), "asarray": lambda x: torch.asarray(x)}
    with pytest.raises(errors.ConversionError, match=f"torch's {name},") as raised:
        function[name](x)
    assert f"x.to(dtype); or, where no gradient is wanted, torch.{name}(x.det" in raised.value.fix
    assert x.to(torch.float64).requires_grad
    assert function[name](x.detach()).tolist() == [1.0, 2.0]


def test_only_the_call_that_reads_is_named():
    """Not one in its arguments, nor one around it."""
    x = variable()
    with pytest.raises(errors.ConversionError, match="torch's sparse_coo_tensor,"):
        torch.as_tensor(torch.sparse_coo_tensor(torch.as_tensor([[0, 1]]), x, (3,)))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_variables_are_padded_instead_of_nested():
    x, y = variable(), variable(1, 2)[0, :1]
    with pytest.raises(errors.ConversionError, match="torch's nested_tensor,") as raised:
        torch.nested.nested_tensor([x, y])
    assert "torch.nn.utils.rnn.pad_sequence([x, y], batch_first=True)" in raised.value.fix
    padded = torch.nn.utils.rnn.pad_sequence([x, y], batch_first=True)
    assert padded.data.tolist() == [[1.0, 2.0], [1.0, 0.0]]
    assert pg.grad(padded.sum(), x)[0].data.tolist() == [1.0, 1.0]
    assert torch.nested.nested_tensor([x.data, y.data]).is_nested


# Up to 2.8 torch took a Variable of fewer than 32 elements for a tuple of numbers; later ones warn.
INDICES = {
    "one element": torch.tensor([1]),
    "as many as dimensions": torch.tensor([1, 0]),
    "more than dimensions": torch.tensor([1, 0, 2, 1]),
    "two dimensions": torch.tensor([[0, 1], [2, 0]]),
    "no elements": torch.tensor([], dtype=torch.int64),
    "booleans": torch.tensor([True, False, True]),
    "a number": torch.tensor(1),
    "many": torch.arange(40) % 3,
}


@pytest.mark.parametrize("name", INDICES)
def test_a_variable_is_one_index_of_a_plain_tensor(name):
    x, index = torch.arange(6.0).reshape(3, 2), INDICES[name]
    found = x[pg.Variable(index)]
    assert isinstance(found, pg.Variable)
    assert torch.equal(found.data, x[index])
    assert torch.equal(x[pg.Variable(index), 0].data, x[index, 0])


def test_the_length_of_an_index_is_told_to_all_others():
    index = pg.Variable(torch.tensor([1, 0]))
    lengths = {2: "two"}
    assert len(index) == index.__len__() == 2
    assert (lengths[len(index)], [len(index), 5][len(index) - 2]) == ("two", 2)
    assert [int(i) for i in index] == list(map(int, index)) == [1, 0]
