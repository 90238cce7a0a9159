"""Order: what is largest, smallest, most common, and where."""
