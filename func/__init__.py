"""torch.func's transforms, on functions of Variables and tensors."""

from torch.func import stack_module_state

from plugrad.func.jacobians import hessian, jacfwd, jacrev
from plugrad.func.transforms import grad, grad_and_value, jvp, linearize, vjp
from plugrad.functional.mapping import vmap
from plugrad.interop.modules import functional_call

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "vjp",
    "vmap",
]
