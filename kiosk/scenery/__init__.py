"""The virtual 360 camera's scenes, ray-cast with numpy: they stand in for hardware and open the show."""
