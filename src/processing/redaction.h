// Takes out of texts what should not leave the host, by the rules of `pipeline.redaction`: SpanLimits gives it each
// text of a span; any other text (log bodies) will do as well. One instance serves any number of threads.
#pragma once

#include <string>
#include <vector>

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

 private:
  TextRanges find(std::string_view text, const Suspicion& suspicion) const;

  bool credit_cards_ = true, tokens_ = true, emails_ = false;
  std::string replacement_;
  std::vector<Regex> patterns_;
};

}  // namespace telegen
