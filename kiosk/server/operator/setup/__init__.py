"""The operator's pages for before and after an event: event, settings, storage, rehearsal, log, doctor."""
