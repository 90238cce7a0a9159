"""New tensors, and new values in every element."""
