// Certificates and keys as bytes: they are read once, where the rights to do so are, and handed to the transport.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "export/settings.h"

namespace telegen {

struct TlsMaterial {
  std::string ca_pem;
  std::string cert_pem;
  std::string key_pem;
  bool verify = true;
};

// What a file holds. The worker may not read what only root may, so for it this looks into what the loader handed over.
using ReadTlsFile = std::function<Result<std::string>(const std::string& path)>;
Result<std::string> read_tls_file(const std::string& path);

// The files of `settings`; without a ca_file the system's authorities, which anybody may read, and a system without any
// is an error only to a transport that has to verify somebody. Errors name the file and, after `section` ("otlp.tls"),
// the configuration key.
Result<TlsMaterial> load_tls_material(const TlsSettings& settings, std::string_view section, const ReadTlsFile& read);

}  // namespace telegen
