"""The runbook's verbs: plain functions on a World. Each looks first, then does what is missing."""
