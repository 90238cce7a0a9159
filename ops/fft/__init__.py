"""Fourier transforms: torch's three primitives, of which all of torch.fft is made."""
