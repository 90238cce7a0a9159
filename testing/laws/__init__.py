"""The laws, one function each; ``LAWS`` has them all."""

from plugrad.testing.law import LAWS
from plugrad.testing.laws import (  # noqa: F401 (importing them enters the laws)
    beyond,
    captured,
    complex_numbers,
    cotangents,
    edges,
    extremes,
    forward,
    gradients,
    graphs,
    in_torch,
    indices,
    inplace,
    inputs,
    lifetime,
    low_precision,
    modes,
    numeric,
    numerics,
    options,
    oracle,
    output_dtypes,
    primitives,
    reach,
    registration,
    routes,
    side_effects,
    special_points,
    stub_files,
    ties,
    torch_functions,
    undeclared,
    unit_strides,
)

__all__ = ["LAWS"]
