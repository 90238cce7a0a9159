"""Answers without a gradient."""
