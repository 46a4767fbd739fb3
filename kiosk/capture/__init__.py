"""The sources of photos: cameras, a watched folder, the virtual 360 camera."""
