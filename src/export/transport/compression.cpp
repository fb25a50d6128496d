#include "export/transport/compression.h"

#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace telegen {
namespace {

constexpr int kZstdLevel = 1;

struct DeflateFree {
  void operator()(libdeflate_compressor* p) const { libdeflate_free_compressor(p); }
  void operator()(libdeflate_decompressor* p) const { libdeflate_free_decompressor(p); }
};
struct ZstdFree {
  void operator()(ZSTD_CCtx* p) const { ZSTD_freeCCtx(p); }
  void operator()(ZSTD_DCtx* p) const { ZSTD_freeDCtx(p); }
};

Result<std::string> gunzip(std::string_view input, std::size_t max_bytes) {
  const std::unique_ptr<libdeflate_decompressor, DeflateFree> tool(libdeflate_alloc_decompressor());
  if (!tool) return fail("decompress an answer: out of memory");
  // The size is not known beforehand: grow towards the limit.
  for (std::size_t room = 64UL << 10;; room *= 4) {
    room = std::min(room, max_bytes);
    std::string out(room, '\0');
    std::size_t size = 0;
    switch (libdeflate_gzip_decompress(tool.get(), input.data(), input.size(), out.data(), room, &size)) {
      case LIBDEFLATE_SUCCESS: out.resize(size); return out;
      case LIBDEFLATE_INSUFFICIENT_SPACE: break;
      default: return fail("decompress an answer: not valid gzip");
    }
    if (room == max_bytes) return fail("decompress an answer: larger than " + std::to_string(max_bytes) + " bytes");
  }
}

Result<std::string> unzstd(std::string_view input, std::size_t max_bytes) {
  const std::unique_ptr<ZSTD_DCtx, ZstdFree> context(ZSTD_createDCtx());
  if (!context) return fail("decompress an answer: out of memory");
  std::string out;
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  char block[16UL << 10];
  while (true) {
    ZSTD_outBuffer piece{block, sizeof block, 0};
    const std::size_t left = ZSTD_decompressStream(context.get(), &piece, &in);
    if (ZSTD_isError(left) != 0) return fail("decompress an answer: not valid zstd");
    if (out.size() + piece.pos > max_bytes) {
      return fail("decompress an answer: larger than " + std::to_string(max_bytes) + " bytes");
    }
    out.append(block, piece.pos);
    if (left == 0 && in.pos == in.size) return out;
    if (in.pos == in.size && piece.pos < sizeof block) return fail("decompress an answer: zstd data is cut short");
  }
}

}  // namespace

struct Compressor::State {
  std::unique_ptr<libdeflate_compressor, DeflateFree> gzip;
  std::unique_ptr<ZSTD_CCtx, ZstdFree> zstd;
};

Compressor::Compressor(Compression kind, int gzip_level) : kind_(kind), state_(std::make_unique<State>()) {
  if (kind == Compression::kGzip) state_->gzip.reset(libdeflate_alloc_compressor(gzip_level));
  if (kind == Compression::kZstd) state_->zstd.reset(ZSTD_createCCtx());
}
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;

Result<void> Compressor::append(std::string_view input, std::string& out) {
  const std::size_t before = out.size();
  std::size_t bound = input.size();
  if (kind_ == Compression::kGzip) bound = libdeflate_gzip_compress_bound(state_->gzip.get(), input.size());
  if (kind_ == Compression::kZstd) bound = ZSTD_compressBound(input.size());
  if (kind_ != Compression::kNone && !state_->gzip && !state_->zstd) return fail("compress a request: out of memory");
  std::size_t written = 0;
  out.resize_and_overwrite(before + bound, [&](char* data, std::size_t) {
    char* const at = data + before;
    if (kind_ == Compression::kGzip) {
      written = libdeflate_gzip_compress(state_->gzip.get(), input.data(), input.size(), at, bound);
    } else if (kind_ == Compression::kZstd) {
      const std::size_t size = ZSTD_compressCCtx(state_->zstd.get(), at, bound, input.data(), input.size(), kZstdLevel);
      written = ZSTD_isError(size) != 0 ? 0 : size;
    } else {
      if (!input.empty()) std::memcpy(at, input.data(), input.size());
      written = input.size();
    }
    return before + written;
  });
  if (written == 0 && !input.empty()) return fail("compress a request: the library refused");
  return {};
}

std::optional<Compression> parse_compression(std::string_view name) {
  if (name == "none") return Compression::kNone;
  if (name == "gzip") return Compression::kGzip;
  if (name == "zstd") return Compression::kZstd;
  return std::nullopt;
}

std::string_view encoding_name(Compression compression) {
  switch (compression) {
    case Compression::kGzip: return "gzip";
    case Compression::kZstd: return "zstd";
    case Compression::kNone: break;
  }
  return "identity";
}

Result<std::string> decompress(std::string_view encoding, std::string_view input, std::size_t max_bytes) {
  if (encoding == "gzip") return gunzip(input, max_bytes);
  if (encoding == "zstd") return unzstd(input, max_bytes);
  return fail("decompress an answer: unknown encoding '" + std::string(encoding.substr(0, 64)) + "'");
}

}  // namespace telegen
