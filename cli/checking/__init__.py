"""What ``plugrad check`` chooses, shows and writes."""
