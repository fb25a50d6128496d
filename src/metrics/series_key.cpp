#include "metrics/series_key.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

namespace telegen {
namespace {

__extension__ using Product = unsigned __int128;

constexpr std::uint64_t kOdd1 = 0x9e3779b97f4a7c15ULL;
constexpr std::uint64_t kOdd2 = 0xd6e8feb86659fd93ULL;

// Both halves of the product: each bit of the inputs reaches the whole word.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const Product product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <class Word>
std::uint64_t load(std::string_view text, std::size_t at) {
  Word word;
  std::memcpy(&word, text.data() + at, sizeof word);
  return word;
}

// The last up to eight bytes as a word. Two texts of one length that differ there give different words.
std::uint64_t tail_of(std::string_view text) {
  const std::size_t size = text.size();
  if (size >= 8) return load<std::uint64_t>(text, size - 8);
  if (size >= 4) return load<std::uint32_t>(text, 0) << 32 | load<std::uint32_t>(text, size - 4);
  if (size == 0) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])); };
  return byte(0) << 16 | byte(size / 2) << 8 | byte(size - 1);
}

// A call of memcmp would take longer than most of these are.
bool same_text(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t at = 0; at + 8 < a.size(); at += 8) {
    if (load<std::uint64_t>(a, at) != load<std::uint64_t>(b, at)) return false;
  }
  return tail_of(a) == tail_of(b);
}

std::uint64_t hash_word(std::uint64_t word, std::uint64_t seed) {
  return fold(word ^ seed, kOdd1 ^ std::rotl(seed, 32));
}

std::uint64_t hash_value(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = seed ^ text.size() * kOdd2;
  for (std::size_t at = 0; at + 8 < text.size(); at += 8) hash = hash_word(load<std::uint64_t>(text, at), hash);
  return hash_word(tail_of(text), hash);
}
std::uint64_t hash_value(bool value, std::uint64_t seed) { return hash_word(value ? 1 : 2, seed); }
std::uint64_t hash_value(std::int64_t value, std::uint64_t seed) {
  return hash_word(static_cast<std::uint64_t>(value), seed);
}
std::uint64_t hash_value(double value, std::uint64_t seed) {
  return hash_word(std::bit_cast<std::uint64_t>(value), seed);
}
std::uint64_t hash_value(const std::vector<std::string>& list, std::uint64_t seed) {
  std::uint64_t hash = seed + list.size();
  for (const std::string& text : list) hash = hash_value(std::string_view(text), hash);
  return hash;
}
std::uint64_t hash_value(const std::string& text, std::uint64_t seed) {
  return hash_value(std::string_view(text), seed);
}

// A sum does not depend on the order. Keys come from the conventions, so their length and end tell them apart well
// enough; equality decides.
template <class List>
std::uint64_t hash_list(const List& list, std::uint64_t seed) {
  std::uint64_t sum = list.size();
  for (const auto& one : list) {
    const std::uint64_t key = fold(tail_of(one.key) ^ seed, kOdd2 + one.key.size());
    sum += std::visit([&](const auto& value) { return hash_value(value, key + one.value.index()); }, one.value);
  }
  return fold(sum ^ seed, kOdd1);
}

bool same_value(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }
bool same_value(bool a, bool b) { return a == b; }
bool same_value(std::int64_t a, std::int64_t b) { return a == b; }
bool same_value(std::string_view a, std::string_view b) { return same_text(a, b); }
bool same_value(const std::vector<std::string>& a, const std::vector<std::string>& b) { return a == b; }

template <class Held, class Other>
bool same_attribute(const Held& held, const Other& other) {
  return same_text(held.key, other.key) &&
         std::visit(
             [&](const auto& value) {
               using Type = std::decay_t<decltype(value)>;
               // A view is compared with the text that it views.
               using HeldType = std::conditional_t<std::is_same_v<Type, std::string_view>, std::string, Type>;
               const HeldType* mine = std::get_if<HeldType>(&held.value);
               return mine != nullptr && same_value(*mine, value);
             },
             other.value);
}

template <class Held, class Other>
bool same_list(const Held& held, const Other& other) {
  if (held.size() != other.size()) return false;
  for (std::size_t i = 0; i < held.size(); ++i) {
    // Nearly always in the same order.
    if (same_attribute(held[i], other[i])) continue;
    if (std::ranges::none_of(held, [&](const auto& one) { return same_attribute(one, other[i]); })) return false;
  }
  return true;
}

std::size_t heap_of(const std::string& text) {
  static const std::size_t inside = std::string().capacity();
  return text.capacity() > inside ? text.capacity() + 1 : 0;
}

}  // namespace

std::uint64_t hash_of(SeriesAttributes attributes, std::uint64_t seed) { return hash_list(attributes, seed); }
std::uint64_t hash_of(const Resource& resource, std::uint64_t seed) { return hash_list(resource.attributes, seed); }

bool same_attributes(const AttributeSetPtr& set, SeriesAttributes attributes) {
  if (set == nullptr) return attributes.empty();
  return same_list(set->attributes, attributes);
}

bool same_resource(const Resource& a, const Resource& b) { return same_list(a.attributes, b.attributes); }

AttributeSetPtr make_attribute_set(SeriesAttributes attributes) {
  if (attributes.empty()) return nullptr;
  OwnedAttributes list;
  list.reserve(attributes.size());
  for (const SeriesAttribute& one : attributes) {
    Value value = std::visit(
        [](const auto& held) -> Value {
          if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::string_view>) {
            return std::string(held);
          } else {
            return held;
          }
        },
        one.value);
    list.push_back({std::string(one.key), std::move(value)});
  }
  return std::make_shared<const AttributeSet>(std::move(list));
}

std::size_t held_bytes(const AttributeSetPtr& set) {
  if (set == nullptr) return 0;
  constexpr std::size_t kControlBlock = 16;     // of the shared pointer
  constexpr std::size_t kEncodedOverhead = 10;  // tags and lengths of one encoded attribute
  std::size_t bytes = kControlBlock + sizeof(AttributeSet) + set->attributes.capacity() * sizeof(OwnedAttribute);
  std::size_t encoded = sizeof(std::string);
  for (const OwnedAttribute& one : set->attributes) {
    bytes += heap_of(one.key);
    encoded += one.key.size() + kEncodedOverhead;
    if (const auto* text = std::get_if<std::string>(&one.value)) {
      bytes += heap_of(*text);
      encoded += text->size();
    }
  }
  return bytes + encoded;
}

}  // namespace telegen
