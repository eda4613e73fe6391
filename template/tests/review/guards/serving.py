"""What shows only where the service is asked as a whole: `tests/review/probes` does."""

from tests.review.finding import Guard

UNCOMPRESSED, UNWATCHED, UNSHARED = "uncompressed-answer", "unwatched-request", "unshared-client"
UNQUEUED = "unqueued-task"

GUARDS = (
    Guard(
        UNCOMPRESSED,
        "Clients wait for three to ten times as many bytes, and somebody pays for them.",
        "`create_app(…)` has the middleware; what you add may not take `Accept-Encoding` away.",
        "A proxy in front, and what the environment of production says.",
    ),
    Guard(
        UNWATCHED,
        "When it is slow or fails, nobody hears of it but the client.",
        "`create_app(…)` has the layers, and routes for those who watch. `app.add_middleware` puts"
        " yours outside of them, `app.user_middleware.append(Middleware(…))` inside.",
        "Who reads the log, and what the environment of production says.",
    ),
    Guard(
        UNSHARED,
        "A client of its own is a connection of its own: opening it takes longer than the call.",
        "`HttpClientDep`, `WebClientDep`, `request.state`: the lifespan opens them once, for all.",
        "Clients that aren't in the state: `client-per-call` and `opened-per-request` look there.",
    ),
    Guard(
        UNQUEUED,
        "The client waits for what he needn't wait for; or it is never done.",
        "`await broker.enqueue(…)` with the `BrokerDep` of the service, in tests too.",
        "Whether a worker runs: `/health/tasks` and its alerts tell.",
    ),
)
