"""Look at photos and dreams before others see them, and hold rude ones back."""
