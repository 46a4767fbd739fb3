"""What is made from a finished dream: views, animations, comparisons and contact sheets."""
