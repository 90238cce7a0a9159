"""How far an answer is from its target."""
