"""What an op must obey."""
