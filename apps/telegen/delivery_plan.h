// What the settings mean for delivery: which receivers there are, and how each is reached.
#pragma once

#include <map>
#include <string>

#include "control/config/settings.h"
#include "delivery/delivery.h"
#include "export/transport/tls.h"

namespace telegen::app {

// Errors are of the configuration, so this is also how it is checked.
Result<DeliveryPlan> delivery_plan(const Settings& settings, const ReadTlsFile& read);

// What the files hold that the settings name for TLS, by path: read by the loader, packed into one text for the worker.
using TlsFiles = std::map<std::string, std::string>;
Result<TlsFiles> read_tls_files(const Settings& settings);
std::string packed(const TlsFiles& files);
Result<TlsFiles> unpacked(const std::string& text);

}  // namespace telegen::app
