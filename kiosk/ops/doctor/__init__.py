"""`dreamkiosk doctor`: checks everything a kiosk needs and says how to fix what is wrong."""
