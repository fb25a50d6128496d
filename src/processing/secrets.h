// Where a text holds what should not leave the host. Pure; text is any bytes. What is found is a range, so that several
// finders can look at the same text before any of it is replaced.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace telegen {

struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;  // behind the last byte
  bool operator==(const TextRange&) const = default;
};
using TextRanges = std::vector<TextRange>;

// Numbers of payment cards (ISO/IEC 7812): 13 to 19 digits with an issuer's prefix and length and a valid Luhn check
// digit, in one piece or in groups with single blanks or hyphens between. may_hold_card
// looks at every 13th byte and says no only where there is none.
bool may_hold_card(std::string_view text);
void find_cards(std::string_view text, TextRanges& found);

// The values of parameters whose names say that they are secret (password, token, api_key, …), in queries, JSON,
// headers and connection strings, and the user information of URLs (RFC 3986, 3.2.1). Placeholders of queries ("?",
// "$1") and what begins with `replacement` are passed over.
void find_secret_parameters(std::string_view text, std::string_view replacement, TextRanges& found);

// Tokens in texts of at least kShortestToken bytes that are known by their shape: JSON Web Tokens (RFC 7519),
// credentials behind Bearer and Basic (RFC 6750, 2.1; RFC 7617, 2), keys of cloud and code hosting providers by their
// documented prefixes, PEM private keys (RFC 7468).
void find_tokens(std::string_view text, TextRanges& found);

// Addresses such as a.b+c@example.com; of RFC 5321's forms only what people write.
void find_emails(std::string_view text, TextRanges& found);

}  // namespace telegen
