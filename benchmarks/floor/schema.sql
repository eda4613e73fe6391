-- The tables of a rendered service, for the apps that have no migrations.
CREATE TABLE authors (
    id bigserial PRIMARY KEY,
    name varchar(100) NOT NULL,
    email varchar(254) NOT NULL UNIQUE
);
CREATE TABLE posts (
    id bigserial PRIMARY KEY,
    author_id bigint NOT NULL REFERENCES authors (id),
    title varchar(200) NOT NULL,
    body text NOT NULL,
    word_count integer,
    likes integer NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (author_id, title)
);
CREATE INDEX ON posts (created_at, id);
CREATE INDEX ON posts (author_id, created_at, id);

\ir ../data.sql
