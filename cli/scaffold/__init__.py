"""What ``plugrad new-pack`` and ``plugrad new-op`` share: names, templates, safe writing."""
