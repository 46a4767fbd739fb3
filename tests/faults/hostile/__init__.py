"""A hostile guest, another guest beside it, and the network between them and the kiosk."""
