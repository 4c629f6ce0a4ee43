"""MSEF + AATU, the reference model."""
