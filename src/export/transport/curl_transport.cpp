#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <utility>
#include <vector>

#include "export/otlp/response.h"
#include "export/transport/answer.h"
#include "export/transport/transport.h"

namespace telegen {
namespace {

constexpr std::size_t kMaxHeaderValue = 16U << 10;
constexpr std::string_view kUserAgent = "OTel-OTLP-Exporter-telegen/";

struct HandleFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, HandleFree>;
using HeaderList = std::unique_ptr<curl_slist, ListFree>;

// What the callbacks of one transfer fill.
struct Transfer {
  Answer answer;
  bool too_large = false;
  bool may_connect = true;
  bool wanted_connection = false;  // and did not get one, as it may not connect
  std::stop_token abandon;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Headers and, for HTTP/2, trailers: both come through here, one line a call.
std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& answer = static_cast<Transfer*>(user)->answer;
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {  // a new answer: what an interim one (1xx) said is void
    answer = Answer{};
    return line.size();
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  const std::string name = lower(trimmed(line.substr(0, colon)));
  const std::string_view value = trimmed(line.substr(colon + 1)).substr(0, kMaxHeaderValue);
  if (name == "content-type") answer.content_type = value;
  if (name == "retry-after") answer.retry_after = value;
  if (name == "grpc-status") answer.grpc_status = value;
  if (name == "grpc-message") answer.grpc_message = value;
  if (name == "grpc-status-details-bin") answer.grpc_details = value;
  if (name == "grpc-encoding") answer.grpc_encoding = value;
  return line.size();
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t bytes = size * count;
  if (transfer.answer.body.size() + bytes > otlp::kMaxResponseBytes) {
    transfer.too_large = true;
    return 0;  // libcurl ends the transfer
  }
  transfer.answer.body.append(data, bytes);
  return bytes;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->abandon.stop_requested() ? 1 : 0;
}

curl_socket_t on_open_socket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.may_connect) return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  transfer.wanted_connection = true;
  return CURL_SOCKET_BAD;
}

// libcurl 7.88 (Debian 12) breaks an HTTP/2 connection without TLS when prior knowledge is asked for on it a second
// time: it puts another HTTP/2 layer upon the one that is there (curl pull request 10643, fixed in 8.0). With TLS the
// layer is known from ALPN.
bool prior_knowledge_breaks_reuse() {
  const unsigned version = curl_version_info(CURLVERSION_NOW)->version_num;
  return version >= 0x075800 && version < 0x080000;
}

bool never_works(CURLcode code) {
  return code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT || code == CURLE_SSL_CERTPROBLEM ||
         code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CIPHER || code == CURLE_BAD_FUNCTION_ARGUMENT;
}

void set_blob(CURL* handle, CURLoption option, const std::string& bytes) {
  if (bytes.empty()) return;
  curl_blob blob{const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_NOCOPY};
  curl_easy_setopt(handle, option, &blob);
}

class CurlTransport final : public Transport {
 public:
  CurlTransport(TransportConfig config, Handle handle) : config_(std::move(config)), handle_(std::move(handle)) {}

