"""One output element from one element of each operand."""
