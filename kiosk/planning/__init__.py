"""How this machine makes a photo: graphs, precision, speed, and the plan."""
