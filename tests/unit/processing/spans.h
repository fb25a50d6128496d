// Spans of every sort, for the tests of this folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "model/span.h"
#include "processing/key_problem.h"

namespace telegen::testing {

inline ResourcePtr resource_of(std::string service, OwnedAttributes more = {}) {
  auto resource = std::make_shared<Resource>();
  resource->attributes = {{"service.name", std::move(service)}};
  for (OwnedAttribute& one : more) resource->attributes.push_back(std::move(one));
  return resource;
}

// A server span of one millisecond with `attributes` after method, path and route.
inline Span http_request(std::string method, std::string path, Attributes attributes = {},
                         ResourcePtr resource = resource_of("shop")) {
  Span span;
  span.kind = SpanKind::kServer;
  span.name = method + " /products/{id}";
  span.start = {1'700'000'000'000'000'000ULL};
  span.end = {span.start.ns + 1'000'000};
  span.attributes = {{"http.request.method", std::move(method)},
                     {"url.path", std::move(path)},
                     {"http.route", std::string("/products/{id}")}};
  for (Attribute& one : attributes) span.attributes.push_back(std::move(one));
  span.resource = std::move(resource);
  return span;
}

template <class Id>
Id random_id(Random& random) {
  Id id;
  for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(random.next());
  return id;
}

inline std::vector<std::string> keys_of(const KeyProblems& problems) {
  std::vector<std::string> keys;
  for (const KeyProblem& problem : problems) keys.push_back(problem.key);
  return keys;
}

}  // namespace telegen::testing
