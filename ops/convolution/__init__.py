"""Convolutions and what undoes them."""
