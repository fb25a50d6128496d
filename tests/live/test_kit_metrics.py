"""What judges metrics, tested without the agent: a request that breaks no rule passes, and each rule can be broken."""

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as service
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as service_grpc

from testkit.metrics import CUMULATIVE, HistogramPoint


def request_with(change=None, exponential=False):
    """One point of two requests, of 0.5 s and 1.5 s, the second with an exemplar."""
    request = service.ExportMetricsServiceRequest()
    resource = request.resource_metrics.add(schema_url="https://opentelemetry.io/schemas/1.44.0")
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = resource.scope_metrics.add()
    scope.scope.name, scope.scope.version = "telegen", "0.1.0"
    metric = scope.metrics.add(name="http.server.request.duration", unit="s")
    data = metric.exponential_histogram if exponential else metric.histogram
    data.aggregation_temporality = CUMULATIVE
    point = data.data_points.add(start_time_unix_nano=1_000, time_unix_nano=2_000, count=2, sum=2.0, min=0.5, max=1.5)
    point.attributes.add(key="http.request.method").value.string_value = "GET"
    if exponential:
        point.scale, point.positive.offset = 0, -2
        point.positive.bucket_counts.extend([1, 0, 1])  # (0.25, 0.5], (0.5, 1], (1, 2]
    else:
        point.explicit_bounds.extend([1.0, 2.0])
        point.bucket_counts.extend([1, 1, 0])
    point.exemplars.add(trace_id=bytes(15) + b"\1", span_id=bytes(7) + b"\2", time_unix_nano=1_500, as_double=1.5)
    if change:
        change(metric, point)
    return request


def export(receiver, request):
    with grpc.insecure_channel(receiver.endpoint) as channel:
        service_grpc.MetricsServiceStub(channel).Export(request, timeout=5)


@pytest.mark.parametrize("exponential", [False, True])
def test_every_field_arrives(receiver, exponential):
    export(receiver, request_with(exponential=exponential))
    point, = receiver.points(name="http.server.request.duration")
    assert isinstance(point, HistogramPoint)
    assert (point.unit, point.temporality, point.start, point.time) == ("s", CUMULATIVE, 1_000, 2_000)
    assert (point.count, point.sum, point.min, point.max, point.flags) == (2, 2.0, 0.5, 1.5, 0)
    assert (point.attributes, point.resource) == ({"http.request.method": "GET"}, {"service.name": "shop"})
    assert (point.bounds, point.buckets) == (([], [1, 0, 1]) if exponential else ([1.0, 2.0], [1, 1, 0]))
    assert (point.scale, point.offset) == ((0, -2) if exponential else (None, None))
    assert [point.bucket_of(value) for value in (0.5, 1.5)] == ([0, 2] if exponential else [0, 1])
    exemplar, = point.exemplars
    assert (exemplar.trace_id, exemplar.span_id, exemplar.time, exemplar.value) == ("0" * 31 + "1", "0" * 15 + "2", 1_500, 1.5)


def again(metric, point):
    point.exemplars.add().CopyFrom(point.exemplars[0])


BROKEN = {
    "buckets that do not add up": lambda metric, point: setattr(point, "count", 3),
    "an interval that is empty": lambda metric, point: setattr(point, "start_time_unix_nano", 2_000),
    "no start": lambda metric, point: setattr(point, "start_time_unix_nano", 0),
    "a mean above the maximum": lambda metric, point: setattr(point, "sum", 9.0),
    "too few buckets": lambda metric, point: point.explicit_bounds.append(9.0),
    "an exemplar from before": lambda metric, point: setattr(point.exemplars[0], "time_unix_nano", 1),
    "an exemplar above the maximum": lambda metric, point: setattr(point.exemplars[0], "as_double", 1.75),
    "an exemplar without a span": lambda metric, point: point.exemplars[0].ClearField("span_id"),
    "two exemplars of one bucket": again,
    "no temporality": lambda metric, point: setattr(metric.histogram, "aggregation_temporality", 0),
    "an unknown attribute": lambda metric, point: setattr(point.attributes[0], "key", "http.method"),
    "an attribute twice": lambda metric, point: point.attributes.add().CopyFrom(point.attributes[0]),
    "a field that the definitions do not have": lambda metric, point: point.MergeFromString(b"\xf8\x7f\x01"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_each_rule_can_be_broken(receiver, what):
    export(receiver, request_with(BROKEN[what]))
    assert receiver.problems, what
    receiver.problems.clear()
