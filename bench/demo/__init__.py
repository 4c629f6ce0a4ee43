"""The embedded demo: a small talking-face corpus that talkbench makes itself, and simulated failures of it."""
