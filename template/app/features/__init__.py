"""Your features, a folder each. They import `app.core`, and nothing of one another."""
