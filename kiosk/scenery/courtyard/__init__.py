"""The courtyard: an arcaded square in the open air."""
