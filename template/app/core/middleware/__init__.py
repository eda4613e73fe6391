"""Pure ASGI, a file each. `BaseHTTPMiddleware` would cost two thirds of the throughput."""
