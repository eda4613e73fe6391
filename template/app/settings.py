"""Your settings, beside those of the platform.

A field is read from the environment variable of its name, in capitals, or from `.env`.
"""

from app.core.settings import CoreSettings


class Settings(CoreSettings):
    """Everything that the service reads from its environment."""
