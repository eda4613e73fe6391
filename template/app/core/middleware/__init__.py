"""Pure ASGI, a file each. Starlette's base class would cost two thirds of the throughput."""
