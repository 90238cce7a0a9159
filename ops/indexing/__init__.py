"""Elements picked by position."""
