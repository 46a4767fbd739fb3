"""What styles, words and channels look like, drawn on a photo by commands."""
