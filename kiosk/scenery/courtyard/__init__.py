"""The courtyard scene: an outdoor plaza with a ring of arches."""
