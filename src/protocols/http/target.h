// What a request is for: RFC 9112, section 3.2, the four forms of a request target.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace telegen::http {

struct Target {
  Bytes scheme;     // absolute form only
  Bytes authority;  // absolute and authority form: host, maybe a port, maybe user information
  Bytes path;       // "/…", or "*" in asterisk form; empty in authority form
  Bytes query;      // without the question mark
};

// `connect`: the method is CONNECT, whose target is an authority. A fragment, which has no place here, is cut off.
Target split_target(Bytes target, bool connect);

struct Authority {
  Bytes host;              // without user information and without brackets
  std::uint16_t port = 0;  // 0: none given, or none that is valid
};
Authority split_authority(Bytes authority);

// The query with the values of the keys that the conventions call sensitive replaced by REDACTED.
std::string redact_query(Bytes query);

}  // namespace telegen::http
