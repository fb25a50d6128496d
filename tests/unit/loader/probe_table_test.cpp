// The probe table and the BPF objects name the same programs: one that is in the table alone is never loaded, one that
// is in an object alone is dead code, and neither shows at run time.
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "loader/plan/plan.h"

namespace telegen {
namespace {

struct ObjectDeleter {
  void operator()(bpf_object* object) const { ::bpf_object__close(object); }
};

std::multiset<std::string> programs_of_the_objects() {
  std::multiset<std::string> names;
  for (const char* path : {TELEGEN_BPF_OBJECTS "/process.bpf.o", TELEGEN_BPF_OBJECTS "/socket.bpf.o"}) {
    const std::unique_ptr<bpf_object, ObjectDeleter> object(::bpf_object__open_file(path, nullptr));
    EXPECT_NE(object, nullptr) << path;
    if (!object) continue;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object.get()) names.insert(::bpf_program__name(program));
  }
  return names;
}

std::set<std::string> programs_of_the_table() {
  std::set<std::string> names;
  for (const Hook& hook : probe_table()) {
    for (const Candidate& candidate : hook.candidates)
      names.insert(candidate.programs.begin(), candidate.programs.end());
  }
  return names;
}

TEST(ProbeTable, NamesExactlyTheProgramsOfTheObjects) {
  const std::multiset<std::string> built = programs_of_the_objects();
  const std::set<std::string> listed = programs_of_the_table();
  EXPECT_FALSE(built.empty());
  for (const std::string& name : listed)
    EXPECT_EQ(built.count(name), 1U) << name << " is in the table, but in no object";
  for (const std::string& name : built) EXPECT_TRUE(listed.contains(name)) << name << " is in no row of the table";
}

TEST(ProbeTable, ACandidateListsAProgramOnce) {
  for (const Hook& hook : probe_table()) {
    for (const Candidate& candidate : hook.candidates) {
      const std::set<std::string_view> distinct(candidate.programs.begin(), candidate.programs.end());
      EXPECT_EQ(distinct.size(), candidate.programs.size()) << hook.key << ": " << candidate.name;
      EXPECT_FALSE(candidate.cost.empty()) << hook.key << ": " << candidate.name << " has no cost";
    }
  }
}

}  // namespace
}  // namespace telegen
