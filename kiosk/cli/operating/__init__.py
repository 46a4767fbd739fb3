"""Commands for whoever runs a kiosk at an event."""
