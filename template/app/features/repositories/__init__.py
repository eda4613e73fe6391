"""Repositories on GitHub: an example that shows every idea. Delete it when you know them.

Read on in the order of a request: `endpoints` (HTTP in, HTTP out), `service` (what is asked
side by side, and what is made of it), `upstream` (what GitHub is asked, and has to
answer), `live` (what was found is told to all who listen), `schemas` (what goes over the wire),
`errors`, `tasks` (what no request waits for).
"""

from app.features.repositories import endpoints, live

routers = (endpoints.router, live.router)
