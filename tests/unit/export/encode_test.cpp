#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "export/otlp/json.h"
#include "export/otlp/response.h"
#include "export/otlp/traces.h"
#include "export/otlp/utf8.h"
#include "golden.h"
#include "sample_spans.h"

namespace telegen {
namespace {

using nlohmann::json;
using otlp::Scope;
using testing::golden;
using testing::golden_spans;
using testing::http_span;
using testing::random_spans;

const Scope kScope{"telegen", "1.2.3"};

TEST(EncodeTraces, IsByteForByteWhatTheOfficialLibraryWrites) {
  const std::string expected = golden("traces.pb");
  ASSERT_GT(expected.size(), 500U);
  EXPECT_EQ(otlp::encode_traces(golden_spans(), kScope), expected);
}

TEST(EncodeTraces, DroppedAttributesAreCounted) {
  std::vector<Span> spans = {http_span(1, nullptr)};
  const std::string without = otlp::encode_traces(spans, kScope);
  spans[0].dropped_attributes_count = 300;
  const std::string with = otlp::encode_traces(spans, kScope);
  // Field 10, a varint (trace.proto, Span.dropped_attributes_count), which grows the span by three bytes.
  EXPECT_EQ(without.find("\x50\xac\x02"), std::string::npos);
  EXPECT_NE(with.find("\x50\xac\x02"), std::string::npos);
  EXPECT_EQ(with.size(), without.size() + 3);
  const json text = json::parse(otlp::encode_traces_json(spans, kScope));
  EXPECT_EQ(text["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["droppedAttributesCount"], 300);
}

TEST(EncodeTraces, NothingGivesAnEmptyRequest) {
  EXPECT_EQ(otlp::encode_traces({}, kScope), "");
  EXPECT_EQ(otlp::encode_traces_json({}, kScope), R"({"resourceSpans":[]})");
  const auto prefix = otlp::encode_traces_prefix({}, kScope, 1000);
  EXPECT_EQ(prefix.taken, 0U);
  EXPECT_EQ(prefix.body, "");
}

TEST(EncodeTraces, FlagsSayRemoteOnlyOfAParent) {
  Span span;
  span.trace_flags = 1;
  span.parent_is_remote = true;
  EXPECT_EQ(otlp::span_flags(span), 0x101U);
  span.parent_id.bytes[7] = 1;
  EXPECT_EQ(otlp::span_flags(span), 0x301U);
  span.parent_is_remote = false;
  EXPECT_EQ(otlp::span_flags(span), 0x101U);
}

TEST(EncodeTraces, HostileTextBecomesValid) {
  auto spans = golden_spans();
  spans[0].name =
      "a\xff"
      "b";
  spans[0].attributes[0].value = std::string("\xed\xa0\x80");  // a surrogate
  auto resource = std::make_shared<Resource>();
  resource->attributes = {{"\xc0\x80", std::string("ok")}};
  spans[1].resource = resource;
  auto clean = spans;
  clean[0].name =
      "a\xef\xbf\xbd"
      "b";
  clean[0].attributes[0].value = std::string("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  auto clean_resource = std::make_shared<Resource>();
  clean_resource->attributes = {{"\xef\xbf\xbd\xef\xbf\xbd", std::string("ok")}};
  clean[1].resource = clean_resource;
  EXPECT_EQ(otlp::encode_traces(spans, kScope), otlp::encode_traces(clean, kScope));
  EXPECT_EQ(json::parse(otlp::encode_traces_json(spans, kScope)), json::parse(otlp::encode_traces_json(clean, kScope)));
}

TEST(EncodeTraces, SplitsKeepEverySpanAndTheLimit) {
  for (const std::size_t limit : {700U, 1500U, 4096U, 100'000U}) {
    const auto spans = random_spans(7, 300);
    std::size_t next = 0;
    std::size_t requests = 0;
    std::size_t oversized = 0;
    std::span<const Span> rest = spans;
    while (!rest.empty()) {
      const auto prefix = otlp::encode_traces_prefix(rest, kScope, limit);
      ASSERT_GT(prefix.taken, 0U);
      ASSERT_EQ(prefix.encoded + prefix.oversized, prefix.taken);
      ASSERT_LE(prefix.body.size(), limit);
      if (prefix.oversized == 0) {
        EXPECT_EQ(prefix.body, otlp::encode_traces(rest.first(prefix.taken), kScope));
      }
      // A request is only closed if the next span does not fit as well.
      if (prefix.taken < rest.size()) {
        const auto more = otlp::encode_traces(rest.first(prefix.taken + 1), kScope);
        EXPECT_GT(more.size() + 64, limit);
      }
      ++requests;
      oversized += prefix.oversized;
      next += prefix.taken;
      rest = rest.subspan(prefix.taken);
    }
    EXPECT_EQ(next, spans.size());
    std::size_t sent = 0;
    const std::size_t dropped =
        otlp::encode_traces_split(spans, kScope, limit, [&](const std::string& body, std::size_t n) {
          EXPECT_LE(body.size(), limit);
          sent += n;
        });
    EXPECT_EQ(dropped, oversized);
    EXPECT_EQ(sent + dropped, spans.size());
    if (limit == 100'000U) {
      EXPECT_EQ(oversized, 0U);
      EXPECT_LT(requests, 5U);
    }
  }
}

TEST(EncodeTraces, OneSpanOfTenMebibytesIsDroppedAndTheOthersAreNot) {
  const auto resource = testing::checkout_resource();
  std::vector<Span> spans = {http_span(1, resource), http_span(2, resource), http_span(3, resource)};
  spans[1].attributes[0].value = std::string(10U << 20, 'x');
  std::vector<std::size_t> requests;
  const std::size_t dropped = otlp::encode_traces_split(
      spans, kScope, otlp::kMaxRequestBytes, [&](const std::string&, std::size_t n) { requests.push_back(n); });
  EXPECT_EQ(dropped, 1U);
  EXPECT_EQ(requests, (std::vector<std::size_t>{1, 1}));
  EXPECT_GT(otlp::encode_traces(spans, kScope).size(), 10U << 20);
}

TEST(Utf8, FollowsTheTableOfTheStandard) {
  for (const char* text :
       {"", "plain", "é", "€", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(otlp::valid_utf8(text)) << text;
    EXPECT_EQ(otlp::to_valid_utf8(text), text);
  }
  EXPECT_TRUE(otlp::valid_utf8(std::string_view("a\0b", 3)));
  const std::pair<std::string_view, int> bad[] = {
      {"\x80", 1},         {"\xc0\xaf", 2},         {"\xc1\x81", 2},         {"\xe0\x80\xaf", 3},
      {"\xed\xa0\x80", 3}, {"\xf4\x90\x80\x80", 4}, {"\xf5\x80\x80\x80", 4}, {"\xe2\x82", 1},
      {"\xf0\x9f\x98", 1}, {"\xff\xfe", 2}};
  for (const auto& [text, marks] : bad) {
    EXPECT_FALSE(otlp::valid_utf8(text));
    std::string expected = "12345678";
    for (int i = 0; i < marks; ++i) expected += "\xef\xbf\xbd";
    EXPECT_EQ(otlp::to_valid_utf8("12345678" + std::string(text) + "z"), expected + "z");
  }
}

TEST(Responses, PartialSuccessIsReadAndBounded) {
  const auto full = otlp::decode_trace_response("");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->rejected, 0U);
  EXPECT_EQ(full->message, "");
  const auto partial =
      otlp::decode_trace_response(std::string_view("\x0a\x07\x08\x05\x12\x03"
                                                   "bad",
                                                   9));
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->rejected, 5U);
  EXPECT_EQ(partial->message, "bad");
  // rejected_spans = -1
  const auto negative = otlp::decode_trace_response("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  ASSERT_TRUE(negative);
  EXPECT_EQ(negative->rejected, 0U);
  std::string large("\x12\x80\x80\x04", 4);
  large += std::string(65536, 'm');
  const std::string wrapped = std::string("\x0a\x84\x80\x04", 4) + large;
  const auto cut = otlp::decode_trace_response(wrapped);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->message, std::string(otlp::kMaxMessageBytes, 'm'));
  EXPECT_FALSE(otlp::decode_trace_response("\x0a\x7f"));
  EXPECT_FALSE(otlp::decode_trace_response("{\"partialSuccess\":{}}"));
  EXPECT_FALSE(otlp::decode_trace_response(std::string(otlp::kMaxResponseBytes + 1, '\0')));
}

TEST(Responses, StatusWithRetryInfo) {
  // google.rpc.Status{code: 8, message: "slow", details: [Any(RetryInfo{retry_delay: 2.5 s})]}
  const std::string type = "type.googleapis.com/google.rpc.RetryInfo";
  const std::string delay("\x0a\x08\x08\x02\x10\x80\xca\xb5\xee\x01", 10);  // 2 s, 500000000 ns
  const std::string any =
      std::string("\x0a") + static_cast<char>(type.size()) + type + "\x12" + static_cast<char>(delay.size()) + delay;
  const std::string status = std::string("\x08\x08\x12\x04slow\x1a", 9) + static_cast<char>(any.size()) + any;
  const auto decoded = otlp::decode_rpc_status(status);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->code, 8);
  EXPECT_EQ(decoded->message, "slow");
  EXPECT_TRUE(decoded->has_retry_info);
  EXPECT_EQ(decoded->retry_delay, std::chrono::milliseconds(2500));
  std::string other = status;
  other[other.find("RetryInfo")] = 'X';
  EXPECT_FALSE(otlp::decode_rpc_status(other)->has_retry_info);
  EXPECT_FALSE(otlp::decode_rpc_status("\xff"));
}

TEST(Responses, Base64AndPercent) {
  EXPECT_EQ(otlp::decode_base64("aGVsbG8="), "hello");
  EXPECT_EQ(otlp::decode_base64("aGVsbG8"), "hello");
  EXPECT_EQ(otlp::decode_base64(""), "");
  EXPECT_EQ(otlp::decode_base64("++//"), "\xfb\xef\xff");
  EXPECT_FALSE(otlp::decode_base64("a"));
  EXPECT_FALSE(otlp::decode_base64("aGV*"));
  EXPECT_EQ(otlp::decode_grpc_message("a%20b%E2%82%ac"), "a b€");
  EXPECT_EQ(otlp::decode_grpc_message("100%"), "100%");
  EXPECT_EQ(otlp::decode_grpc_message("%zz%4"), "%zz%4");
  EXPECT_EQ(otlp::decode_grpc_message("%ff"), "\xef\xbf\xbd");
}

}  // namespace
}  // namespace telegen
