#include "protocols/http1/http1.h"

#include <algorithm>

#include "protocols/http1/head.h"

namespace telegen {

Match Http1::recognise(Bytes in) {
  const std::size_t start = in.find_first_not_of("\r\n");  // RFC 9112, section 2.2
  return start == Bytes::npos ? Match::kMaybe : http1::classify_start(in.substr(start), http1::Sync::kFresh);
}

std::size_t Http1::resync(Bytes in) {
  std::size_t at = 0;
  while (at < in.size()) {
    const bool line_start = in[at] != '\r' && in[at] != '\n';
    if (line_start && http1::classify_start(in.substr(at), http1::Sync::kLost) != Match::kNo) return at;
    const std::size_t newline = in.find('\n', at);
    if (newline == Bytes::npos) return in.size();
    at = newline + 1;
  }
  return in.size();
}

}  // namespace telegen
