#include "export/otlp_exporter.h"

#include <algorithm>

namespace telegen {
namespace {

class OtlpExporter final : public SpanExporter {
 public:
  OtlpExporter(std::unique_ptr<Transport> transport, otlp::Scope scope, std::size_t max_bytes)
      : transport_(std::move(transport)), scope_(std::move(scope)), max_bytes_(max_bytes) {}

  std::string_view name() const override { return "otlp"; }

  Delivery deliver(std::span<const Span> spans, const SendContext& context) override {
    Delivery delivery;
    while (!spans.empty()) {
      const otlp::Prefix request = otlp::encode_traces_prefix(spans, scope_, max_bytes_);
      if (request.encoded != 0) {
        SendOutcome outcome = transport_->send({request.body}, context);
        if (auto* retry = std::get_if<Retry>(&outcome)) {
          delivery.retry = std::move(*retry);
          return delivery;
        }
        settle(std::move(outcome), request.encoded, delivery);
      }
      if (request.oversized != 0) {
        delivery.oversized += request.oversized;
        delivery.complaint = "send to " + std::string(transport_->authority()) +
                             ": a span is larger than a request may be (" + std::to_string(max_bytes_) + " bytes)";
      }
      delivery.settled += request.taken;
      spans = spans.subspan(request.taken);
    }
    return delivery;
  }

 private:
  void settle(SendOutcome outcome, std::size_t sent, Delivery& delivery) const {
    if (auto* permanent = std::get_if<Permanent>(&outcome)) {
      delivery.refused += sent;
      delivery.complaint = std::move(permanent->reason);
      return;
    }
    std::size_t rejected = 0;
    if (const auto* partial = std::get_if<Partial>(&outcome)) {
      rejected = static_cast<std::size_t>(std::min<std::uint64_t>(partial->rejected, sent));
      // With nothing rejected the message is the receiver's advice, which the specification wants shown as well.
      delivery.complaint = "send to " + std::string(transport_->authority()) + ": the receiver rejected " +
                           std::to_string(rejected) + " of " + std::to_string(sent) + " spans: " + partial->message;
    }
    delivery.rejected += rejected;
    delivery.exported += sent - rejected;
  }

  std::unique_ptr<Transport> transport_;
  otlp::Scope scope_;
  std::size_t max_bytes_;
};

}  // namespace

std::unique_ptr<SpanExporter> make_otlp_exporter(std::unique_ptr<Transport> transport, otlp::Scope scope,
                                                 std::size_t max_request_bytes) {
  return std::make_unique<OtlpExporter>(std::move(transport), std::move(scope), max_request_bytes);
}

}  // namespace telegen
