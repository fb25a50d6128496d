#!/usr/bin/env python3
"""Writes metrics, logs and profiles as .pb, the first two as .json as well: what tests/unit/export/sample_signals.h has, as
the official library encodes it.

Provenance: opentelemetry-proto and protobuf of PyPI (pip install opentelemetry-proto==1.45.2), run once by hand:
    python make_signals_golden.py
"""
import json
import pathlib

from make_golden import SCHEMA, ids, otlp_json, put
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import ExportProfilesServiceRequest


def scope_of(resources, scopes, resource):
    group = resources.add(schema_url=SCHEMA)
    group.resource.SetInParent()
    for key, value in resource:
        put(group.resource.attributes, key, value)
    scope = getattr(group, scopes).add(schema_url=SCHEMA)
    scope.scope.name = "telegen"
    scope.scope.version = "1.2.3"
    return scope


def attributes(target):
    put(target, "http.route", "/cart/{id}")
    put(target, "code", 200)


def exemplars(point):
    e = point.exemplars.add(time_unix_nano=150, as_double=0.5, span_id=ids(0xA0, 8), trace_id=ids(0x10, 16))
    put(e.filtered_attributes, "user", "é")
    point.exemplars.add(time_unix_nano=151, as_int=-7)


def metrics():
    request = ExportMetricsServiceRequest()
    full = scope_of(request.resource_metrics, "scope_metrics", [("service.name", "checkout")])
    m = full.metrics.add(name="queue.size", description="waiting", unit="{item}")
    attributes(m.gauge.data_points.add(time_unix_nano=200, as_int=-3).attributes)
    m.gauge.data_points.add(time_unix_nano=200, as_double=0.0)
    m = full.metrics.add(name="requests", unit="1")
    m.sum.aggregation_temporality = 1
    m.sum.is_monotonic = True
    point = m.sum.data_points.add(start_time_unix_nano=100, time_unix_nano=200, as_int=2**40)
    attributes(point.attributes)
    exemplars(point)
    m.sum.data_points.add(start_time_unix_nano=100, time_unix_nano=200, flags=1)
    m = full.metrics.add(name="balance")
    m.sum.aggregation_temporality = 2
    m.sum.data_points.add(start_time_unix_nano=100, time_unix_nano=200, as_double=-1.5)
    other = scope_of(request.resource_metrics, "scope_metrics", [])
    m = other.metrics.add(name="duration", description="how long", unit="s")
    m.histogram.aggregation_temporality = 2
    point = m.histogram.data_points.add(start_time_unix_nano=100, time_unix_nano=200, count=6, sum=12.5, min=0.25, max=9,
                                        bucket_counts=[1, 2, 3], explicit_bounds=[0.5, 5])
    attributes(point.attributes)
    exemplars(point)
    m.histogram.data_points.add(start_time_unix_nano=100, time_unix_nano=200, flags=1)
    m = other.metrics.add(name="size", unit="By")
    m.exponential_histogram.aggregation_temporality = 1
    point = m.exponential_histogram.data_points.add(start_time_unix_nano=100, time_unix_nano=200, count=9, sum=0.0, min=-4,
                                                    max=8, scale=-2, zero_count=2, zero_threshold=0.001)
    point.positive.offset = -5
    point.positive.bucket_counts.extend([1, 0, 300])
    point.negative.bucket_counts.extend([4])
    attributes(point.attributes)
    exemplars(point)
    m.exponential_histogram.data_points.add(time_unix_nano=200)
    return request


def logs():
    request = ExportLogsServiceRequest()
    records = scope_of(request.resource_logs, "scope_logs", [("service.name", "checkout")]).log_records
    r = records.add(time_unix_nano=100, observed_time_unix_nano=200, severity_number=17, severity_text="ERROR",
                    event_name="device.crash", dropped_attributes_count=300, flags=1, trace_id=ids(0x10, 16),
                    span_id=ids(0xA0, 8))
    r.body.string_value = "card refused: é"
    attributes(r.attributes)
    records.add(observed_time_unix_nano=201).body.array_value.values.add().string_value = "x"
    records = scope_of(request.resource_logs, "scope_logs", []).log_records
    records.add(observed_time_unix_nano=202).body.string_value = ""
    records.add(observed_time_unix_nano=203, severity_number=1)
    return request


def profiles():
    """The tables stand in the order in which the profiles need them; what none needs is left out."""
    request = ExportProfilesServiceRequest()
    p = scope_of(request.resource_profiles, "scope_profiles", [("service.name", "checkout")]).profiles.add(
        time_unix_nano=100, duration_nano=10**10, period=10101010, profile_id=ids(1, 16), dropped_attributes_count=2,
        attribute_indices=[1])
    p.sample_type.type_strindex, p.sample_type.unit_strindex = 1, 2
    p.period_type.type_strindex, p.period_type.unit_strindex = 3, 4
    p.samples.add(stack_index=1, attribute_indices=[3], link_index=1, values=[1, -1], timestamps_unix_nano=[110, 120])
    p.samples.add(stack_index=2, values=[300])
    p = scope_of(request.resource_profiles, "scope_profiles", []).profiles.add(time_unix_nano=100)
    p.sample_type.type_strindex, p.sample_type.unit_strindex = 1, 2
    p.period_type.SetInParent()
    p.samples.add(stack_index=2, timestamps_unix_nano=[130])
    p.samples.add()
    d = request.dictionary
    for table in (d.mapping_table, d.location_table, d.function_table, d.link_table, d.stack_table, d.attribute_table):
        table.add()
    # Needed in this order: types, the profile's attribute, then by sample its stack (location → mapping, functions).
    d.string_table.extend(["", "samples", "count", "cpu", "nanoseconds", "profile.kind", "/bin/shop", "build_id", "handle",
                           "_Zhandle", "shop.cc", "main", "thread.id"])
    d.attribute_table.add(key_strindex=5).value.string_value = "on-cpu"
    d.attribute_table.add(key_strindex=7).value.string_value = "abc"
    d.attribute_table.add(key_strindex=12, unit_strindex=2).value.int_value = 42
    d.mapping_table.add(memory_start=0x400000, memory_limit=0x500000, file_offset=4096, filename_strindex=6,
                        attribute_indices=[2])
    d.function_table.add(name_strindex=8, system_name_strindex=9, filename_strindex=10, start_line=7)
    d.function_table.add(name_strindex=11)
    location = d.location_table.add(mapping_index=1, address=0x400010, attribute_indices=[2])
    location.lines.add(function_index=1, line=9, column=3)
    location.lines.add(function_index=2)
    d.location_table.add(mapping_index=1, address=0x400020)
    d.stack_table.add(location_indices=[1, 2])
    d.stack_table.add(location_indices=[2])
    d.link_table.add(trace_id=ids(0x10, 16), span_id=ids(0xA0, 8))
    return request


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    for name, request in (("metrics", metrics()), ("logs", logs()), ("profiles", profiles())):
        (here / f"{name}.pb").write_bytes(request.SerializeToString(deterministic=True))
        if name != "profiles":
            (here / f"{name}.json").write_text(json.dumps(otlp_json(request), ensure_ascii=False, indent=1) + "\n")
