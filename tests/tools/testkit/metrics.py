"""A received histogram point as a plain value, and the rules that hold for every metric whatever it is about."""

import bisect
import math
import re
from dataclasses import dataclass, field

from opentelemetry.proto.metrics.v1 import metrics_pb2

from .spans import allowed_names, attributes_of, unknown_in

DELTA, CUMULATIVE = (metrics_pb2.AGGREGATION_TEMPORALITY_DELTA, metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE)
_OVERFLOW = "otel.metric.overflow"


@dataclass
class Exemplar:
    trace_id: str
    span_id: str
    time: int
    value: float


@dataclass
class HistogramPoint:
    name: str
    unit: str
    temporality: int
    attributes: dict
    resource: dict
    start: int  # ns since 1970
    time: int
    count: int
    sum: float
    min: float
    max: float
    bounds: list = field(default_factory=list)   # explicit; empty: exponential
    buckets: list = field(default_factory=list)  # counts; of an exponential one: the positive ones
    scale: int = None                            # exponential
    offset: int = None
    zeros: int = 0
    exemplars: list = field(default_factory=list)
    flags: int = 0

    @property
    def series(self):
        """What tells it from other series."""
        return (self.name, tuple(sorted((k, str(v)) for k, v in self.resource.items())),
                tuple(sorted(self.attributes.items())))

    def bucket_of(self, value):
        """The index in `buckets` of a value."""
        if self.bounds:
            return bisect.bisect_left(self.bounds, value)
        return math.ceil(math.log2(value) * 2.0 ** self.scale) - 1 - self.offset


class MetricDecoder:
    """ExportMetricsServiceRequest → points of histograms. What breaks a rule goes to `problems`, with where it was."""

    def __init__(self, problems):
        self.problems = problems
        span_names, self.resource_names = allowed_names()
        self.names = span_names | {_OVERFLOW}

    def decode(self, request):
        self.problems += [f"unknown field {path}" for path in unknown_in(request)]
        points = []
        for of_resource in request.resource_metrics:
            resource = attributes_of(of_resource.resource.attributes, self.resource_names, "resource of metrics", self.problems)
            if not resource.get("service.name"):
                self.problems.append(f"a resource without service.name: {resource}")
            for of_scope in of_resource.scope_metrics:
                if not (of_scope.scope.name and of_scope.scope.version):
                    self.problems.append(f"instrumentation scope {of_scope.scope}")
                schema = of_scope.schema_url or of_resource.schema_url
                if not re.fullmatch(r"https://opentelemetry\.io/schemas/\d+\.\d+\.\d+", schema):
                    self.problems.append(f"schema_url {schema!r}")
                for metric in of_scope.metrics:
                    points += self._metric(metric, resource)
        return points

    def _metric(self, metric, resource):
        kind = metric.WhichOneof("data")
        if not metric.name or not kind:
            self.problems.append(f"a metric without a name or data: {metric}")
            return []
        if kind not in ("histogram", "exponential_histogram"):
            return []  # the agent's own are judged elsewhere
        data = getattr(metric, kind)
        if data.aggregation_temporality not in (DELTA, CUMULATIVE):
            self.problems.append(f"{metric.name}: temporality {data.aggregation_temporality}")
        return [self._point(metric, kind, data.aggregation_temporality, point, resource) for point in data.data_points]

    def _point(self, metric, kind, temporality, point, resource):
        where = f"{metric.name} {[(a.key, a.value) for a in point.attributes]}"
        common = {"name": metric.name, "unit": metric.unit, "temporality": temporality, "resource": resource,
                  "attributes": attributes_of(point.attributes, self.names, where, self.problems),
                  "start": point.start_time_unix_nano, "time": point.time_unix_nano, "count": point.count, "sum": point.sum, "min": point.min, "max": point.max,
                  "flags": point.flags,
                  "exemplars": [Exemplar(e.trace_id.hex(), e.span_id.hex(), e.time_unix_nano, e.as_double)
                                for e in point.exemplars]}
        if kind == "histogram":
            made = HistogramPoint(**common, bounds=list(point.explicit_bounds), buckets=list(point.bucket_counts))
            shape = not made.flags and len(made.buckets) != len(made.bounds) + 1
        else:
            made = HistogramPoint(**common, scale=point.scale, offset=point.positive.offset, zeros=point.zero_count,
                                  buckets=list(point.positive.bucket_counts))
            shape = not -10 <= made.scale <= 20 or len(made.buckets) > 160
        self._judge(made, where, shape)
        return made

    def _judge(self, point, where, wrong_shape):
        complain = lambda text: self.problems.append(f"{where}: {text}")  # noqa: E731
        if wrong_shape:
            complain(f"buckets {point.buckets}, bounds {point.bounds}, scale {point.scale}")
        if sum(point.buckets) + point.zeros != point.count:
            complain(f"its buckets do not add up to {point.count}")
        if not 0 < point.start < point.time:
            complain(f"start {point.start}, time {point.time}")
        if point.count and not 0 <= point.min <= point.sum / point.count * (1 + 1e-9) <= point.max * (1 + 1e-9) * (1 + 1e-9):
            complain(f"min {point.min}, max {point.max}, sum {point.sum}, count {point.count}")
        places = [point.bucket_of(e.value) for e in point.exemplars if e.value > 0]
        if len(places) > len(set(places)):
            complain("several exemplars of one bucket")
        for exemplar in point.exemplars:
            if not (re.fullmatch("[0-9a-f]{32}", exemplar.trace_id) and re.fullmatch("[0-9a-f]{16}", exemplar.span_id)):
                complain(f"ids of an exemplar: {exemplar}")
            if not point.start <= exemplar.time <= point.time or not point.min <= exemplar.value <= point.max:
                complain(f"an exemplar that is not of its point: {exemplar}")
