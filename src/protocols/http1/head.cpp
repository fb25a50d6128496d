#include "protocols/http1/head.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "protocols/core/text.h"

namespace telegen::http1 {
namespace {

constexpr std::size_t kMaxMethod = 24;

// The bytes from `from` up to and without the line's end; `next` is where the following line starts, npos if the line
// is not complete. A bare LF ends a line too (section 2.2).
Bytes line_at(Bytes in, std::size_t from, std::size_t& next) {
  const void* found = std::memchr(in.data() + from, '\n', in.size() - from);
  if (found == nullptr) {
    next = Bytes::npos;
    return in.substr(from);
  }
  const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - in.data());
  next = end + 1;
  return in.substr(from, end > from && in[end - 1] == '\r' ? end - 1 - from : end - from);
}

Bytes version_of(char minor) {
  constexpr Bytes kDigits = "1.01.11.21.31.41.51.61.71.81.9";
  return kDigits.substr(static_cast<std::size_t>(minor - '0') * 3, 3);
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// "HTTP/1." DIGIT
bool is_version(Bytes in) { return in.size() == 8 && in.substr(0, 7) == "HTTP/1." && is_digit(in[7]); }

bool parse_status_line(Bytes line, Head& head) {
  if (line.size() < 12 || !is_version(line.substr(0, 8)) || line[8] != ' ') return false;
  if (!is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) || line[9] == '0') return false;
  if (line.size() > 12 && line[12] != ' ') return false;
  head.status = static_cast<std::uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  head.request.version = version_of(line[7]);
  return true;
}

bool parse_request_line(Bytes line, Head& head) {
  std::size_t method_end = 0;
  while (method_end < line.size() && !is_blank(line[method_end])) ++method_end;
  const Bytes rest = trim(line.substr(method_end));
  std::size_t target_end = rest.size();
  while (target_end > 0 && !is_blank(rest[target_end - 1])) --target_end;
  if (target_end == 0) return false;  // HTTP/0.9 has no version
  const Bytes version = rest.substr(target_end);
  const Bytes target = trim(rest.substr(0, target_end));
  if (!is_version(version) || target.empty() || std::any_of(target.begin(), target.end(), is_blank)) return false;
  head.is_request = true;
  head.request.method = line.substr(0, method_end);
  head.request.target = target;
  head.request.version = version_of(version[7]);
  return true;
}

void take_length(Bytes value, Head& head) {
  // Section 6.3, rule 5: a list of equal values counts as one ("42, 42"), as do repeated fields.
  while (true) {
    const std::size_t comma = value.find(',');
    const Bytes item = trim(value.substr(0, comma));
    std::uint64_t length = 0;
    if (item.empty() || item.size() > 18) head.bad_length = true;  // 18 digits cannot overflow
    for (const char c : item) {
      if (!is_digit(c)) head.bad_length = true;
      length = length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (head.has_length && head.length != length) head.bad_length = true;
    head.has_length = true;
    head.length = length;
    if (comma == Bytes::npos) return;
    value.remove_prefix(comma + 1);
  }
}

void take_coding(Bytes value, Head& head) {
  head.has_coding = true;
  const std::size_t comma = value.rfind(',');
  head.chunked = equals_ignoring_case(trim(comma == Bytes::npos ? value : value.substr(comma + 1)), "chunked");
}

void take_request_field(Bytes name, Bytes value, http::RequestHead& request) {
  const auto first = [&](Bytes& field) {
    if (field.empty()) field = value;
  };
  switch (name.size()) {
    case 4:
      if (equals_ignoring_case(name, "host")) first(request.host);
      break;
    case 9:
      if (equals_ignoring_case(name, "forwarded")) first(request.forwarded);
      break;
    case 10:
      if (equals_ignoring_case(name, "user-agent")) {
        first(request.user_agent);
      } else if (equals_ignoring_case(name, "tracestate")) {
        if (request.tracestates < request.tracestate.size()) request.tracestate[request.tracestates] = value;
        if (request.tracestates < 255) ++request.tracestates;
      }
      break;
    case 11:
      if (equals_ignoring_case(name, "traceparent")) {
        first(request.traceparent);
        if (request.traceparents < 255) ++request.traceparents;
      }
      break;
    case 15:
      if (equals_ignoring_case(name, "x-forwarded-for")) first(request.forwarded_for);
      break;
    case 17:
      if (equals_ignoring_case(name, "x-forwarded-proto")) first(request.forwarded_proto);
      break;
    default: break;
  }
}

// One field with its folded lines (section 5.2: each fold counts as a space; trim and to_utf8 see to that).
void take_field(Bytes field, Head& head) {
  // Most fields are none of ours; their first letter says so without a search for the colon.
  switch (lower(field[0])) {
    case 'c':
    case 't': break;
    case 'f':
    case 'h':
    case 'u':
    case 'x':
      if (!head.is_request) return;
      break;
    default: return;
  }
  const void* found = std::memchr(field.data(), ':', field.size());
  if (found == nullptr) return;
  const auto colon = static_cast<std::size_t>(static_cast<const char*>(found) - field.data());
  Bytes name = field.substr(0, colon);
  if (name.empty()) return;
  if (is_space(name.back())) {
    if (head.is_request) return;  // section 5.1: a server refuses such a request, and nobody may act on the field
    name = trim(name);
  }
  const Bytes value = trim(field.substr(colon + 1));
  if (name.size() == 14 && equals_ignoring_case(name, "content-length")) return take_length(value, head);
  if (name.size() == 17 && equals_ignoring_case(name, "transfer-encoding")) return take_coding(value, head);
  if (head.is_request) take_request_field(name, value, head.request);
}

// ---- plausibility of a start line of which nothing is known yet

constexpr std::array<char, 256> make_token_table() {  // RFC 9110, section 5.6.2: tchar
  std::array<char, 256> table{};
  for (const char c :
       std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<unsigned char>(c)] = 1;
  }
  return table;
}
constexpr auto kToken = make_token_table();
bool is_token(char c) { return kToken[static_cast<unsigned char>(c)] != 0; }

constexpr std::array<Bytes, 25> kSeenInTheWild = {"GET",       "POST",    "PUT",       "HEAD",   "DELETE",
                                                  "OPTIONS",   "CONNECT", "PATCH",     "TRACE",  "QUERY",
                                                  "PROPFIND",  "COPY",    "PROPPATCH", "MKCOL",  "MOVE",
                                                  "LOCK",      "UNLOCK",  "REPORT",    "SEARCH", "PURGE",
                                                  "SUBSCRIBE", "NOTIFY",  "MERGE",     "ACL",    "BASELINE-CONTROL"};

bool is_known(Bytes method) {
  return std::find(kSeenInTheWild.begin(), kSeenInTheWild.end(), method) != kSeenInTheWild.end();
}

bool may_become_known(Bytes beginning) {
  return std::any_of(kSeenInTheWild.begin(), kSeenInTheWild.end(),
                     [&](Bytes known) { return known.starts_with(beginning); });
}

bool may_be_a_tail(Bytes method) {
  if (method.size() < 3) return true;
  if (is_known(method)) return false;
  return std::any_of(kSeenInTheWild.begin(), kSeenInTheWild.end(),
                     [&](Bytes known) { return known.ends_with(method); });
}

bool is_target(Bytes method, Bytes target) {
  if (target.empty()) return false;
  for (const char c : target) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return false;
  }
  if (method == "CONNECT") return target.find(':') != Bytes::npos;
  return target.front() == '/' || target == "*" || target.find("://") != Bytes::npos;
}

