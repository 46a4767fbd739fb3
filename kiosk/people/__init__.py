"""Who may see and do what: roles, what others may see, owner keys, the operator's PIN, paired screens, events."""
