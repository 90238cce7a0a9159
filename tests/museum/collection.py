"""All exhibits, room by room."""

from __future__ import annotations

from plugrad.tests.museum import (
    axes,
    broadcasting,
    complexes,
    composability,
    cotangents,
    dtypes,
    edges,
    flags,
    formulas,
    indices,
    lifetime,
    masks,
    nans,
    normalisation,
    outputs,
    overwrites,
    randomness,
    second_order,
    state,
    strides,
)

#: In the order of the index.
ROOMS = tuple(
    module.ROOM
    for module in (
        strides,
        overwrites,
        second_order,
        state,
        cotangents,
        edges,
        nans,
        normalisation,
        dtypes,
        broadcasting,
        axes,
        masks,
        indices,
        flags,
        outputs,
        randomness,
        complexes,
        lifetime,
        composability,
        formulas,
    )
)

EXHIBITS = tuple(exhibit for room in ROOMS for exhibit in room.exhibits)