Match classify_response(Bytes in) {
  constexpr Bytes kPattern = "HTTP/1.d ddd";
  for (std::size_t i = 0; i < kPattern.size(); ++i) {
    if (i == in.size()) return Match::kMaybe;
    if (kPattern[i] == 'd' ? !is_digit(in[i]) : in[i] != kPattern[i]) return Match::kNo;
  }
  if (in.size() == kPattern.size()) return Match::kMaybe;
  Head head;
  std::size_t next = 0;
  const Bytes line = line_at(in, 0, next);
  const bool cut = next == Bytes::npos && line.size() == kPattern.size() + 1 && line.back() == '\r';
  if (cut) return Match::kMaybe;
  if (!parse_status_line(line, head)) return Match::kNo;
  return next == Bytes::npos ? Match::kMaybe : Match::kResponse;
}

Match classify_request(Bytes in, Sync sync) {
  const bool strict = sync != Sync::kSynced;
  const std::size_t end = static_cast<std::size_t>(
      std::find_if_not(in.begin(), in.begin() + std::min(in.size(), kMaxMethod + 1), is_token) - in.begin());
  if (end == in.size()) {
    return end <= kMaxMethod && (sync != Sync::kLost || may_become_known(in)) ? Match::kMaybe : Match::kNo;
  }
  if (end == 0 || (in[end] != ' ' && (strict || in[end] != '\t'))) return Match::kNo;
  const Bytes method = in.substr(0, end);
  if (sync == Sync::kFresh ? may_be_a_tail(method) : sync == Sync::kLost && !is_known(method)) return Match::kNo;
  std::size_t next = 0;
  Bytes line = line_at(in, 0, next);
  if (next == Bytes::npos) {
    Bytes target = in.substr(end + 1);  // maybe cut, maybe followed by a part of the version
    if (strict && !target.empty() && method != "CONNECT" && target[0] != '/' && target[0] != '*' &&
        !is_alpha(target[0])) {
      return Match::kNo;
    }
    for (const char c : target) {
      if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r') return Match::kNo;
    }
    if (!strict) return Match::kMaybe;
    const std::size_t space = target.find(' ');
    if (space == Bytes::npos) return Match::kMaybe;
    const Bytes version = target.substr(space + 1);
    constexpr Bytes kVersion = "HTTP/1.";
    const std::size_t n = std::min(version.size(), kVersion.size());
    return is_target(method, target.substr(0, space)) && version.substr(0, n) == kVersion.substr(0, n) ? Match::kMaybe
                                                                                                       : Match::kNo;
  }
  Head head;
  if (!parse_request_line(line, head)) return Match::kNo;
  if (!strict) return Match::kRequest;
  const std::size_t exact = method.size() + 1 + head.request.target.size() + 1 + 8;
  return line.size() == exact && is_target(method, head.request.target) ? Match::kRequest : Match::kNo;
}

}  // namespace

