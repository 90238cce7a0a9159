"""Sparse tensors: to them and from them, and products with them."""
