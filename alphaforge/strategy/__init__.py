"""Strategies: written once as a Python class, run as it is or compiled."""
