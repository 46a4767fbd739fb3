"""What stays undreamed: faces, people, and what a mask shows."""
