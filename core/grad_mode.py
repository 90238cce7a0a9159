"""The grad modes: whether calls of ops are recorded, per thread.

plugrad has no switch of its own: it reads torch's. So ``with torch.no_grad():`` inside
a model that nobody here wrote means to Variables what it means to tensors.
"""

from torch import enable_grad, is_grad_enabled, no_grad, set_grad_enabled

__all__ = ["enable_grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]
