#include "processing/transform.h"

#include <sodium/crypto_hash_sha256.h>

#include <algorithm>
#include <array>
#include <utility>

#include "processing/span_fields.h"
#include "processing/value_text.h"

namespace telegen {
namespace {

void set(Attributes& attributes, std::string_view key, Value value) {
  const auto found = std::ranges::find(attributes, key, &Attribute::key);
  if (found != attributes.end()) {
    found->value = std::move(value);
  } else {
    attributes.push_back({key, std::move(value)});
  }
}

void add(Attributes& attributes, const OwnedAttributes* resource, std::string_view key, std::string_view from) {
  const Value* value = find_value(attributes, from);
  if (value == nullptr && resource != nullptr) value = find_value(*resource, from);
  if (value != nullptr) set(attributes, key, Value(*value));
}

void rename(Attributes& attributes, std::string_view key, std::string_view to) {
  if (key == to || find_value(attributes, key) == nullptr) return;
  std::erase_if(attributes, [to](const Attribute& attribute) { return attribute.key == to; });
  std::ranges::find(attributes, key, &Attribute::key)->key = to;
}

// What each action needs and what it does not take.
struct Shape {
  std::string_view name;
  bool value_or_from, to;
};
constexpr std::array<Shape, 4> kShapes = {
    {{"add", true, false}, {"rename", false, true}, {"delete", false, false}, {"hash", false, false}}};

}  // namespace

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

Transforms::Step Transforms::compile_step(const TransformSettings& settings, const std::string& key,
                                          AttributeKeys& keys, KeyProblems& problems) {
  Step out;
  const auto shape = std::ranges::find(kShapes, settings.action, &Shape::name);
  if (shape == kShapes.end()) {
    problems.push_back({key + ".action", "'" + settings.action + "' is not add, rename, delete or hash"});
    return out;
  }
  out.action = static_cast<Action>(shape - kShapes.begin());
  const auto refuse = [&](std::string_view what, bool given, bool taken) {
    if (given && !taken) problems.push_back({key + "." + std::string(what), settings.action + " takes no such key"});
  };
  refuse("value", !settings.value.empty(), shape->value_or_from);
  refuse("from", !settings.from.empty(), shape->value_or_from);
  refuse("to", !settings.to.empty(), shape->to);
  if (shape->to && settings.to.empty()) problems.push_back({key + ".to", "rename needs the new key"});
  if (shape->value_or_from && !settings.value.empty() && !settings.from.empty()) {
    problems.push_back({key + ".from", "a value is either given or copied, not both"});
  }
  if (settings.key.empty()) {
    problems.push_back({key + ".key", "it names no attribute"});
  } else if (out.action == Action::kDelete || out.action == Action::kHash) {
    auto pattern = TextPattern::compile(settings.key);
    if (pattern) out.pattern.push_back(std::move(*pattern));
    if (!pattern) problems.push_back({key + ".key", pattern.error().message});
  }
  out.key = keys.keep(settings.key);
  out.to = keys.keep(settings.to);
  out.value = settings.value;
  out.from = keys.keep(settings.from);
  if (settings.when != RuleSettings{}) out.when.push_back(SpanRule::compile(settings.when, key + ".when", problems));
  return out;
}

Transforms Transforms::compile(const std::vector<TransformSettings>& settings, AttributeKeys& keys,
                               KeyProblems& problems) {
  Transforms out;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    out.steps_.push_back(compile_step(settings[i], "pipeline.transform[" + std::to_string(i) + "]", keys, problems));
  }
  return out;
}

void Transforms::apply(Span& span) const {
  for (const Step& step : steps_) {
    if (step.when.empty() || step.when.front().matches(span)) apply_step(step, span);
  }
}

void Transforms::apply_step(const Step& step, Span& span) {
  const auto matches = [&step](const Attribute& attribute) { return step.pattern.front().matches(attribute.key); };
  switch (step.action) {
    case Action::kAdd:
      if (step.from.empty()) {
        set(span.attributes, step.key, step.value);
      } else {
        add(span.attributes, span.resource == nullptr ? nullptr : &span.resource->attributes, step.key, step.from);
      }
      break;
    case Action::kRename: rename(span.attributes, step.key, step.to); break;
    case Action::kDelete: std::erase_if(span.attributes, matches); break;
    case Action::kHash:
      for (Attribute& attribute : span.attributes) {
        if (matches(attribute)) attribute.value = sha256_hex(value_text(attribute.value));
      }
      break;
  }
}

}  // namespace telegen