  // Everything that is the same for each request.
  Result<void> prepare() {
    CURL* h = handle_.get();
    for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
      if (const auto made = make_headers(compression); !made) return made;
    }
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    prepare_proxy();
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_POST, 1L);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, error_.data());
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(otlp::kMaxResponseBytes));
    curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(h, CURLOPT_MAXLIFETIME_CONN, kConnectionLifetime);
    curl_easy_setopt(h, CURLOPT_MAXCONNECTS, 1L);  // a new connection is the end of the one before
    curl_easy_setopt(h, CURLOPT_DNS_CACHE_TIMEOUT, kNameLifetime);
    const long http = config_.encrypted ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, config_.grpc ? http : static_cast<long>(CURL_HTTP_VERSION_1_1));
    if (config_.encrypted) prepare_tls();
    careful_reuse_ = config_.grpc && !config_.encrypted && prior_knowledge_breaks_reuse();
    if (careful_reuse_) curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    return {};
  }

  std::string_view authority() const override { return config_.authority; }

  SendOutcome send(Payload& payload, const SendContext& context) override {
    if (config_.grpc) write_prefix(payload);
    const std::size_t skipped = config_.grpc ? 0 : kFramePrefix;
    const std::size_t size = payload.bytes.size() - skipped;
    CURL* h = handle_.get();
    Transfer transfer;
    transfer.abandon = context.abandon;
    const Duration limit = std::min(config_.timeout * std::max(context.patience, 1), context.time_limit);
    const long ms = std::max<long>(1, std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
    curl_slist* headers = headers_[static_cast<std::size_t>(payload.compression)].get();
    HeaderList timeout_header;
    if (config_.grpc) {  // the deadline is the request's own, so it heads the list that is shared by all
      timeout_header.reset(
          curl_slist_append(nullptr, ("grpc-timeout: " + std::to_string(std::min(ms, 99'999'999L)) + "m").c_str()));
      if (!timeout_header) return Retry{std::nullopt, "send: out of memory"};
      timeout_header->next = headers;
    }
    curl_easy_setopt(h, CURLOPT_URL, config_.urls[index_of(payload.signal)].c_str());
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, timeout_header ? timeout_header.get() : headers);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, ms);
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, payload.bytes.data() + skipped);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
    curl_easy_setopt(h, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, &transfer);
    const CURLcode code = careful_reuse_ ? perform_with_careful_reuse(transfer, ms) : perform_with_reuse();
    silent_ = code == CURLE_OPERATION_TIMEDOUT;
    if (timeout_header) timeout_header->next = nullptr;  // the rest of the list is not its own
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &transfer.answer.http_status);
    return outcome(code, transfer, context, {ms, size});
  }

 private:
  static constexpr long kConnectionLifetime = 300;  // seconds
  static constexpr long kNameLifetime = 30;

  struct Attempt {
    long ms;
    std::size_t size;
  };

  CURLcode perform() {
    error_[0] = '\0';
    return curl_easy_perform(handle_.get());
  }

  CURLcode perform_with_reuse() {
    curl_easy_setopt(handle_.get(), CURLOPT_FRESH_CONNECT, silent_ ? 1L : 0L);
    return perform();
  }

  // A kept connection is used under the version's plain name, which adds no layer to it. On a new connection that name
  // would mean HTTP/1.1 with an offer to upgrade, so under it none can be opened: where one is needed (there is none
  // yet, or the kept one has died), libcurl gives up before it sends anything, and it is opened by prior knowledge.
  CURLcode perform_with_careful_reuse(Transfer& transfer, long ms) {
    CURL* h = handle_.get();
    curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, &transfer);
    if (!silent_) {
      transfer.may_connect = false;
      curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 0L);
      curl_easy_setopt(h, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2_0));
      if (const CURLcode code = perform(); code != CURLE_COULDNT_CONNECT || !transfer.wanted_connection) return code;
      curl_off_t spent = 0;  // microseconds
      curl_easy_getinfo(h, CURLINFO_TOTAL_TIME_T, &spent);
      curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, std::max<long>(1, ms - spent / 1000));
      transfer.answer = Answer{};
      transfer.may_connect = true;
    }
    curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
    return perform();
  }

  static Result<void> add_header(HeaderList& list, const std::string& line) {
    curl_slist* grown = curl_slist_append(list.get(), line.c_str());
    if (grown == nullptr) return fail("prepare headers: out of memory");
    if (!list) list.reset(grown);  // else it was appended to what the list holds
    return {};
  }

  Result<void> make_headers(Compression compression) {
    std::vector<std::string> lines = {"User-Agent: " + std::string(kUserAgent) + config_.version, "Expect:"};
    const std::string encoding(encoding_name(compression));
    if (config_.grpc) {
      lines.insert(lines.end(),
                   {"Content-Type: application/grpc", "TE: trailers", "grpc-accept-encoding: identity,gzip,zstd"});
      if (compression != Compression::kNone) lines.push_back("grpc-encoding: " + encoding);
    } else {
      lines.emplace_back("Content-Type: application/x-protobuf");
      if (compression != Compression::kNone) lines.push_back("Content-Encoding: " + encoding);
    }
    for (const auto& [name, value] : config_.headers) {
      // ";" in place of ":" is libcurl's way to send a header that has no value.
      lines.emplace_back(name).append(value.empty() ? ";" : ": ").append(value);
    }
    for (const std::string& line : lines) {
      if (auto added = add_header(headers_[static_cast<std::size_t>(compression)], line); !added) return added;
    }
    return {};
  }

  // libcurl itself reads the variables; gRPC needs a connection of its own through the proxy.
  void prepare_proxy() {
    CURL* h = handle_.get();
    if (config_.proxy != "environment") {
      curl_easy_setopt(h, CURLOPT_PROXY, config_.proxy == "none" ? "" : config_.proxy.c_str());
    }
    if (config_.grpc) curl_easy_setopt(h, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // the proxy's answer is not the receiver's
  }

  void prepare_tls() {
    CURL* h = handle_.get();
    set_blob(h, CURLOPT_CAINFO_BLOB, config_.tls.ca_pem);
    set_blob(h, CURLOPT_SSLCERT_BLOB, config_.tls.cert_pem);
    set_blob(h, CURLOPT_SSLKEY_BLOB, config_.tls.key_pem);
    curl_easy_setopt(h, CURLOPT_CAINFO, nullptr);  // what is built in needs files that the worker may not open
    curl_easy_setopt(h, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, config_.tls.verify ? 1L : 0L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, config_.tls.verify ? 2L : 0L);
  }

  // gRPC over HTTP/2: Compressed-Flag (1 byte), Message-Length (4 bytes, big endian).
  static void write_prefix(Payload& payload) {
    const std::size_t length = payload.bytes.size() - kFramePrefix;
    payload.bytes[0] = payload.compression == Compression::kNone ? 0 : 1;
    for (std::size_t i = 0; i < 4; ++i) payload.bytes[1 + i] = static_cast<char>(length >> (24 - 8 * i) & 0xff);
  }

  SendOutcome outcome(CURLcode code, const Transfer& transfer, const SendContext& context,
                      const Attempt& attempt) const {
    const std::string where = config_.authority;
    if (transfer.too_large || code == CURLE_FILESIZE_EXCEEDED) {
      // A success or failure that is not in doubt is judged by its status; the rest of the answer is never read.
      Answer head = transfer.answer;
      head.body.clear();
      if (!config_.grpc && head.http_status >= 400) return prefixed(classify_http(head, context.now));
      return Permanent{"send to " + where + ": the answer is larger than 4 MiB"};
    }
    if (code == CURLE_OK) {
      return prefixed(config_.grpc ? classify_grpc(transfer.answer) : classify_http(transfer.answer, context.now));
    }
    std::string reason = failure_in_words(code, attempt.ms);
    if (never_works(code)) return Permanent{std::move(reason)};
    curl_off_t sent = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_SIZE_UPLOAD_T, &sent);
    const bool unfinished = sent > 0 && static_cast<std::size_t>(sent) < attempt.size;
    return Retry{std::nullopt, std::move(reason), sent > 0, code == CURLE_OPERATION_TIMEDOUT && unfinished};
  }

  // Puts the endpoint before the reason of a receiver.
  SendOutcome prefixed(SendOutcome outcome) const {
    const std::string prefix = "send to " + config_.authority + ": ";
    if (auto* retry = std::get_if<Retry>(&outcome)) retry->reason.insert(0, prefix);
    if (auto* permanent = std::get_if<Permanent>(&outcome)) permanent->reason.insert(0, prefix);
    return outcome;
  }

  std::string failure_in_words(CURLcode code, long ms) const {
    const std::string& where = config_.authority;
    switch (code) {
      case CURLE_COULDNT_CONNECT: {
        long os_error = 0;
        curl_easy_getinfo(handle_.get(), CURLINFO_OS_ERRNO, &os_error);
        if (os_error == 0) break;
        return fail_errno(static_cast<int>(os_error), "connect", where).error().message;
      }
      case CURLE_COULDNT_RESOLVE_HOST: return "resolve " + where + ": the name is not known";
      case CURLE_OPERATION_TIMEDOUT: return "send to " + where + ": no answer within " + std::to_string(ms) + " ms";
      case CURLE_ABORTED_BY_CALLBACK: return "send to " + where + ": given up at shutdown";
      default: break;
    }
    const std::string_view detail = error_[0] != '\0' ? std::string_view(error_.data()) : curl_easy_strerror(code);
    return "send to " + where + ": " + std::string(detail);
  }

  TransportConfig config_;
  std::array<HeaderList, 3> headers_;  // by compression; declared before the handle, which points into it
  std::array<char, CURL_ERROR_SIZE> error_{};
  Handle handle_;
  bool careful_reuse_ = false;
  // The last answer was waited for in vain: behind a connection may be nothing any more, and HTTP/2 would use it again.
  bool silent_ = false;
};

