"""The salon: a furnished room."""
