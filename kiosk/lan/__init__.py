"""The local network: addresses, mDNS, TLS, QR codes, Wi-Fi."""
