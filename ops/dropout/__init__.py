"""Random elements left out, in training."""
