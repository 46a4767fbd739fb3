"""What kinds of pictures there are, and where each lies on the sphere."""
