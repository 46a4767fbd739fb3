"""The first look at an upload: what it is, and how it will lie around its guest."""
