"""The metrics at /metrics, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from kiosk.library import heartbeat
from kiosk.library.library import Library
from kiosk.library.records import STATES
from kiosk.names import WORKER
from kiosk.storage import free_bytes


class Metrics:
    """The metrics of one server. Values from the library are read at each scrape."""

    def __init__(self, library: Library, listeners: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self.uploads = Counter(
            "dreamkiosk_uploads", "Uploads by result: accepted, or an error code.", ["result"],
            registry=self._registry,
        )  # fmt: skip
        self.intake_seconds = Histogram(
            "dreamkiosk_intake_seconds", "From the last byte of an upload until the photo is in the library.",
            buckets=(0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60), registry=self._registry,
        )  # fmt: skip
        self._registry.register(_LibraryCollector(library, listeners))

    def show_pulse(self, lag: Callable[[], float], answer: Callable[[], float]) -> None:
        """Add gauges of the event loop's worst lag since the last scrape, and of the duration of the server's last
        request to itself, both in seconds."""
        for name, words, value in (
            ("loop_lag", "Worst lag of the event loop since the last scrape.", lag),
            ("own_answer", "Duration of the server's last request to itself.", answer),
        ):
            Gauge(f"dreamkiosk_{name}_seconds", words, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All metrics as text. Reads the library, so call it off the event loop."""
        return generate_latest(self._registry)


class _LibraryCollector(Collector):
    def __init__(self, library: Library, listeners: Callable[[], int]) -> None:
        self._library = library
        self._listeners = listeners

    def collect(self) -> Iterator[Metric]:
        photos = GaugeMetricFamily("dreamkiosk_photos", "Photos by state.", labels=["state"])
        counts = self._library.counts()
        for state in STATES:
            photos.add_metric([state], counts.get(state, 0))
        yield photos
        yield GaugeMetricFamily("dreamkiosk_photo_bytes", "Disk space taken by photos.", self._library.used_bytes())
        yield GaugeMetricFamily(
            "dreamkiosk_disk_free_bytes", "Free space where photos are kept.", free_bytes(self._library.data.photos)
        )
        yield GaugeMetricFamily("dreamkiosk_listeners", "Open event streams.", self._listeners())
        age = heartbeat.age(self._library.data, WORKER)
        if age is not None:
            yield GaugeMetricFamily("dreamkiosk_worker_age_seconds", "Time since the worker's last progress.", age)
