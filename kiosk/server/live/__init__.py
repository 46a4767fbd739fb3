"""Live updates: event streams, rooms of viewers, the big screen."""
