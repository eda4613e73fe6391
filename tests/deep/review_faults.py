"""What a service's review has to notice: in its code, and while its tests run."""

from deep.unplugging import Unplugging

STATIC = "tests/core/test_review.py"
WATCH = "tests/fixtures/review.py"
TRANSACTIONS = "tests/fixtures/review_transactions.py"
TRANSACTION_TESTS = "tests/core/test_review_transactions.py"
VALUES = "tests/fixtures/review_values.py"
VALUE_TESTS = "tests/core/test_review_values.py"

REVIEW_FAULTS = {
    "call that blocks in a helper": Unplugging(
        "app/features/posts/service.py",
        "    return len(text.split())\n",
        '    with open("words.txt") as words:\n        return len(words.read().split())\n',
        f"{STATIC}::test_the_code_shows_nothing_that_a_reviewer_would_not_let_pass",
    ),
    "call that blocks, by a name that nobody knows": Unplugging(
        "app/features/posts/service.py",
        "    return len(text.split())\n",
        '    __import__("time").sleep(0)\n    return len(text.split())\n',
        "tests/features/posts/test_writes.py::test_a_batch_is_stored_with_all_that_a_post_has",
    ),
    "query in each round of a loop": Unplugging(
        "app/features/posts/repository.py",
        "        return set(await self.session.scalars("
        "select(Author.id).where(Author.id.in_(author_ids))))\n",
        "        known = select(Author.id)\n"
        "        ids = [await self.session.scalar(known.where(Author.id == each))"
        " for each in author_ids]\n"
        "        return set(filter(None, ids))\n",
        f"{STATIC}::test_the_code_shows_nothing_that_a_reviewer_would_not_let_pass",
    ),
    "change that a cached route doesn't hear of": Unplugging(
        "app/features/posts/service.py",
        "        self.session.after_commit(lambda: cache.invalidate(*names_of(post_id)))\n",
        "",
        "tests/features/posts/test_endpoints.py::test_a_post_is_replaced",
    ),
    "index of an order": Unplugging(
        "app/features/posts/models.py",
        '        Index(None, "created_at", "id"),\n',
        "",
        "tests/features/posts/test_lists.py::test_an_author_s_posts_are_listed_alone",
    ),
    "index that a migration forgot": Unplugging(
        "migrations/versions/0001_posts.py",
        '    op.create_index(op.f("ix_posts_created_at_id"), "posts", ["created_at", "id"])\n',
        "",
        "tests/core/test_indexes.py::test_what_is_looked_for_has_an_index_that_is_used",
    ),
    "eye on what blocks": Unplugging(
        WATCH,
        "unless_yours(function.can_block_predicate)",
        "lambda *_, **_options: True",
        f"{STATIC}::test_what_blocks_is_named_two_calls_deep",
    ),
    "eye on what is opened": Unplugging(
        WATCH,
        "            count_opened(patch, name)\n",
        "            pass\n",
        f"{STATIC}::test_what_is_opened_for_a_request_is_named",
    ),
    "clock of a request": Unplugging(
        "tests/review/requests.py",
        "await Steps(answer(router, scope, receive_and_look, look_and_send), seen)",
        "await answer(router, scope, receive_and_look, look_and_send)",
        f"{STATIC}::test_what_computes_is_named",
    ),
    "time for which others had the CPU": Unplugging(
        "tests/review/requests.py",
        "held = time.perf_counter() - queue.seconds - started",
        "held = time.perf_counter() - started",
        f"{STATIC}::test_what_holds_the_loop_is_named_but_not_who_waits_for_a_cpu",
    ),
    "eye on queries": Unplugging(
        "tests/fixtures/review_queries.py",
        '        patch.setattr(QueryMonitor, "note", note_and_watch)\n',
        "",
        "tests/core/test_review_queries.py::test_the_same_query_again_and_again_is_named",
    ),
    "eye on what is forgotten": Unplugging(
        "tests/fixtures/review_cache.py",
        '        patch.setattr(Cache, "invalidate", invalidate_and_note)\n',
        "        pass\n",
        "tests/core/test_review_cache.py::test_what_a_served_route_forgets_to_say_is_found",
    ),
    "eye on what is kept": Unplugging(
        "tests/fixtures/review_cache.py",
        "            kept[seen.route] = Kept(seen.route, names, before | tables_of(seen))\n",
        "            pass\n",
        "tests/core/test_review_cache.py::test_what_a_served_route_forgets_to_say_is_found",
    ),
    "eye on transactions of sessions": Unplugging(
        TRANSACTIONS,
        '            (Session, "after_transaction_create", session_begins),\n',
        "",
        f"{TRANSACTION_TESTS}::test_what_comes_at_the_wrong_time_is_named",
    ),
    "eye on commits": Unplugging(
        TRANSACTIONS,
        '            (Engine, "commit", commit),\n',
        "",
        f"{TRANSACTION_TESTS}::test_what_comes_at_the_wrong_time_is_named",
    ),
    "eye on transactions straight to the driver": Unplugging(
        TRANSACTIONS,
        '        patch.setattr(database_session, "begun", '
        "watched_transaction(database_session.begun))\n",
        "",
        f"{TRANSACTION_TESTS}::test_what_comes_at_the_wrong_time_is_named",
    ),
    "eye on what is enqueued": Unplugging(
        TRANSACTIONS,
        '        patch.setattr(Broker, "enqueue_message", watched_tasks(Broker.enqueue_message))\n',
        "",
        f"{TRANSACTION_TESTS}::test_what_comes_at_the_wrong_time_is_named",
    ),
    "eye on what is read from a row": Unplugging(
        VALUES,
        "                reads[attribute.key] = (frame.f_code, frame.f_lineno)\n",
        "                pass\n",
        f"{VALUE_TESTS}::test_a_value_that_is_written_back_is_named",
    ),
    "eye on rows that are new": Unplugging(
        VALUES,
        "        values.own.add(state)\n",
        "        pass\n",
        f"{VALUE_TESTS}::test_a_value_that_nobody_can_overwrite_is_not",
    ),
    "eye on what is locked": Unplugging(
        VALUES,
        "            values_of(seen).is_locked = True\n",
        "            pass\n",
        f"{VALUE_TESTS}::test_a_value_that_nobody_can_overwrite_is_not",
    ),
    "eye on statements with values": Unplugging(
        VALUES,
        '        event.listen(Engine, "before_cursor_execute", look)\n',
        "",
        f"{VALUE_TESTS}::test_a_value_that_is_written_back_is_named",
    ),
    "ear for the log of the service": Unplugging(
        "tests/review/serving.py",
        "            logging.getLogger().addHandler(listener)\n",
        "            pass\n",
        "tests/core/test_review_service.py::test_it_is_as_it_should_be",
    ),
    "log of slow queries, in the service as it is served": Unplugging(
        "app/core/database/session.py",
        "        monitor.watch(engine.sync_engine)\n",
        "",
        "tests/core/test_review_service.py::test_it_is_as_it_should_be",
    ),
    "compression of what is served": Unplugging(
        "app/core/application.py",
        "    stack.append(Middleware(CompressionMiddleware, settings))\n",
        "",
        "tests/core/test_review_service.py::test_it_is_as_it_should_be",
    ),
}

# What the planner of a server makes of it.
SERVER_REVIEW_FAULTS = {
    name: fault for name, fault in REVIEW_FAULTS.items() if name.startswith("index")
}
