"""Repositories on GitHub: an example that shows every idea. Delete it when you know them.

Read on in the order of a request: `endpoints` (HTTP in, HTTP out), `service` (what is asked
side by side, and what is made of it), `upstream` (what GitHub is asked, and has to answer),
`schemas` (what goes over the wire), `errors`.
"""

from app.features.repositories import endpoints

routers = (endpoints.router,)
