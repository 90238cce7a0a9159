"""Products, norms, factorizations and solutions of matrices."""
