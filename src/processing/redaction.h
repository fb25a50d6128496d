// Takes out of texts what should not leave the host, by the rules of `pipeline.redaction`: for spans, and for any other
// text (log bodies). One instance serves any number of threads.
#pragma once

#include <string>
#include <vector>

#include "model/span.h"
#include "processing/secrets.h"
#include "processing/settings.h"
#include "processing/suspicion.h"
#include "processing/text_pattern.h"

namespace telegen {

class Redactor {
 public:
  static Redactor compile(const RedactionSettings& settings, KeyProblems& problems);

  // Whether anything was replaced. What is found is replaced as a whole; ranges that overlap become one.
  bool redact(std::string& text) const;
  // How many texts were changed. Keys are not looked at.
  std::size_t redact(Attributes& attributes) const;
  // Name, status message, attributes and events; not the resource, which is shared and not about a request.
  std::size_t redact(Span& span) const;

 private:
  TextRanges find(std::string_view text, const Suspicion& suspicion) const;

  bool enabled_ = true;
  bool credit_cards_ = true, tokens_ = true, emails_ = false;
  std::string replacement_;
  std::vector<Regex> patterns_;
};

}  // namespace telegen
