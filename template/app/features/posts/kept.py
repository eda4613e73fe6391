"""What is kept of posts, and under which names."""

POST = "post:{post_id}"
# Every post is in them: whatever changes one changes these.
STATISTICS = "post-statistics"


def names_of(*post_ids: int) -> list[str]:
    """Name all that is kept of these posts."""
    return [STATISTICS, *(POST.format(post_id=post_id) for post_id in post_ids)]
