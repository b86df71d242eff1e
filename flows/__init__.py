"""What a person starts: one flow a file. Order of steps, waiting, nothing else."""
