// Random numbers as an argument: seeded by the wiring from the kernel, by tests with a constant.
#pragma once

#include <array>
#include <cstdint>

namespace telegen {

// xoshiro256** (Blackman, Vigna: "Scrambled linear pseudorandom number generators", 2018). One thread.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  static Random from_kernel();
  std::uint64_t next();

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace telegen
