// The program as a whole: its command line, and what that asks for.
#pragma once

#include "operator.h"

namespace pgrightsizer::cli {

// `run` is what `pg-rightsizer run` does where the command line says nothing else. The exit code of the
// process.
[[nodiscard]] int run_program(int argc, char** argv, RunOptions run = {});

}  // namespace pgrightsizer::cli
