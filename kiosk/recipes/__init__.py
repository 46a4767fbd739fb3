"""What a photo is made with: networks, styles, classes, and the frozen recipe."""
