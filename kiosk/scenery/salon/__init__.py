"""The salon scene: a furnished room."""
