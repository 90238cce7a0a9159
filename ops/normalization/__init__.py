"""Layers that make mean and variance the same."""
