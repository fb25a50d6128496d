#include "processing/redaction.h"

#include <gtest/gtest.h>

#include <chrono>

#include "processing/span_processor.h"
#include "processing/suspicion.h"
#include "spans.h"

namespace telegen {
namespace {

std::string redacted(std::string text, const RedactionSettings& settings = {}) {
  KeyProblems problems;
  const Redactor redactor = Redactor::compile(settings, problems);
  EXPECT_TRUE(problems.empty()) << to_error(problems).message;
  const std::string before = text;
  const bool changed = redactor.redact(text);
  EXPECT_EQ(changed, text != before) << before;
  std::string again = text;
  EXPECT_FALSE(redactor.redact(again)) << text;  // what was redacted stays as it is
  return text;
}

void expect_untouched(std::string_view text, const RedactionSettings& settings = {}) {
  EXPECT_EQ(redacted(std::string(text), settings), text);
}

// A number with a valid check digit behind `prefix`.
std::string card(Random& random, std::string prefix, std::size_t digits) {
  while (prefix.size() + 1 < digits) prefix += static_cast<char>('0' + random.next() % 10);
  unsigned sum = 0;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const unsigned digit = static_cast<unsigned>(prefix[prefix.size() - 1 - i] - '0') * (i % 2 == 0 ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return prefix + static_cast<char>('0' + (10 - sum % 10) % 10);
}

// The numbers that payment providers publish for tests.
TEST(Redactor, CardNumbers) {
  for (const char* number :
       {"4111111111111111", "4012888888881881", "4222222222222", "5555555555554444", "2223003122003222",
        "378282246310005", "6011111111111117", "30569309025904", "38520000023237", "3530111333300000",
        "6200000000000005", "4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005"}) {
    const std::string text = "card " + std::string(number) + ", thanks";
    EXPECT_EQ(redacted(text), "card [redacted], thanks");
    EXPECT_EQ(redacted(number), "[redacted]");
    EXPECT_EQ(redacted("/pay/" + std::string(number) + "/now"), "/pay/[redacted]/now");
    expect_untouched(text, {.credit_cards = false});
  }
  EXPECT_EQ(redacted("on 2024-01-01 4111 1111 1111 1111 12/27"), "on 2024-01-01 [redacted] 12/27");
  EXPECT_EQ(redacted("4111111111111111 5555555555554444"), "[redacted] [redacted]");
}

TEST(Redactor, NumbersThatAreNoCards) {
  for (const char* text :
       {"4111111111111112",                      // check digit
        "1700000000000", "1700000000000000000",  // times
        "41111111111111111111",                  // too long
        "a4111111111111111", "4111111111111111b", "0.4111111111111111", "4111111111111111.5", "_4111111111111111",
        "41 11 11 11 11 11 11 11", "4111  1111  1111  1111", "4111 1111-1111 1111", "9111111111111111",
        "550e8400-e29b-41d4-a716-446655440000", "4111-1111-1111-111", "192.168.100.100"}) {
    expect_untouched(text);
  }
}

TEST(Redactor, FindsEveryCardWhereverItStands) {
  Random random(11);
  constexpr std::pair<const char*, std::size_t> kKinds[] = {{"4", 16},  {"4", 13},    {"51", 16},  {"2221", 16},
                                                            {"34", 15}, {"6011", 16}, {"300", 14}, {"3528", 16}};
  for (int i = 0; i < 20'000; ++i) {
    const auto& [prefix, digits] = kKinds[random.next() % std::size(kKinds)];
    const std::string before(random.next() % 40, "/ -x:"[random.next() % 5]);
    const bool joined = !before.empty() && before.back() == 'x';
    const std::string text =
        before + (joined ? " " : "") + card(random, prefix, digits) + std::string(random.next() % 20, '/');
    ASSERT_NE(redacted(text).find("[redacted]"), std::string::npos) << text;
  }
}

TEST(Redactor, SecretParameters) {
  EXPECT_EQ(redacted("user=me&password=hunter2&page=2"), "user=me&password=[redacted]&page=2");
  EXPECT_EQ(redacted("access_token=abc"), "access_token=[redacted]");
  EXPECT_EQ(redacted("/login?X-Api-Key=1#top"), "/login?X-Api-Key=[redacted]#top");
  EXPECT_EQ(redacted("sig=x"), "sig=[redacted]");
  EXPECT_EQ(redacted("Host=db;Pwd=p w;Port=1"), "Host=db;Pwd=[redacted] w;Port=1");
  EXPECT_EQ(redacted(R"({"user":"me","password":"a\"b"})"), R"({"user":"me","password":"[redacted]"})");
  EXPECT_EQ(redacted(R"({"client_secret": "abcdef", "x": 1})"), R"({"client_secret": "[redacted]", "x": 1})");
  EXPECT_EQ(redacted(R"("{\"apiKey\":\"abcdef\"}")"), R"("{\"apiKey\":\"[redacted]\"}")");
  EXPECT_EQ(redacted("Authorization: Basic dXNlcjpwYXNz"), "Authorization: [redacted]");
  EXPECT_EQ(redacted("password = 'my secret' AND 1"), "password = '[redacted]' AND 1");
  EXPECT_EQ(redacted("https://me:pw@shop/x?y=1"), "https://[redacted]@shop/x?y=1");
  EXPECT_EQ(redacted("postgres://u:p@ss@db:5432/a"), "postgres://[redacted]@db:5432/a");
  for (const char* text : {"page=2&sort=asc", "max_tokens=100", "tokenizer=bpe", "secretary=anna",
                           "Unexpected token: }", "a password is needed", "UPDATE users SET password = $1 WHERE id = ?",
                           "password=?", "password=", "password=&x=1", "https://shop/@me", "https://shop?mail=a@b",
                           "https://REDACTED:REDACTED@shop/", "Set: passwords", "x::token::y"}) {
    expect_untouched(text);
    expect_untouched(text, {.tokens = false});
  }
}

TEST(Redactor, Tokens) {
  const std::string jwt =
      "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
  EXPECT_EQ(redacted("jwt " + jwt + "!"), "jwt [redacted]!");
  EXPECT_EQ(redacted("cut " + jwt.substr(0, 40)), "cut [redacted]");
  EXPECT_EQ(redacted("cut " + jwt.substr(0, 15)), "cut [redacted]");
  EXPECT_EQ(redacted("got Bearer mF_9.B5f-4.1JqM"), "got Bearer [redacted]");
  EXPECT_EQ(redacted("BASIC QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "BASIC [redacted]");
  EXPECT_EQ(redacted("AKIAIOSFODNN7EXAMPLE"), "[redacted]");
  EXPECT_EQ(redacted("x ghp_0123456789abcdefghijABCDEFGHIJ012345 y"), "x [redacted] y");
  EXPECT_EQ(redacted("glpat-0123456789abcdefghij"), "[redacted]");
  EXPECT_EQ(redacted("xoxb-123456789012-abcdef"), "[redacted]");
  EXPECT_EQ(redacted("(sk_live_0123456789abcdef)"), "([redacted])");
  EXPECT_EQ(redacted("AIza0123456789abcdefghij0123456789ABCDE"), "[redacted]");
  EXPECT_EQ(redacted("a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b"), "a [redacted] b");
  EXPECT_EQ(redacted("-----BEGIN PRIVATE KEY-----\nMIIE"), "[redacted]");
  for (const char* text :
       {"eyJ", "eyJabc.", "the bearer of news", "basic operations", "AKIA", "ghp_short", "task-list-of-things",
        "/risk-0123456789abcdefghijk/", "-----BEGIN CERTIFICATE-----", "Mozilla/5.0 (X11; Linux x86_64)",
        "eyJhbGciOiJI and more", "bearer authentication", "x_AKIAIOSFODNN7EXAMPLE"}) {
    expect_untouched(text);
  }
}

TEST(Redactor, Emails) {
  const RedactionSettings on{.emails = true};
  EXPECT_EQ(redacted("mail a.b+c@example.co.uk.", on), "mail [redacted].");
  EXPECT_EQ(redacted("<x@y.org>,z_1@q.de", on), "<[redacted]>,[redacted]");
  for (const char* text : {"a@b", "@example.com", "a@.com", "a@b.c", "a@b.1x", "user@host", "@", "a@"}) {
    expect_untouched(text, on);
  }
  expect_untouched("mail a@example.com");
}

TEST(Redactor, PatternsOfUsers) {
  const RedactionSettings settings{.patterns = {"order-[0-9]+", "(?i)secret word", "x*"}, .replacement = "***"};
  EXPECT_EQ(redacted("order-12 and Secret Word, order-3", settings), "*** and ***, ***");
  EXPECT_EQ(redacted("axxb", settings), "a***b");
  EXPECT_EQ(redacted("overlap password=order-1x", settings), "overlap password=***");
  KeyProblems problems;
  Redactor::compile({.patterns = {"ok", "("}}, problems);
  EXPECT_EQ(testing::keys_of(problems), std::vector<std::string>{"pipeline.redaction.patterns[1]"});
}

TEST(Redactor, LooksAtEveryTextOfASpan) {
  const std::string secret = "token=abc";
  Span span;
  span.name = span.status_message = secret;
  span.attributes = {{"url.query", secret}, {"list", std::vector<std::string>{"fine", secret}}, {"n", std::int64_t{1}}};
  span.events = {{{}, secret, {{"exception.message", secret}}}};
  AttributeKeys keys;
  const SamplingScale scale;
  auto processor = SpanProcessor::make({}, {}, keys, scale);
  ASSERT_TRUE(processor);
  const Processed out = processor->process({span}, {});
  ASSERT_EQ(out.ready.size(), 1U);
  EXPECT_EQ(out.trimmed.redacted, 6U);
  const std::string clean = "token=[redacted]";
  const Span& ready = out.ready[0];
  EXPECT_EQ(ready.name, clean);
  EXPECT_EQ(ready.status_message, clean);
  EXPECT_EQ(std::get<std::string>(ready.attributes[0].value), clean);
  EXPECT_EQ(std::get<std::vector<std::string>>(ready.attributes[1].value), (std::vector<std::string>{"fine", clean}));
  EXPECT_EQ(std::get<std::int64_t>(ready.attributes[2].value), 1);
  EXPECT_EQ(ready.events[0].name, clean);
  EXPECT_EQ(std::get<std::string>(ready.events[0].attributes[0].value), clean);
}

// The table look-up before the finders may be wrong in one direction only: what a finder finds, it suspects.
TEST(Redactor, NothingIsFoundThatIsNotSuspected) {
  Random random(5);
  constexpr std::string_view kPieces[] = {"eyJ",
                                          "abcd1234",
                                          ".",
                                          "Bearer ",
                                          "basic  ",
                                          "AKIA",
                                          "0123456789ABCDEF",
                                          "ghp_",
                                          "sk-",
                                          "xoxb-",
                                          "github_pat_",
                                          "glpat-",
                                          "password",
                                          "=",
                                          ":",
                                          "://",
                                          "u:p",
                                          "@",
                                          "b.org",
                                          " ",
                                          "\"",
                                          "-----BEGIN ",
                                          "PRIVATE KEY-----",
                                          "AIza",
                                          "ASIA",
                                          "rk_live_",
                                          "&",
                                          "\n",
                                          "\xff"};
  std::size_t with_tokens = 0, with_values = 0, with_emails = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    for (std::uint64_t n = random.next() % 10; n > 0; --n) text += kPieces[random.next() % std::size(kPieces)];
    const Suspicion suspicion = suspect(text);
    TextRanges values, tokens, emails;
    find_secret_parameters(text, "[redacted]", values);
    find_tokens(text, tokens);
    find_emails(text, emails);
    ASSERT_TRUE(values.empty() || suspicion.assignment) << text;
    ASSERT_TRUE(tokens.empty() || suspicion.token) << text;
    ASSERT_TRUE(emails.empty() || suspicion.email) << text;
    for (const TextRanges* ranges : {&values, &tokens, &emails}) {
      for (const TextRange& range : *ranges) ASSERT_TRUE(range.begin < range.end && range.end <= text.size()) << text;
    }
    with_values += values.empty() ? 0 : 1;
    with_tokens += tokens.empty() ? 0 : 1;
    with_emails += emails.empty() ? 0 : 1;
  }
  EXPECT_GT(with_values, 100U);
  EXPECT_GT(with_tokens, 100U);
  EXPECT_GT(with_emails, 100U);
}

// Texts that begin like a secret again and again: a finder that starts over at each would take minutes.
TEST(Redactor, TakesLinearTimeOnHostileText) {
  const RedactionSettings settings{.emails = true};
  KeyProblems problems;
  const Redactor redactor = Redactor::compile(settings, problems);
  for (const char* piece : {"eyJ-", "eyJa.", "ghp_a-", "password=REDACTED", "password='", "://a", "a@a", "Bearer ",
                            "4111 ", "4111", "-----BEGIN ", "token: ", "1 1-", "=:", "-----BEGIN PRIVATE KEY"}) {
    std::string text;
    while (text.size() < 1'000'000) text += piece;
    text += '!';
    const auto start = std::chrono::steady_clock::now();
    redactor.redact(text);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10)) << piece;
  }
}

}  // namespace
}  // namespace telegen
