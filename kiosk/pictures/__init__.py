"""Files of pictures: what is in them, and the part that a decoder may see."""
