-- 10,000 authors and 100,000 posts: 55 by each of the first 1,000 authors, 5 by each other.
-- A post is some 300 bytes of JSON. Its id tells nothing of its age or author.
INSERT INTO authors (name, email)
SELECT 'Author ' || n, 'author' || n || '@example.com' FROM generate_series(1, 10000) AS n;

INSERT INTO posts (author_id, title, body, word_count, likes, version, created_at, updated_at)
SELECT
    CASE WHEN n <= 55000 THEN 1 + n % 1000 ELSE 1001 + n % 9000 END,
    'Title ' || n,
    repeat(md5(n::text) || ' ', 5),
    5,
    0,
    1,
    timestamptz '2026-01-01 00:00Z' + n * interval '1 second',
    timestamptz '2026-01-01 00:00Z' + n * interval '1 second'
FROM generate_series(1, 100000) AS n
ORDER BY md5(n::text);

VACUUM ANALYZE;
