#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "export/console.h"
#include "export/file.h"
#include "export/otlp/json.h"
#include "sample_spans.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::http_span;

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "telegen-export-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::vector<std::string> lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> out;
  for (std::string line; std::getline(file, line);) out.push_back(line);
  return out;
}

TEST(Console, OneAlignedLineASpan) {
  const auto resource = testing::checkout_resource();
  Span span = http_span(7, resource);
  span.start = {1'700'000'000'123'000'000ULL};
  span.end = {1'700'000'000'124'234'000ULL};
  EXPECT_EQ(format_span(span, {}),
            "22:13:20.123  checkout          ◀  GET /api/products/{id}                   200    1.23 ms  "
            "10.1.2.3:40007            0708090a0b0c0d0e0f10111213141516 ← 090a0b0c0d0e0f10\n");
  Span root = span;
  root.parent_id = {};
  root.kind = SpanKind::kClient;
  root.status = SpanStatus::kError;
  root.attributes.clear();
  root.resource = nullptr;
  root.end = {1'700'000'002'123'000'000ULL};
  root.name = std::string(50, 'n');
  EXPECT_EQ(format_span(root, {.utc_offset_seconds = 3600}),
            "23:13:20.123  -                 ▶  " + std::string(35, 'n') + "…   error     2.00 s  " +
                std::string(24, ' ') + "  0708090a0b0c0d0e0f10111213141516\n");
}

TEST(Console, NoCapturedByteReachesTheTerminalAsAControl) {
  Span span = http_span(1, nullptr);
  for (int c = 0; c < 256; ++c) {
    for (const std::string& name : {std::string(1, static_cast<char>(c)), std::string("\xc2") + static_cast<char>(c),
                                    std::string("\xe2\x80") + static_cast<char>(c)}) {
      span.name = "x" + name + "y";
      const std::string line = format_span(span, {});
      for (std::size_t i = 0; i + 1 < line.size(); ++i) {
        const auto byte = static_cast<unsigned char>(line[i]);
        ASSERT_GE(byte, 0x20) << c;
        ASSERT_NE(byte, 0x7f) << c;
        ASSERT_FALSE(byte == 0xc2 && static_cast<unsigned char>(line[i + 1]) < 0xa0) << c;
      }
    }
  }
  span.name = "\x1b[2J\xe2\x80\xae";
  EXPECT_NE(format_span(span, {}).find("\\x1b[2J\\xe2\\x80\\xae"), std::string::npos);
}

TEST(Console, ColourOnlyWhereAsked) {
  const Span span = http_span(1, testing::checkout_resource());
  EXPECT_EQ(format_span(span, {}).find('\x1b'), std::string::npos);
  EXPECT_NE(format_span(span, {.colour = true}).find("\x1b[36mcheckout\x1b[0m"), std::string::npos);
}

TEST(Console, AFailedWriteIsSaid) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const auto output = make_console_output(full.get(), {});
  const std::vector<Span> spans = {http_span(1, nullptr)};
  EXPECT_EQ(output->write(spans).error().message, "write to the console: No space left on device");
}

TEST(File, WritesLinesRotatesAndKeepsSoMany) {
  const Folder folder;
  const std::string path = folder.file("spans.jsonl");
  const std::vector<Span> spans = {http_span(1, testing::checkout_resource())};
  const std::size_t line = otlp::encode_traces_json(spans, {"telegen", "9"}).size() + 1;
  const auto make = [&] {
    return make_file_output(path, [&](int g) { return open_rotated(path, 3, g); }, 2 * line, {"telegen", "9"});
  };
  auto output = make();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(output->write(spans));
  EXPECT_EQ(lines(path).size(), 1U);
  EXPECT_EQ(lines(path + ".1").size(), 2U);
  output = make();  // a new start goes on where the file ends
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(output->write(spans));
  EXPECT_EQ(lines(path).size(), 1U);
  EXPECT_EQ(lines(path + ".1").size(), 2U);
  EXPECT_EQ(lines(path + ".2").size(), 2U);
  EXPECT_FALSE(std::filesystem::exists(path + ".3"));
  for (const std::string& text : lines(path + ".1")) EXPECT_TRUE(nlohmann::json::accept(text));
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0007, 0U);
}

TEST(File, AnOpenThatFailsIsTriedAgainWithoutLosingOlderFiles) {
  const Folder folder;
  const std::string path = folder.file("x");
  bool broken = true;
  std::vector<int> generations;
  const std::vector<Span> spans = {http_span(1, nullptr)};
  const auto output = make_file_output(path,
                                       [&](int g) -> Result<Fd> {
                                         generations.push_back(g);
                                         if (broken) return fail("open x: no");
                                         return open_rotated(path, 2, g);
                                       },
                                       10, {});
  EXPECT_EQ(output->write(spans).error().message, "open x: no");
  broken = false;
  EXPECT_TRUE(output->write(spans));
  EXPECT_TRUE(output->write(spans));
  EXPECT_EQ(generations, (std::vector<int>{0, 0, 1}));
  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_TRUE(open_rotated(path, 2, 2).has_value());  // nothing to move away: the older file stays
  EXPECT_EQ(lines(path + ".1").size(), 1U);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_EQ(::symlink("/dev/null", path.c_str()), 0);
  EXPECT_FALSE(open_rotated(path, 2, 0));
}

}  // namespace
}  // namespace telegen
