"""The ops, each in a module of its own name."""
