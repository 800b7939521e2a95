set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

# "Dev": quick to run (the simulation is most of the quick tests' time), with asserts and line numbers.
set(CMAKE_CXX_FLAGS_DEV "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(PGRS_SANITIZE "" CACHE STRING "sanitizers, as -fsanitize= takes them")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wconversion -Werror)
# GCC 12 sees overlapping copies in std::string's own operator+ (GCC bug 105651).
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(PGRS_SANITIZE)
  add_compile_options(-O1 -fsanitize=${PGRS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PGRS_SANITIZE})
  if(PGRS_SANITIZE MATCHES thread)
    # Boost.Asio's fences: a report that is wrong because of one would be seen.
    add_compile_options(-Wno-tsan)
  endif()
  # An empty optional that is read is not seen by the sanitizers.
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

option(PGRS_FUZZ "fuzz targets as libFuzzer binaries; needs clang" OFF)
if(PGRS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
