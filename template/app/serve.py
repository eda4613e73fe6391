"""Run the service as in production: `python -m app.serve`."""

from app.core.lifespan import check_resources
from app.core.server.entry import serve
from app.settings import Settings

if __name__ == "__main__":
    serve("app.main:app", Settings, check_resources)
