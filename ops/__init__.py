"""The built-in ops: a folder a category, a module an op, a class a module."""
