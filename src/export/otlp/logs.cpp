#include "export/otlp/logs.h"

#include "export/otlp/request.h"

namespace telegen::otlp {
namespace {

struct LogCodec : IndependentItems {
  using Item = LogRecord;

  static std::size_t size(const LogRecord& record) {
    std::size_t size = record.time.ns == 0 ? 0 : kFixed64Field;
    size += wire::optional_varint_size(static_cast<std::uint64_t>(record.severity));
    size += optional_text_size(record.severity_text);
    if (record.body) size += bytes_field_size(value_size(*record.body));
    size += attributes_size(record.attributes) + wire::optional_varint_size(record.dropped_attributes);
    size += record.trace_flags == 0 ? 0 : kFixed32Field;
    if (record.trace_id.valid()) size += bytes_field_size(record.trace_id.bytes.size());
    if (record.span_id.valid()) size += bytes_field_size(record.span_id.bytes.size());
    return size + kFixed64Field + optional_text_size(record.event_name);
  }

  static void write(Writer& out, const LogRecord& record) {
    if (record.time.ns != 0) out.fixed64(1, record.time.ns);
    out.optional_varint(2, static_cast<std::uint64_t>(record.severity));
    write_optional_text(out, 3, record.severity_text);
    if (record.body) {
      out.begin(5, value_size(*record.body));
      write_value(out, *record.body);
    }
    write_attributes(out, 6, record.attributes);
    out.optional_varint(7, record.dropped_attributes);
    if (record.trace_flags != 0) out.fixed32(8, record.trace_flags);
    if (record.trace_id.valid()) out.bytes(9, text_of(record.trace_id));
    if (record.span_id.valid()) out.bytes(10, text_of(record.span_id));
    out.fixed64(11, record.observed_time.ns);
    write_optional_text(out, 12, record.event_name);
  }
};

}  // namespace

Prefix encode_logs_prefix(std::span<const LogRecord> records, const Scope& scope, std::size_t max_bytes) {
  LogCodec codec;
  return encode_prefix(records, scope, max_bytes, codec);
}

}  // namespace telegen::otlp
