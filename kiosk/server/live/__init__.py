"""What changes while somebody watches: listeners, gazes, the big screen."""
