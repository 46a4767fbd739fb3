"""The virtual 360 camera: a procedural scene, ray-cast with numpy, that stands in for hardware and opens the show."""
