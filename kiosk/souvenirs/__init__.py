"""What is made of a finished dream."""
