#include "export/transport/tls.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/fd.h"

namespace telegen {
namespace {

constexpr std::size_t kMaxFileBytes = 4U << 20;
constexpr std::array<const char*, 4> kSystemAuthorities = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",                             // SUSE
    "/etc/ssl/cert.pem",                                  // Alpine without the package
};

Result<std::string> read_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "open", path, ErrorKind::kConfiguration);
  std::string content;
  char block[16384];
  while (true) {
    const ssize_t n = ::read(fd.get(), block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, "read", path, ErrorKind::kConfiguration);
    if (n == 0) return content;
    content.append(block, static_cast<std::size_t>(n));
    if (content.size() > kMaxFileBytes) return fail("read " + path + ": larger than 4 MiB", ErrorKind::kConfiguration);
  }
}

Result<std::string> read_pem(std::string_view key, const std::string& path) {
  auto content = read_file(path);
  if (!content) return while_doing(key, content.error());
  if (content->find("-----BEGIN ") == std::string::npos) {
    return fail(std::string(key) + ": " + path + " is not a PEM file", ErrorKind::kConfiguration);
  }
  return content;
}

}  // namespace

Result<TlsMaterial> load_tls_material(const TlsSettings& settings) {
  TlsMaterial material;
  material.verify = !settings.insecure_skip_verify;
  if (settings.cert_file.empty() != settings.key_file.empty()) {
    return fail("otlp.tls: cert_file and key_file go together; one of them is missing", ErrorKind::kConfiguration);
  }
  if (!settings.ca_file.empty()) {
    auto pem = read_pem("otlp.tls.ca_file", settings.ca_file);
    if (!pem) return std::unexpected(pem.error());
    material.ca_pem = *std::move(pem);
  } else if (material.verify) {
    for (const char* path : kSystemAuthorities) {
      auto pem = read_file(path);
      if (!pem) continue;
      material.ca_pem = *std::move(pem);
      break;
    }
  }
  if (settings.cert_file.empty()) return material;
  auto cert = read_pem("otlp.tls.cert_file", settings.cert_file);
  if (!cert) return std::unexpected(cert.error());
  auto key = read_pem("otlp.tls.key_file", settings.key_file);
  if (!key) return std::unexpected(key.error());
  material.cert_pem = *std::move(cert);
  material.key_pem = *std::move(key);
  return material;
}

}  // namespace telegen
