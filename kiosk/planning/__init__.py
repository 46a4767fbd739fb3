"""How a photo is made on this machine: graphs, precision, speed, plan."""
