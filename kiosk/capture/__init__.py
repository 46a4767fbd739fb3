"""Where photos come from: cameras, a watched folder, the virtual 360 camera."""
