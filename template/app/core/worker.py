"""How a worker is put together: what the service opens, and tasks instead of requests."""

from fastapi import FastAPI

from app.core.lifespan import open_worker
from app.core.observability import health, management, status_page
from app.core.observability.logging import configure_logging
from app.core.problem import ANY_PROBLEM, add_problem_handlers
from app.core.routing import add_routes
from app.core.settings import CoreSettings
from app.core.tasks import status as task_status


def create_worker(settings: CoreSettings) -> FastAPI:
    """Build it. It serves probes, for those who watch over it; tasks run as long as it does."""
    configure_logging(settings)
    worker = FastAPI(
        title=f"{settings.service_name} worker",
        version=settings.service_version,
        lifespan=lambda _: open_worker(settings),
        responses=ANY_PROBLEM,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    add_problem_handlers(worker)
    add_routes(worker, health.router)
    add_routes(worker, task_status.router)
    add_routes(worker, management.router)
    add_routes(worker, status_page.router)
    return worker


def worker_settings(settings: CoreSettings) -> dict[str, object]:
    """Say in what a worker's server differs: nobody is sent elsewhere when it ends."""
    return {
        "port": settings.worker_port,
        # Nobody but management asks it anything.
        "management_port": settings.worker_port if settings.management_port else 0,
        "workers": settings.worker_processes,
        "drain_seconds": 0,
    }
