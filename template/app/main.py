"""The application, as an ASGI server loads it: `app.main:app`."""

from app.api import routers
from app.core.application import create_app
from app.settings import Settings

app = create_app(Settings(), routers)
