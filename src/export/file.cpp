#include "export/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "export/io.h"
#include "export/otlp/json.h"

namespace telegen {
namespace {

class FileOutput final : public SpanOutput {
 public:
  FileOutput(std::string path, OpenOutput open, std::uint64_t max_bytes, otlp::Scope scope)
      : path_(std::move(path)), open_(std::move(open)), max_bytes_(max_bytes), scope_(std::move(scope)) {}

  std::string_view name() const override { return "file"; }

  Result<void> write(std::span<const Span> spans) override {
    if (spans.empty()) return {};
    return write_line(otlp::encode_traces_json(spans, scope_) + "\n");
  }

 private:
  Result<void> write_line(const std::string& line) {
    if (!fd_.valid()) {
      if (auto opened = reopen(); !opened) return opened;
    }
    if (size_ != 0 && size_ + line.size() > max_bytes_) {
      ++generation_;
      fd_.reset();
      if (auto opened = reopen(); !opened) return opened;
    }
    const auto written = write_all(fd_.get(), line, path_);
    if (!written) {
      // Half a line would spoil the next one. Where it cannot be cut off (a pipe), a new start is the best there is.
      if (!regular_ || ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) fd_.reset();
      return written;
    }
    size_ += line.size();
    return {};
  }

  Result<void> reopen() {
    auto opened = open_(generation_);
    if (!opened) return std::unexpected(opened.error());
    struct stat info{};
    if (::fstat(opened->get(), &info) != 0) return fail_errno(errno, "stat", path_, ErrorKind::kExport);
    regular_ = S_ISREG(info.st_mode);
    size_ = regular_ ? static_cast<std::uint64_t>(info.st_size) : 0;
    fd_ = *std::move(opened);
    return {};
  }

  std::string path_;
  OpenOutput open_;
  std::uint64_t max_bytes_;
  otlp::Scope scope_;
  Fd fd_;
  bool regular_ = false;
  std::uint64_t size_ = 0;
  int generation_ = 0;
};

}  // namespace

std::unique_ptr<SpanOutput> make_file_output(std::string path, OpenOutput open, std::uint64_t max_bytes,
                                             otlp::Scope scope) {
  return std::make_unique<FileOutput>(std::move(path), std::move(open), max_bytes, std::move(scope));
}

Result<Fd> open_rotated(const std::string& path, std::int64_t max_files, int generation) {
  // A rotation whose opening failed is asked for again: with the newest already moved away there is nothing to do.
  if (generation > 0 && ::access(path.c_str(), F_OK) == 0) {
    const auto numbered = [&path](std::int64_t n) { return n == 0 ? path : path + "." + std::to_string(n); };
    if (max_files <= 1 && ::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return fail_errno(errno, "remove", path, ErrorKind::kExport);
    }
    for (std::int64_t n = max_files - 1; n > 0; --n) {  // rename replaces the oldest
      if (::rename(numbered(n - 1).c_str(), numbered(n).c_str()) != 0 && errno != ENOENT) {
        return fail_errno(errno, "rotate", numbered(n - 1), ErrorKind::kExport);
      }
    }
  }
  Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!fd.valid()) return fail_errno(errno, "open", path, ErrorKind::kExport);
  return fd;
}

}  // namespace telegen
