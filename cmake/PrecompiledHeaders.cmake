# Half of the time of a compile goes into the same headers of the standard library: they are read
# once for the product and once for the tests. What clang builds (its thread-safety analysis, the
# fuzz targets) is built without, and shows that each file names what it needs.
#
# What only tests are made of runs for seconds, and would take as long to optimize as all the rest.
# (With sanitizers it is: without, their stacks grow too large.)

set(LEADFLOW_PCH OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(LEADFLOW_PCH ON)
endif()
set(test_options -O0)
if(LEADFLOW_SANITIZE)
  set(test_options "")
endif()

# leadflow_headers(test_headers OPTIONS -O0 DEPS GTest::gtest HEADERS <string> <vector>)
function(leadflow_headers name)
  cmake_parse_arguments(ARG "" "" "OPTIONS;HEADERS;DEPS" ${ARGN})
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/${name}.cc CONTENT "// None but its headers.\n")
  add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/${name}.cc)
  target_link_libraries(${name} PRIVATE leadflow_options ${ARG_DEPS})
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
endfunction()

if(LEADFLOW_PCH)
  # A precompiled header fits only what is compiled with the same options as itself. In one, g++ 12
  # sees faults in <string> that are not there.
  target_compile_options(leadflow_options INTERFACE -pthread
    -fpch-preprocess -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  set(common_headers <algorithm> <array> <cstdint> <cstring> <deque> <functional> <limits> <map>
    <memory> <mutex> <optional> <set> <span> <string> <string_view> <unordered_map> <utility>
    <variant> <vector> <absl/container/flat_hash_map.h>)
  leadflow_headers(product_headers DEPS absl::flat_hash_map HEADERS ${common_headers})
  leadflow_headers(test_headers OPTIONS ${test_options} DEPS absl::flat_hash_map GTest::gtest GTest::gmock
    HEADERS ${common_headers} <gmock/gmock.h> <gtest/gtest.h>)
endif()

# leadflow_compile_as(engine_base product_headers)
function(leadflow_compile_as name headers)
  if(LEADFLOW_PCH)
    target_compile_options(${name} PRIVATE $<TARGET_PROPERTY:${headers},COMPILE_OPTIONS>)
    target_precompile_headers(${name} REUSE_FROM ${headers})
  endif()
endfunction()
