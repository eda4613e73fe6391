"""Routes that are found fast."""

from inspect import signature

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

OPTIONS = (
    signature(APIRouter.add_api_route).parameters.keys() & signature(APIRoute).parameters.keys()
)


def add_routes(app: FastAPI, router: APIRouter) -> None:
    """Add the routes of a router to the application itself.

    `include_router` keeps the router as a level of its own, and looks for the route twice: some
    60 µs for each request, a seventh of a small one. A router with more in it than routes for
    HTTP (sockets, other routers, a lifespan) needs that level.
    """
    if not holds_routes_alone(router):
        app.include_router(router)
        return
    for route in router.routes:
        if isinstance(route, APIRoute):
            options = {name: getattr(route, name) for name in OPTIONS}
            app.router.add_api_route(route_class_override=type(route), **options)


def holds_routes_alone(router: APIRouter) -> bool:
    """Tell a router that is nothing but a list of routes for HTTP."""
    has_lifespan = type(router.lifespan_context) is not type(APIRouter().lifespan_context)
    return not has_lifespan and all(isinstance(route, APIRoute) for route in router.routes)
