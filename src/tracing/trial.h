// What a session says of the first bytes of a connection that was under way before: kept until it is clear whether they
// were messages at all. A body may hold a line that looks like a request.
#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "protocols/core/exchange.h"

namespace telegen {

class Trial final : public ExchangeSink {
 public:
  void on_request(const RequestMark& mark, const TraceContext& context) override {
    said_.emplace_back(Request{mark, context});
  }
  void on_exchange(Exchange&& exchange) override { said_.emplace_back(std::move(exchange)); }
  void on_lost_request(const RequestMark&, LossCause) override { failed_ = true; }
  void on_loss(Direction, LossCause, Time) override { failed_ = true; }

  bool failed() const { return failed_; }
  void repeat_to(ExchangeSink& out) {
    for (auto& one : said_) {
      if (auto* request = std::get_if<Request>(&one)) out.on_request(request->mark, request->context);
      if (auto* exchange = std::get_if<Exchange>(&one)) out.on_exchange(std::move(*exchange));
    }
  }

 private:
  struct Request {
    RequestMark mark;
    TraceContext context;
  };
  std::vector<std::variant<Request, Exchange>> said_;
  bool failed_ = false;
};

}  // namespace telegen
