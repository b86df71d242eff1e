"""The flows: one for each thing a person starts. Order of steps and waiting, nothing else."""
