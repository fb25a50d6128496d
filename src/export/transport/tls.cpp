#include "export/transport/tls.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <tuple>

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

}  // namespace

Result<std::string> read_tls_file(const std::string& path) {
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

namespace {

Result<std::string> read_pem(const std::string& key, const std::string& path, const ReadTlsFile& read) {
  auto content = read(path);
  if (!content) return while_doing(key, content.error());
  if (content->find("-----BEGIN ") == std::string::npos) {
    return fail(key + ": " + path + " is not a PEM file", ErrorKind::kConfiguration);
  }
  return content;
}

}  // namespace

Result<TlsMaterial> load_tls_material(const TlsSettings& settings, std::string_view section, const ReadTlsFile& read) {
  TlsMaterial material;
  material.verify = !settings.insecure_skip_verify;
  const std::string prefix(section);
  if (settings.cert_file.empty() != settings.key_file.empty()) {
    return fail(prefix + ": cert_file and key_file go together; one of them is missing", ErrorKind::kConfiguration);
  }
  if (settings.ca_file.empty() && material.verify) {
    for (const char* path : kSystemAuthorities) {
      auto pem = read_tls_file(path);
      if (!pem) continue;
      material.ca_pem = *std::move(pem);
      break;
    }
  }
  const std::tuple<const char*, const std::string*, std::string*> files[] = {
      {".ca_file", &settings.ca_file, &material.ca_pem},
      {".cert_file", &settings.cert_file, &material.cert_pem},
      {".key_file", &settings.key_file, &material.key_pem}};
  for (const auto& [key, path, content] : files) {
    if (path->empty()) continue;
    auto pem = read_pem(prefix + key, *path, read);
    if (!pem) return std::unexpected(pem.error());
    *content = *std::move(pem);
  }
  return material;
}

}  // namespace telegen
