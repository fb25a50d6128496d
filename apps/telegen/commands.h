// The sub-commands: what each is asked for, and the function that carries it out. Every function returns the process's
// exit code (exit_code.h) and prints its own errors.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/config/load.h"

namespace telegen::app {

struct RunOptions {
  LoadRequest load;  // file and option overrides are filled in; the command adds environment rules and checks
};
int run_agent(const RunOptions& options);

struct DoctorOptions {
  bool json = false;
};
int run_doctor(const DoctorOptions& options);

struct RecordOptions {
  RunOptions run;
  std::string file;
};
int run_record(const RecordOptions& options);

struct ReplayOptions {
  RunOptions run;
  std::string file;
};
int run_replay(const ReplayOptions& options);

struct WorkerOptions {
  bool self_check = false;
};
int run_worker(const WorkerOptions& options);  // started by the loader only; hidden
// As root: becomes what a worker is, tries what a worker may not do, prints {"bpf": "EPERM", …}. kPermission if it
// could not become one, kGeneral if anything was not refused.
int run_self_check();

struct ValidateOptions {
  LoadRequest load;
  bool show = false;
};
int run_validate(const ValidateOptions& options);

struct StatusOptions {
  LoadRequest load;     // where the API listens, and its token
  std::string address;  // "127.0.0.1:19090"; empty: as configured
  bool json = false;
};
int run_status(const StatusOptions& options);
int run_top(const StatusOptions& options);

struct VersionOptions {
  bool json = false;
};
int run_version(const VersionOptions& options);

}  // namespace telegen::app
