// Protobuf output with all lengths known beforehand: sizes are computed first, so nothing is written twice and nothing
// moves (protozero's submessage writer reserves five bytes a length and moves the content when the length is known;
// with two nested messages an attribute that was half of the cost). Private to this folder.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <protozero/varint.hpp>
#include <string_view>
#include <vector>

namespace telegen::otlp::wire {

static_assert(std::endian::native == std::endian::little, "fixed-width fields are copied as they are");

enum class Kind : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

inline std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) * 9 + 64) / 64;
}
// A length-delimited field with a number below 16.
inline std::size_t bytes_field_size(std::size_t content) { return 1 + varint_size(content) + content; }

// A field with a number below 16 that is left out where it has its default.
inline std::size_t optional_varint_size(std::uint64_t value) { return value == 0 ? 0 : 1 + varint_size(value); }

// Writes to memory that the caller made large enough.
class Writer {
 public:
  explicit Writer(char* out) : out_(out) {}
  char* position() const { return out_; }

  void tag(std::uint32_t field, Kind kind) { varint(field << 3 | static_cast<std::uint32_t>(kind)); }
  void varint(std::uint64_t value) {
    if (value < 0x80) {
      *out_++ = static_cast<char>(value);
    } else {
      out_ += protozero::add_varint_to_buffer(out_, value);
    }
  }
  void fixed64(std::uint32_t field, std::uint64_t value) {
    tag(field, Kind::kFixed64);
    raw(&value, sizeof value);
  }
  void fixed32(std::uint32_t field, std::uint32_t value) {
    tag(field, Kind::kFixed32);
    raw(&value, sizeof value);
  }
  void varint_field(std::uint32_t field, std::uint64_t value) {
    tag(field, Kind::kVarint);
    varint(value);
  }
  void sint32_field(std::uint32_t field, std::int32_t value) { varint_field(field, protozero::encode_zigzag32(value)); }
  void real_field(std::uint32_t field, double value) { fixed64(field, std::bit_cast<std::uint64_t>(value)); }
  // What is encoded already.
  void copy(std::string_view encoded) { raw(encoded.data(), encoded.size()); }
  // A packed field of 64-bit values: integers, times or doubles.
  template <class Number>
  void packed64(std::uint32_t field, const std::vector<Number>& values) {
    static_assert(sizeof(Number) == 8);
    begin(field, values.size() * sizeof(Number));
    raw(values.data(), values.size() * sizeof(Number));
  }
  void optional_varint(std::uint32_t field, std::uint64_t value) {
    if (value != 0) varint_field(field, value);
  }
  void bytes(std::uint32_t field, std::string_view value) {
    begin(field, value.size());
    raw(value.data(), value.size());
  }
  // The head of a message of `size` bytes; the content follows.
  void begin(std::uint32_t field, std::size_t size) {
    tag(field, Kind::kBytes);
    varint(size);
  }

 private:
  void raw(const void* data, std::size_t size) {
    if (size != 0) std::memcpy(out_, data, size);
    out_ += size;
  }
  char* out_;
};

}  // namespace telegen::otlp::wire
