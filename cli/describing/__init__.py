"""What the commands that describe ops and packs share."""
