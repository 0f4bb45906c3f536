"""Samples of a text exposition, and what moved between two of them."""

from __future__ import annotations

import http.server
import threading

import pytest

from ringfence.demo.scrape import moved, parse_samples, scrape

PAGE = """\
# HELP ringfence_verdicts_total Verdicts.
# TYPE ringfence_verdicts_total counter
ringfence_verdicts_total{action="reject",reason="rate.over limit",trunk="bank"} 3
ringfence_verdicts_created{action="reject"} 1.7e+09
ringfence_up 1.0 1700000000
ringfence_seconds_bucket{le="0.1"} 4
"""


def test_labels_may_hold_blanks_and_lines_a_timestamp() -> None:
    samples = parse_samples(PAGE)
    assert samples['ringfence_verdicts_total{action="reject",reason="rate.over limit",trunk="bank"}'] == 3
    assert samples["ringfence_up"] == 1
    assert len(samples) == 4


def test_only_what_grew_has_moved_and_neither_buckets_nor_creation_times() -> None:
    after = parse_samples(PAGE)
    before = {
        'ringfence_verdicts_total{action="reject",reason="rate.over limit",trunk="bank"}': 1.0,
        "ringfence_up": 1.0,
    }
    assert moved(before, after) == {
        'ringfence_verdicts_total{action="reject",reason="rate.over limit",trunk="bank"}': 2.0
    }
    assert set(moved({}, after)) == {
        'ringfence_verdicts_total{action="reject",reason="rate.over limit",trunk="bank"}', "ringfence_up",
    }  # fmt: skip


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_: object) -> None:
        pass


async def test_scrape_reads_a_page_over_http() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        samples = await scrape(f"http://127.0.0.1:{server.server_port}/metrics")
        thread.join()
    assert samples["ringfence_up"] == 1


async def test_scrape_reads_nothing_but_http() -> None:
    with pytest.raises(ValueError, match="HTTP"):
        await scrape("file:///etc/hostname")
