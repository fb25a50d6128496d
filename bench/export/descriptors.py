#!/usr/bin/env python3
"""Writes the official OTLP definitions, as the package opentelemetry-proto carries them, to a FileDescriptorSet that
protoc reads. Usage: descriptors.py FILE"""
import sys

from google.protobuf import descriptor_pb2
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2


def add(descriptor, files):
    if descriptor.name in files:
        return
    for needed in descriptor.dependencies:
        add(needed, files)
    files[descriptor.name] = descriptor.serialized_pb  # a dict keeps the order: what is needed comes first


found = {}
for module in (trace_service_pb2, metrics_service_pb2, logs_service_pb2, profiles_service_pb2):
    add(module.DESCRIPTOR, found)
everything = descriptor_pb2.FileDescriptorSet()
for data in found.values():
    everything.file.add().ParseFromString(data)
with open(sys.argv[1], "wb") as out:
    out.write(everything.SerializeToString())
