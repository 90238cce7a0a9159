"""What ``plugrad stubs`` writes: the methods of all ops as type checkers read them."""
