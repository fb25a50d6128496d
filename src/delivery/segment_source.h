// Where segments live: anonymous memory or files of a directory. Whoever has the rights opens them; the worker's come
// from the loader, which keeps them when the worker dies.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace telegen {

enum class SegmentMedium : std::uint8_t { kMemory, kDisk };

// A place for one segment, by number.
struct SegmentSlot {
  SegmentMedium medium = SegmentMedium::kMemory;
  std::uint32_t number = 0;
  auto operator<=>(const SegmentSlot&) const = default;
};
constexpr std::uint32_t kMaxSegments = 4096;  // of each medium

class SegmentSource {
 public:
  virtual ~SegmentSource() = default;
  // To read and write, at what it held when it was opened last; made if there was none.
  virtual Result<Fd> open(SegmentSlot slot) = 0;
  // Those that hold anything.
  virtual Result<std::vector<SegmentSlot>> existing() = 0;
};

// Memory of this process, for what has no loader: replay and tests. It lives as long as this object.
class OwnMemory final : public SegmentSource {
 public:
  Result<Fd> open(SegmentSlot slot) override;
  Result<std::vector<SegmentSlot>> existing() override;

 private:
  std::map<SegmentSlot, Fd> files_;
};

}  // namespace telegen
