"""What ``plugrad new-pack`` and ``plugrad new-op`` write: jinja2 templates."""
