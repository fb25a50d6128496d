#include "protocols/http/target.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocols/core/text.h"

namespace telegen::http {
namespace {

// Semantic conventions, attribute url.query: values of these keys are redacted by default.
constexpr std::array<Bytes, 4> kSensitiveKeys = {"AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"};

}  // namespace

Target split_target(Bytes target, bool connect) {
  if (connect) return {.authority = target};
  Target parts;
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  if (question != Bytes::npos) parts.query = target.substr(question + 1);
  target = target.substr(0, question);
  const std::size_t colon = target.find("://");
  if (!target.empty() && is_alpha(target.front()) && colon != Bytes::npos) {
    parts.scheme = target.substr(0, colon);
    const Bytes rest = target.substr(colon + 3);
    const std::size_t slash = rest.find('/');
    parts.authority = rest.substr(0, slash);
    parts.path = slash == Bytes::npos ? Bytes("/") : rest.substr(slash);
  } else {
    parts.path = target;
  }
  return parts;
}

Authority split_authority(Bytes authority) {
  const std::size_t at = authority.rfind('@');
  if (at != Bytes::npos) authority = authority.substr(at + 1);
  Authority parts;
  Bytes port;
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t close = authority.find(']');
    if (close == Bytes::npos) return parts;
    parts.host = authority.substr(1, close - 1);
    if (close + 1 < authority.size() && authority[close + 1] == ':') port = authority.substr(close + 2);
  } else {
    const std::size_t colon = authority.find(':');
    parts.host = authority.substr(0, colon);
    if (colon != Bytes::npos) port = authority.substr(colon + 1);
  }
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error == std::errc() && end == port.data() + port.size()) parts.port = number;
  return parts;
}

std::string redact_query(Bytes query) {
  std::string text;
  text.reserve(query.size());
  while (true) {
    const std::size_t ampersand = query.find('&');
    const Bytes pair = query.substr(0, ampersand);
    const std::size_t equals = pair.find('=');
    const Bytes key = pair.substr(0, equals);
    if (equals != Bytes::npos && std::find(kSensitiveKeys.begin(), kSensitiveKeys.end(), key) != kSensitiveKeys.end()) {
      text.append(key).append("=REDACTED");
    } else {
      text.append(pair);
    }
    if (ampersand == Bytes::npos) return text;
    text += '&';
    query.remove_prefix(ampersand + 1);
  }
}

}  // namespace telegen::http
