"""Weighted sums of values, by how queries and keys agree."""
