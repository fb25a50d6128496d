// Definitions that let this program link until the rooms behind these commands are there.
#include <cstdio>

#include "commands.h"
#include "exit_code.h"

namespace telegen::app {
namespace {

int not_in_this_build(const char* command) {
  std::fprintf(stderr, "telegen: %s is not part of this build\n", command);
  return kGeneral;
}

}  // namespace

int run_agent(const RunOptions&) { return not_in_this_build("run"); }
int run_doctor(const DoctorOptions&) { return not_in_this_build("doctor"); }
int run_record(const RecordOptions&) { return not_in_this_build("record"); }
int run_replay(const ReplayOptions&) { return not_in_this_build("replay"); }
int run_worker(const WorkerOptions&) { return not_in_this_build("worker"); }

}  // namespace telegen::app
