// Certificates and keys as bytes: they are read once, where the rights to do so are, and handed to the transport.
#pragma once

#include <string>

#include "base/result.h"
#include "export/settings.h"

namespace telegen {

struct TlsMaterial {
  std::string ca_pem;
  std::string cert_pem;
  std::string key_pem;
  bool verify = true;
};

// Reads the files of `settings`; without a ca_file the system's authorities, and a system without any is an error only
// to a transport that has to verify somebody. Needs the rights to read them, so the wiring calls it before it gives
// them up. Errors name the file and the configuration key.
Result<TlsMaterial> load_tls_material(const TlsSettings& settings);

}  // namespace telegen
