#include "ingest/recording.h"

#include <cerrno>
#include <charconv>
#include <cstring>

namespace telegen {
namespace {

constexpr char kMagic[8] = {'T', 'E', 'L', 'E', 'G', 'E', 'N', 'R'};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kRingRecord = 1;
constexpr std::uint32_t kProcess = 2;

struct FileHeader {
  char magic[8];
  std::uint32_t version;
  std::uint32_t reserved;
  std::int64_t offset;
};

struct FrameHeader {
  std::uint32_t kind;
  std::uint32_t length;
};

std::string percent_encode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '%' && c != '=' && c != ',') {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Values keep their type by a prefix: s(tring), i(nteger), d(ouble), b(ool); lists end each item with a comma.
struct ValueText {
  std::string operator()(bool v) const { return v ? "b1" : "b0"; }
  std::string operator()(std::int64_t v) const { return "i" + std::to_string(v); }
  std::string operator()(double v) const { return "d" + std::to_string(v); }
  std::string operator()(const std::string& v) const { return "s" + percent_encode(v); }
  std::string operator()(const std::vector<std::string>& v) const {
    std::string out = "l";
    for (const std::string& item : v) out += percent_encode(item) + ",";
    return out;
  }
};

Value parse_value(std::string_view text) {
  const char type = text.empty() ? 's' : text[0];
  const std::string_view rest = text.empty() ? text : text.substr(1);
  if (type == 'b') return rest == "1";
  if (type == 'i') {
    std::int64_t value = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), value);
    return value;
  }
  if (type == 'd') return std::strtod(std::string(rest).c_str(), nullptr);
  if (type == 'l') {
    std::vector<std::string> items;
    for (std::size_t at = 0; at < rest.size();) {
      const std::size_t comma = std::min(rest.find(',', at), rest.size());
      items.push_back(percent_decode(rest.substr(at, comma - at)));
      at = comma + 1;
    }
    return items;
  }
  return percent_decode(rest);
}

Resource parse_resource(std::string_view text) {
  Resource resource;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    resource.attributes.push_back({percent_decode(line.substr(0, equals)), parse_value(line.substr(equals + 1))});
  }
  return resource;
}

}  // namespace

Result<Recorder> Recorder::start(Fd file, ClockOffset offset) {
  std::FILE* stream = ::fdopen(file.get(), "wb");
  if (stream == nullptr) return fail_errno(errno, "write", "the recording");
  static_cast<void>(file.release());
  Recorder recorder(stream);
  FileHeader header{{}, kVersion, 0, offset.ns};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  if (std::fwrite(&header, sizeof header, 1, stream) != 1) return fail_errno(errno, "write", "the recording");
  return recorder;
}

Result<void> Recorder::frame(std::uint32_t kind, Bytes first, Bytes second) {
  const FrameHeader header{kind, static_cast<std::uint32_t>(first.size() + second.size())};
  for (const Bytes part : {Bytes(reinterpret_cast<const char*>(&header), sizeof header), first, second}) {
    if (!part.empty() && std::fwrite(part.data(), part.size(), 1, file_.get()) != 1) {
      return fail_errno(errno, "write", "the recording");
    }
  }
  return {};
}

Result<void> Recorder::record(Bytes ring_record) { return frame(kRingRecord, ring_record, {}); }

Result<void> Recorder::process(std::uint32_t pid, const Resource& resource) {
  std::string text;
  for (const OwnedAttribute& attribute : resource.attributes) {
    text += percent_encode(attribute.key) + "=" + std::visit(ValueText{}, attribute.value) + "\n";
  }
  return frame(kProcess, Bytes(reinterpret_cast<const char*>(&pid), sizeof pid), text);
}

Result<void> Recorder::finish() {
  if (std::fflush(file_.get()) != 0) return fail_errno(errno, "write", "the recording");
  return {};
}

Result<void> replay_recording(Bytes file, const RecordingVisitor& visitor) {
  FileHeader header;
  if (file.size() < sizeof header) return fail("not a recording: too short");
  std::memcpy(&header, file.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0)
    return fail("not a recording: it does not start with TELEGENR");
  if (header.version != kVersion)
    return fail("a recording of version " + std::to_string(header.version) + "; this build reads 1");
  visitor.started({header.offset});
  file.remove_prefix(sizeof header);
  while (!file.empty()) {
    FrameHeader frame;
    if (file.size() < sizeof frame) return fail("the recording is cut short");
    std::memcpy(&frame, file.data(), sizeof frame);
    file.remove_prefix(sizeof frame);
    if (file.size() < frame.length) return fail("the recording is cut short");
    const Bytes body = file.substr(0, frame.length);
    file.remove_prefix(frame.length);
    if (frame.kind == kRingRecord) {
      visitor.record(body);
    } else if (frame.kind == kProcess && body.size() >= sizeof(std::uint32_t)) {
      std::uint32_t pid = 0;
      std::memcpy(&pid, body.data(), sizeof pid);
      visitor.process(pid, parse_resource(body.substr(sizeof pid)));
    } else {
      return fail("the recording has a frame of unknown kind " + std::to_string(frame.kind));
    }
  }
  return {};
}

}  // namespace telegen
