import pytest

from app.core.breaker import Breaker


def test_a_breaker_lets_one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("app.core.breaker.time.monotonic", lambda: now)
    breaker = Breaker(seconds=5, failures=2)
    breaker.trip()
    assert breaker.allows()
    breaker.trip()
    assert (breaker.is_tripped, breaker.allows(), breaker.seconds_left) == (True, False, 5)

    now += 5
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.close()
    assert [breaker.allows() for _ in range(3)] == [True] * 3
