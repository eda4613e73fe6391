"""Posts and their authors: an example that shows every idea. Delete it when you know them.

Read on in the order of a request: `endpoints` (HTTP in, HTTP out), `schemas` (what goes
over the wire), `service` (the rules, and what happens after the commit), `repository`
(the queries), `models` (the tables), `errors`, `tasks` (what no request waits for).
"""

from app.features.posts.endpoints import router

__all__ = ["router"]
