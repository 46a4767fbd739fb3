"""Networks from archives that are fetched once, or handed over: read without trusting or running anything in them."""