Match classify_start(Bytes in, Sync sync) {
  if (in.empty()) return Match::kMaybe;
  if (in.substr(0, 5) == Bytes("HTTP/").substr(0, std::min<std::size_t>(in.size(), 5))) {
    const Match response = classify_response(in);
    // "H", "HT"… may also begin a method that is no more than that.
    return response == Match::kNo && in.size() < 5 ? classify_request(in, sync) : response;
  }
  return classify_request(in, sync);
}

std::size_t find_head_end(Bytes in, std::size_t& scanned) {
  std::size_t from = scanned;
  while (from < in.size()) {
    const void* found = std::memchr(in.data() + from, '\n', in.size() - from);
    if (found == nullptr) break;
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - in.data());
    const Bytes after = in.substr(at + 1, 2);
    if (!after.empty() && after[0] == '\n') return at + 2;
    if (after == "\r\n") return at + 3;
    if (after.empty() || after == "\r") {
      scanned = at;  // the next bytes decide
      return 0;
    }
    from = at + 1;
  }
  scanned = in.size();
  return 0;
}

Parsed parse_head(Bytes in, Head& head) {
  std::size_t next = 0;
  const Bytes start = line_at(in, 0, next);
  if (next == Bytes::npos) return {};
  if (!(start.starts_with("HTTP/") ? parse_status_line(start, head) : parse_request_line(start, head))) return {};
  while (next < in.size()) {
    const std::size_t from = next;
    Bytes line = line_at(in, from, next);
    if (next == Bytes::npos) break;
    if (line.empty()) return {true, next};
    const std::size_t begin = from;
    while (next < in.size() && is_blank(in[next])) {
      const std::size_t fold = next;
      const Bytes more = line_at(in, fold, next);
      if (next == Bytes::npos) return {true, 0};  // cut within the field's value
      line = in.substr(begin, fold + more.size() - begin);
    }
    take_field(line, head);
  }
  return {true, 0};
}

Body body_of(const Head& head) {
  if (head.has_coding) {
    // Section 6.1: transfer codings in HTTP/1.0 are faulty framing; a coding other than chunked at the end leaves a
    // response to last until close, and a request without an end.
    if (head.chunked && head.request.version != "1.0") return Body::kChunked;
    return head.is_request ? Body::kUnknown : Body::kUntilClose;
  }
  if (head.bad_length) return Body::kUnknown;
  if (head.has_length) return head.length > 0 ? Body::kLength : Body::kNone;
  return head.is_request ? Body::kNone : Body::kUntilClose;
}

}  // namespace telegen::http1
