"""Run tasks as in production: `python -m app.worker`."""

import app.api  # noqa: F401 - with the routers come the tasks
from app.core.lifespan import check_resources
from app.core.server.entry import serve
from app.core.worker import create_worker, worker_settings
from app.settings import Settings


def load_settings() -> Settings:
    """Take the settings of the service, for a server of its own."""
    settings = Settings()
    return settings.model_copy(update=worker_settings(settings))


worker = create_worker(load_settings())

if __name__ == "__main__":
    serve("app.worker:worker", load_settings, check_resources)
