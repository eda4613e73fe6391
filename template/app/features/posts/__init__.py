"""Posts and their authors: an example that shows every idea. Delete it when you know them.

Read on in the order of a request: `endpoints` (HTTP in, HTTP out), `export` (files that are
streamed), `imports` (files that a task stores), `previews` (others are asked, side by side),
`live` (what is new is told to all who listen, about `topics`), `schemas` (what goes over the
wire), `reader` (the reads), `service` (the writes, their rules, and what happens after the
commit), `importer` (the same for files), `repository` and `queries` (what the database is asked),
`models` (the tables), `errors`, `tasks` (what no request waits for).
"""

from app.features.posts import endpoints, export, imports, live, previews

routers = (endpoints.router, export.router, imports.router, previews.router, live.router)
