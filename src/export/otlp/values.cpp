#include "export/otlp/values.h"

#include "export/otlp/sanitise.h"

namespace telegen::otlp {

const std::string& encoded_attributes(const AttributeSet& set) {
  return set.encoded.get([&set] {
    Resource clean{set.attributes};
    if (!has_valid_text(clean)) clean = sanitised(clean);
    std::string out;
    out.resize_and_overwrite(attributes_size(clean.attributes), [&clean](char* at, std::size_t) {
      Writer writer(at);
      write_attributes(writer, kEncodedAttributesField, clean.attributes);
      return static_cast<std::size_t>(writer.position() - at);  // GCC 12 may hand over the capacity, not the size
    });
    return out;
  });
}

void write_encoded_attributes(Writer& out, std::uint32_t field, const std::string& encoded) {
  char* at = out.position();
  out.copy(encoded);
  if (field == kEncodedAttributesField) return;
  const char* end = out.position();
  while (at != end) {
    *at++ = static_cast<char>(field << 3 | static_cast<std::uint32_t>(wire::Kind::kBytes));
    const char* content = at;
    const std::uint64_t size = protozero::decode_varint(&content, end);
    at += static_cast<std::size_t>(content - at) + size;
  }
}

std::size_t resource_size(const Resource& resource) { return attributes_size(resource.attributes); }
void write_resource(Writer& out, const Resource& resource) { write_attributes(out, 1, resource.attributes); }

std::size_t scope_size(const Scope& scope) {
  return optional_text_size(scope.name) + optional_text_size(scope.version);
}
void write_scope(Writer& out, const Scope& scope) {
  write_optional_text(out, 1, scope.name);
  write_optional_text(out, 2, scope.version);
}

}  // namespace telegen::otlp
