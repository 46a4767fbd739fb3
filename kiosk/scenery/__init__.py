"""The virtual 360 camera's scenes, ray-cast with NumPy. They replace a camera in demos and tests."""
