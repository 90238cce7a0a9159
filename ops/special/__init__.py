"""Special functions: gamma and error functions, Bessel functions, entropies and their kin."""
