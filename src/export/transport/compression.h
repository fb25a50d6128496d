// Whole-buffer compression of requests and bounded decompression of answers.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace telegen {

enum class Compression { kNone, kGzip, kZstd };

// "gzip", "zstd", "none", as in the configuration.
std::optional<Compression> parse_compression(std::string_view name);
// The name on the wire (Content-Encoding, grpc-encoding); "identity" for none.
std::string_view encoding_name(Compression compression);

// Keeps its working memory between calls. One thread.
class Compressor {
 public:
  // gzip level 1: a higher one costs several times the CPU for a few per cent of the bytes.
  explicit Compressor(Compression kind, int gzip_level = 1);
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  Compression kind() const { return kind_; }
  // Appends the compressed form of `input` to `out`; on failure `out` is as it was.
  Result<void> append(std::string_view input, std::string& out);

 private:
  struct State;
  Compression kind_;
  std::unique_ptr<State> state_;
};

// `encoding` as encoding_name() gives it; an output above `max_bytes` is an error, however small its input.
Result<std::string> decompress(std::string_view encoding, std::string_view input, std::size_t max_bytes);

}  // namespace telegen
