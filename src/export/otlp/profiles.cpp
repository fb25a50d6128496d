#include "export/otlp/profiles.h"

#include <algorithm>

#include "export/otlp/profile_tables.h"
#include "export/otlp/request.h"

namespace telegen::otlp {
namespace {

using wire::optional_varint_size;

std::size_t values_content(const std::vector<std::int64_t>& values) {
  std::size_t size = 0;
  for (const std::int64_t value : values) size += varint_size(static_cast<std::uint64_t>(value));
  return size;
}

class ProfileCodec {
 public:
  using Item = Profile;

  explicit ProfileCodec(const ProfileDictionary* dictionary) : tables_(dictionary) {}

  std::size_t size(const Profile& profile) {
    tables_.mark();
    use(profile);
    return profile_size(profile);
  }
  void revert() { tables_.revert(); }

  // ExportProfilesServiceRequest { repeated ResourceProfiles = 1; ProfilesDictionary dictionary = 2; }
  std::size_t shared_size() const { return bytes_field_size(tables_.size()); }
  void write_shared(Writer& out) const {
    out.begin(2, tables_.size());
    tables_.write(out);
  }

  void write(Writer& out, const Profile& profile) const {
    write_value_type(out, 1, profile.sample_type);
    for (const ProfileSample& sample : profile.samples) write_sample(out, sample);
    out.fixed64(3, profile.time.ns);
    out.optional_varint(4, static_cast<std::uint64_t>(profile.duration.count()));
    write_value_type(out, 5, profile.period_type);
    out.optional_varint(6, static_cast<std::uint64_t>(profile.period));
    if (has_id(profile)) out.bytes(7, id_text(profile));
    out.optional_varint(8, profile.dropped_attributes);
    tables_.write_attributes(out, 11, profile.attributes);
  }

 private:
  static bool has_id(const Profile& profile) {
    return std::ranges::any_of(profile.id, [](std::uint8_t byte) { return byte != 0; });
  }
  static std::string_view id_text(const Profile& profile) {
    return {reinterpret_cast<const char*>(profile.id.data()), profile.id.size()};
  }

  void use(const Profile& profile) {
    for (const ProfileValueType& type : {profile.sample_type, profile.period_type}) {
      tables_.use_string(type.type);
      tables_.use_string(type.unit);
    }
    tables_.use_attributes(profile.attributes);
    for (const ProfileSample& sample : profile.samples) {
      tables_.use_stack(sample.stack);
      tables_.use_link(sample.link);
      tables_.use_attributes(sample.attributes);
    }
  }

  // ValueType { type_strindex = 1; unit_strindex = 2; }
  std::size_t value_type_size(const ProfileValueType& type) const {
    return optional_varint_size(tables_.string(type.type)) + optional_varint_size(tables_.string(type.unit));
  }
  void write_value_type(Writer& out, std::uint32_t field, const ProfileValueType& type) const {
    out.begin(field, value_type_size(type));
    out.optional_varint(1, tables_.string(type.type));
    out.optional_varint(2, tables_.string(type.unit));
  }

  // Sample { stack_index = 1; attribute_indices = 2; link_index = 3; values = 4; timestamps_unix_nano = 5; }
  std::size_t sample_size(const ProfileSample& sample) const {
    std::size_t size = optional_varint_size(tables_.stack(sample.stack)) + tables_.attributes_size(sample.attributes) +
                       optional_varint_size(tables_.link(sample.link));
    if (!sample.values.empty()) size += bytes_field_size(values_content(sample.values));
    if (!sample.times.empty()) size += bytes_field_size(sample.times.size() * sizeof(UnixTime));
    return size;
  }
  void write_sample(Writer& out, const ProfileSample& sample) const {
    out.begin(2, sample_size(sample));
    out.optional_varint(1, tables_.stack(sample.stack));
    tables_.write_attributes(out, 2, sample.attributes);
    out.optional_varint(3, tables_.link(sample.link));
    if (!sample.values.empty()) {
      out.begin(4, values_content(sample.values));
      for (const std::int64_t value : sample.values) out.varint(static_cast<std::uint64_t>(value));
    }
    if (!sample.times.empty()) out.packed64(5, sample.times);
  }

  std::size_t profile_size(const Profile& profile) const {
    std::size_t size = bytes_field_size(value_type_size(profile.sample_type));
    for (const ProfileSample& sample : profile.samples) size += bytes_field_size(sample_size(sample));
    size += kFixed64Field + optional_varint_size(static_cast<std::uint64_t>(profile.duration.count()));
    size += bytes_field_size(value_type_size(profile.period_type));
    size += optional_varint_size(static_cast<std::uint64_t>(profile.period));
    if (has_id(profile)) size += bytes_field_size(profile.id.size());
    return size + optional_varint_size(profile.dropped_attributes) + tables_.attributes_size(profile.attributes);
  }

  ProfileTables tables_;
};

}  // namespace

Prefix encode_profiles_prefix(std::span<const Profile> profiles, const Scope& scope, std::size_t max_bytes) {
  if (profiles.empty()) return {};
  const ProfileDictionary* dictionary = profiles.front().dictionary.get();
  const auto other = std::ranges::find_if(profiles, [&](const Profile& p) { return p.dictionary.get() != dictionary; });
  ProfileCodec codec(dictionary);
  return encode_prefix(profiles.first(static_cast<std::size_t>(other - profiles.begin())), scope, max_bytes, codec);
}

}  // namespace telegen::otlp
