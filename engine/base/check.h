// LEADFLOW_CHECK: an invariant of the program, on in release. A broken one prints where and why, then
// ends the process: what was committed is safe, and the changelog brings the rest back.
#pragma once

#include <cstdio>
#include <cstdlib>

#define LEADFLOW_CHECK(condition)                                                                 \
  do {                                                                                            \
    if (!(condition)) [[unlikely]] {                                                              \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition);      \
      std::abort();                                                                               \
    }                                                                                             \
  } while (false)
