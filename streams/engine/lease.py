"""The lease: a process that stood still for too long may no longer write, and ends itself.

Its partitions may have gone to another worker meanwhile. The clock is CLOCK_BOOTTIME: it also runs while the machine
sleeps. Whoever runs first after a thaw has to notice, so the beat judges its own gap before it renews the lease.
"""

import asyncio
import time

from streams.engine.ends import LEASE_LOST, end


class Lease:
    """Good for `span_s` seconds after each beat."""

    def __init__(self, span_s: float) -> None:
        """Last `span_s` seconds; the lease begins with the first beat."""
        self.span_s = span_s
        self._seen: float | None = None

    def check(self) -> None:
        """End the process if the last beat is too long ago; call before every send and claim."""
        if self._seen is not None and time.clock_gettime(time.CLOCK_BOOTTIME) - self._seen > self.span_s:
            end(
                LEASE_LOST,
                f"This worker stood still for more than {self.span_s:g} s and may no longer write; start it again.",
            )

    async def beat(self) -> None:
        """Renew the lease for ever; an asyncio task of its own, since Faust's timers pause in a rebalance."""
        while True:
            self.check()
            self._seen = time.clock_gettime(time.CLOCK_BOOTTIME)
            await asyncio.sleep(self.span_s / 50)