bool is_token(std::string_view text) {  // RFC 9110, 5.6.2
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || std::strchr("!#$%&'*+-.^_`|~", c) != nullptr;
  });
}

}  // namespace

Result<CurlRuntime> CurlRuntime::start() {
  if (const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK) {
    return fail(std::string("start libcurl: ") + curl_easy_strerror(code), ErrorKind::kExport);
  }
  return CurlRuntime();
}
CurlRuntime::~CurlRuntime() {
  if (active_) curl_global_cleanup();
}

Result<TransportConfig> transport_config(const OtlpWireSettings& settings, std::string_view section,
                                         std::string_view endpoint, bool as_is, TlsMaterial tls, std::string version) {
  const auto bad = [&section](std::string_view key, std::string_view why) {
    return fail(std::string(section) + "." + std::string(key) + ": " + std::string(why), ErrorKind::kConfiguration);
  };
  for (const auto& [name, value] : settings.headers) {
    // A line break in either would let a value become a header of its own.
    if (!is_token(name)) return bad("headers", "'" + name + "' is no header name");
    if (std::ranges::any_of(value, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; })) {
      return bad("headers." + name, "the value has a control character");
    }
  }
  TransportConfig config{.authority = {},
                         .urls = {},
                         .grpc = settings.protocol == "grpc",
                         .timeout = settings.timeout,
                         .headers = settings.headers,
                         .proxy = settings.proxy,
                         .tls = std::move(tls),
                         .version = std::move(version)};
  for (const Signal signal : kAllSignals) {
    auto parsed = parse_endpoint(endpoint, config.grpc, settings.tls.enabled, as_is, signal);
    if (!parsed) return bad("endpoint", parsed.error().message);
    config.authority = std::move(parsed->authority);
    config.encrypted = parsed->tls;
    config.urls[index_of(signal)] = std::move(parsed->url);
  }
  if (config.encrypted && config.tls.verify && config.tls.ca_pem.empty()) {
    return bad("tls.ca_file", "this system has no file of authorities; name one");
  }
  return config;
}

Result<std::unique_ptr<Transport>> make_transport(TransportConfig config) {
  Handle handle(curl_easy_init());
  if (!handle) return fail("start libcurl: no handle", ErrorKind::kExport);
  auto transport = std::make_unique<CurlTransport>(std::move(config), std::move(handle));
  if (const auto prepared = transport->prepare(); !prepared) return std::unexpected(prepared.error());
  return transport;
}

}  // namespace telegen
