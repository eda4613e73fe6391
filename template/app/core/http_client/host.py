"""What is known of those whom the service asks, each for itself."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Self

from app.core.breaker import Breaker
from app.core.errors import Unavailable
from app.core.http_client.session import HttpClientSettings

# Those asked longest ago are forgotten beyond that.
MOST_HOSTS = 1000
# So many retries at once, after a time without.
MOST_SAVED = 10.0


@dataclass(slots=True)
class Counts:
    """What became of the calls."""

    calls: int = 0
    failures: int = 0
    retries: int = 0
    seconds: float = 0

    def add(self, other: Self) -> None:
        """Count those of another, too."""
        self.calls += other.calls
        self.failures += other.failures
        self.retries += other.retries
        self.seconds += other.seconds


class Host:
    """One of them: how it went, whether it is left alone, and what may be repeated."""

    def __init__(self, name: str, settings: HttpClientSettings) -> None:
        self.name = name
        self.counts = Counts()
        self.breaker = Breaker(settings.http_breaker_seconds, settings.http_breaker_failures)
        self._share = settings.http_retry_budget
        self._budget = MOST_SAVED if self._share else 0

    def begin(self) -> None:
        """Note a call; each pays for a part of a retry."""
        self.counts.calls += 1
        self._budget = min(MOST_SAVED, self._budget + self._share)

    def require(self) -> None:
        """Refuse to ask who is left alone."""
        if not self.breaker.allows():
            seconds = max(1, math.ceil(self.breaker.seconds_left))
            raise Unavailable(retry_after_seconds=seconds)

    def fail(self) -> None:
        """Note that it is away."""
        self.counts.failures += 1
        self.breaker.trip()

    def spend_retry(self) -> bool:
        """Pay for a retry, if there is enough left for one."""
        if self._budget < 1:
            return False
        self._budget -= 1
        self.counts.retries += 1
        return True


class Hosts:
    """All of them, up to a number."""

    def __init__(self, settings: HttpClientSettings) -> None:
        self._settings = settings
        self._hosts: OrderedDict[str, Host] = OrderedDict()
        self._forgotten = Counts()

    def get(self, name: str) -> Host:
        """Give the one of that name: scheme, host and port."""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = Host(name, self._settings)
            if len(self._hosts) > MOST_HOSTS:
                _, forgotten = self._hosts.popitem(last=False)
                self._forgotten.add(forgotten.counts)
        else:
            self._hosts.move_to_end(name)
        return host

    def counts(self) -> dict[str, Counts]:
        """Tell what became of the calls, by host."""
        return {name: host.counts for name, host in self._hosts.items()}

    def stats(self) -> dict[str, float]:
        """Tell what became of all calls, and how many hosts are left alone."""
        total = Counts()
        for counts in (self._forgotten, *self.counts().values()):
            total.add(counts)
        return {
            "calls": total.calls,
            "failures": total.failures,
            "retries": total.retries,
            "seconds": total.seconds,
            "hosts": len(self._hosts),
            "open_breakers": sum(host.breaker.is_tripped for host in self._hosts.values()),
        }
