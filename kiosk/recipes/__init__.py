"""What to make of a photo: networks, styles, classes, and the frozen recipe."""
