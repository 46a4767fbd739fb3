"""The JSON API: photos, their pictures, their events."""
