"""Starts FastAPI services from a Copier template, and keeps them up to date."""
