// Included before everything in a build with the address sanitizer. The abseil of the system is
// built without it: its headers would poison slots of hash maps that its library never unpoisons.
#pragma once

#include <sanitizer/asan_interface.h>

#undef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(address, size) \
  (static_cast<void>(address), static_cast<void>(size))
