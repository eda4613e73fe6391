"""What the service offers: a line per feature."""

from app.features import posts

# A tuple, not a router of routers: each level of nesting is matched again on every request.
routers = (posts.router,)
