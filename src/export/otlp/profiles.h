// Profiles to the bytes of an opentelemetry.proto.collector.profiles.v1development.ExportProfilesServiceRequest. Pure;
// any thread. Format: opentelemetry-proto 1.9 and later, profiles/v1development/profiles.proto.
#pragma once

#include <cstddef>
#include <span>

#include "export/otlp/otlp.h"
#include "model/profile.h"

namespace telegen::otlp {

// A request's dictionary holds what its own profiles refer to, and nothing else, under new indices; so one dictionary
// may be split over many requests. A prefix ends before a profile with another dictionary. An index beyond its table is
// written as 0.
Prefix encode_profiles_prefix(std::span<const Profile> profiles, const Scope& scope, std::size_t max_bytes);

}  // namespace telegen::otlp
