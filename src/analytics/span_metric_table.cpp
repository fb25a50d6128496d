#include "analytics/span_metric_table.h"

namespace telegen {
namespace {

constexpr std::uint8_t kServer = kind_bit(SpanKind::kServer);
constexpr std::uint8_t kClient = kind_bit(SpanKind::kClient);
constexpr std::uint8_t kProducer = kind_bit(SpanKind::kProducer);
constexpr std::uint8_t kConsumer = kind_bit(SpanKind::kConsumer);

constexpr double kRequestBounds[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10};
constexpr double kDatabaseBounds[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10};

constexpr std::string_view kHttpServer[] = {"http.request.method",       "url.scheme", "error.type",
                                            "http.response.status_code", "http.route", "network.protocol.name",
                                            "network.protocol.version"};
constexpr std::string_view kHttpClient[] = {
    "http.request.method",   "server.address",          "server.port", "error.type", "http.response.status_code",
    "network.protocol.name", "network.protocol.version"};
constexpr std::string_view kRpcServer[] = {"rpc.system.name", "rpc.method", "rpc.response.status_code", "error.type"};
constexpr std::string_view kRpcClient[] = {"rpc.system.name", "rpc.method",     "rpc.response.status_code",
                                           "error.type",      "server.address", "server.port"};
constexpr std::string_view kDatabase[] = {"db.system.name",          "db.namespace",
                                          "db.collection.name",      "db.operation.name",
                                          "db.query.summary",        "db.stored_procedure.name",
                                          "db.response.status_code", "error.type",
                                          "server.address",          "server.port"};
constexpr std::string_view kMessaging[] = {"messaging.system",
                                           "messaging.operation.name",
                                           "messaging.operation.type",
                                           "messaging.destination.name",
                                           "messaging.destination.template",
                                           "messaging.destination.subscription.name",
                                           "messaging.consumer.group.name",
                                           "error.type",
                                           "server.address",
                                           "server.port"};
constexpr std::string_view kProcessing[] = {"messaging.system",
                                            "messaging.operation.name",
                                            "messaging.destination.name",
                                            "messaging.destination.template",
                                            "messaging.destination.subscription.name",
                                            "messaging.consumer.group.name",
                                            "error.type",
                                            "server.address",
                                            "server.port"};
constexpr std::string_view kLookup[] = {"dns.question.name", "error.type"};

constexpr SpanMetricRow kRows[] = {
    {"rpc.server.call.duration", "Measures the duration of an incoming Remote Procedure Call (RPC).", kServer,
     "rpc.system.name", "", kRpcServer, kRequestBounds},
    {"rpc.client.call.duration", "Measures the duration of an outgoing Remote Procedure Call (RPC).", kClient,
     "rpc.system.name", "", kRpcClient, kRequestBounds},
    {"db.client.operation.duration", "Duration of database client operations.", kClient, "db.system.name", "",
     kDatabase, kDatabaseBounds},
    {"messaging.process.duration", "Duration of processing operation.", kConsumer, "messaging.operation.type",
     "process", kProcessing, kRequestBounds},
    {"messaging.client.operation.duration",
     "Duration of messaging operation initiated by a producer or consumer client.", kClient | kProducer | kConsumer,
     "messaging.system", "", kMessaging, kRequestBounds},
    {"dns.lookup.duration", "Measures the time taken to perform a DNS lookup.", kClient, "dns.question.name", "",
     kLookup, kRequestBounds},
    {"http.server.request.duration", "Duration of HTTP server requests.", kServer, "http.request.method", "",
     kHttpServer, kRequestBounds},
    {"http.client.request.duration", "Duration of HTTP client requests.", kClient, "http.request.method", "",
     kHttpClient, kRequestBounds},
};

}  // namespace

std::span<const SpanMetricRow> span_metric_rows() { return kRows; }

}  // namespace telegen
