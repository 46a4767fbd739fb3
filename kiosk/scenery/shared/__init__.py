"""What both scenes are made with: light, noise, shapes, sky."""
