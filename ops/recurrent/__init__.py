"""Sequences, step by step: layers whose state after a step goes into the next one."""
