"""Fake quantization: numbers rounded to those that few bits can hold, to train for it."""
