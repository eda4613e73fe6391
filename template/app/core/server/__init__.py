"""The production server: uvicorn, with the switches that matter, and an end that loses nothing."""
