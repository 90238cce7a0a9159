"""What follows a layer: relu and its kin, gates, softmax."""
