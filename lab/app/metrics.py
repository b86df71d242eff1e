"""What the sample application counts, in Prometheus' text format."""

from bisect import bisect_left
from collections import Counter

BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Requests by code, method and handler, their durations in seconds, and what is open right now.

    What users get is counted from 0, errors too: a series that begins with its first error has no rate yet, and without
    errors a ratio of them would be unknown instead of 0.
    """

    def __init__(self) -> None:
        self.requests: Counter[tuple[int, str, str]] = Counter({(200, "GET", "app"): 0, (500, "GET", "app"): 0})
        self.in_flight = 0
        self.websockets = 0
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def done(self, code: int, method: str, handler: str, seconds: float) -> None:
        self.requests[code, method, handler] += 1
        if handler in ("health", "metrics"):
            return
        self._buckets[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def text(self) -> str:
        lines = ["# HELP http_requests_total Requests answered.", "# TYPE http_requests_total counter"]
        lines += [
            f'http_requests_total{{code="{code}",handler="{handler}",method="{method}"}} {count}'
            for (code, method, handler), count in sorted(self.requests.items())
        ]
        lines += ["# HELP http_request_duration_seconds Time to answer users; probes are not in it."]
        lines += ["# TYPE http_request_duration_seconds histogram"]
        total = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self._buckets, strict=True):
            total += count
            lines.append(f'http_request_duration_seconds_bucket{{le="{bound}"}} {total}')
        lines.append(f"http_request_duration_seconds_sum {self._seconds:.6f}")
        lines.append(f"http_request_duration_seconds_count {total}")
        lines += ["# HELP http_requests_in_flight Requests of users that are being answered."]
        lines += ["# TYPE http_requests_in_flight gauge", f"http_requests_in_flight {self.in_flight}"]
        lines += ["# HELP websocket_connections_open WebSockets of users."]
        lines += ["# TYPE websocket_connections_open gauge", f"websocket_connections_open {self.websockets}"]
        return "\n".join(lines) + "\n"
