"""torch.autograd.functional's functions, and torch.autograd.grad, on Variables."""

from plugrad.functional.grad import grad
from plugrad.functional.matrices import hessian, jacobian
from plugrad.functional.products import hvp, jvp, vhp, vjp

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
