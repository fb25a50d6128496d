#include "export/otlp/traces.h"

#include "export/otlp/request.h"
#include "export/otlp/span_fields.h"

namespace telegen::otlp {
namespace {

struct SpanCodec : IndependentItems {
  using Item = Span;
  static std::size_t size(const Span& span) { return span_size(span); }
  static void write(Writer& out, const Span& span) { write_span(out, span); }
};

}  // namespace

std::string encode_traces(std::span<const Span> spans, const Scope& scope) {
  return encode_traces_prefix(spans, scope, SIZE_MAX).body;
}

Prefix encode_traces_prefix(std::span<const Span> spans, const Scope& scope, std::size_t max_bytes) {
  SpanCodec codec;
  return encode_prefix(spans, scope, max_bytes, codec);
}

std::size_t encode_traces_split(std::span<const Span> spans, const Scope& scope, std::size_t max_bytes,
                                const TraceSink& sink) {
  std::size_t oversized = 0;
  while (!spans.empty()) {
    Prefix prefix = encode_traces_prefix(spans, scope, max_bytes);
    oversized += prefix.oversized;
    if (prefix.encoded != 0) sink(std::move(prefix.body), prefix.encoded);
    spans = spans.subspan(prefix.taken);
  }
  return oversized;
}

}  // namespace telegen::otlp
