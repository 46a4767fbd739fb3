"""What happens to one photo: plan, stages, checkpoints, worker."""
