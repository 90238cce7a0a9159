"""What ``plugrad demo`` trains: a classifier of the UCI handwritten digits."""
