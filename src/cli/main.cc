#include "program.h"

int main(int argc, char** argv) { return pgrightsizer::cli::run_program(argc, argv); }
