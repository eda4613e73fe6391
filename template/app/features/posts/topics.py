"""What one can listen to."""

POSTS = "posts"
POSTS_OF_AUTHOR = "posts-of:{author_id}"


def topics_of(*author_ids: int) -> list[str]:
    """Name what posts of these authors belong to."""
    return [POSTS, *(POSTS_OF_AUTHOR.format(author_id=author_id) for author_id in author_ids)]
