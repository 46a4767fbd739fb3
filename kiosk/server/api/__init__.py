"""The JSON interface: photos, their pictures, their events."""
