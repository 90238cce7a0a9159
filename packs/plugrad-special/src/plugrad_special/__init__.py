"""plugrad-special: gradients of special functions that torch does not differentiate."""
