// Spans as OTLP/JSON lines (OTLP File Exporter: one ExportTraceServiceRequest a line), the format that the
// OpenTelemetry Collector reads and writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "export/otlp/traces.h"
#include "export/span_output.h"

namespace telegen {

// Opens the output for writing at its end. `generation` is 0 for the first call and counts up with each rotation: then
// what is there is to be moved away first. The worker may open nothing itself, so this reaches the loader.
using OpenOutput = std::function<Result<Fd>(int generation)>;

// Rotates before a line would make the file larger than `max_bytes` (a line alone may be). A line is written whole or
// not at all. Where opening fails, the spans are refused, and the next batch tries again.
std::unique_ptr<SpanOutput> make_file_output(std::string path, OpenOutput open, std::uint64_t max_bytes,
                                             otlp::Scope scope);

// What OpenOutput does where the rights are: PATH is the newest, PATH.1 … PATH.(max_files-1) are older; the oldest is
// removed. The file is created with mode 0640 and never through a symbolic link.
Result<Fd> open_rotated(const std::string& path, std::int64_t max_files, int generation);

}  // namespace telegen
