"""The doctor: looks at everything a kiosk needs and says what to do about what is missing."""
