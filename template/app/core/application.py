"""How the service is put together, in order."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI

from app.core.database import pool
from app.core.lifespan import open_state
from app.core.middleware.request_id import RequestIdMiddleware
from app.core.middleware.unhandled import UnhandledErrorMiddleware
from app.core.observability import health
from app.core.observability.logging import configure_logging
from app.core.problem import ANY_PROBLEM, add_problem_handlers
from app.core.settings import CoreSettings


def create_app(settings: CoreSettings, routers: Iterable[APIRouter]) -> FastAPI:
    """Build the application; the resources are opened when a server starts it."""
    configure_logging(settings)
    app = FastAPI(
        title=settings.service_name,
        version=settings.service_version,
        lifespan=lambda _: open_state(settings),
        responses=ANY_PROBLEM,
    )
    add_problem_handlers(app)

    # Matching is linear: what is asked most often comes first.
    app.include_router(health.router)
    app.include_router(pool.router)
    for router in routers:
        app.include_router(router)

    # Each wraps those above it: the last one added sees a request first.
    app.add_middleware(UnhandledErrorMiddleware)
    app.add_middleware(RequestIdMiddleware)
    return app
